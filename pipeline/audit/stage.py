"""Stage audit: what can be read off the films that is not the disease.

Reads ``manifest/manifest.parquet`` and ``arrays/<inputs>/`` (the smallest whole films; of films cropped to the lungs
and of concealed ones, the same size). Writes ``reports/audit.json`` and ``audit.parquet``, the score of every probe.
Adds no column to the manifest and excludes nothing.
"""

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from pipeline.audit.content import audit
from pipeline.audit.sights import HARMLESS
from pipeline.core.experiments import Inputs
from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.schema import KEY_FIELDS, MANIFEST_SCHEMA
from pipeline.core.summary import Summary
from pipeline.prepare.arrays import Arrays, read_arrays
from sources.core.items import KEY, field
from sources.core.storage import read_table, write_json, write_table

SCHEMA = pa.schema(
    [
        *KEY_FIELDS,
        field("target", pa.string(), "label | source | view | sex | age"),
        field("inputs", pa.string(), "prepared films that the probe was given"),
        field("sight", pa.string(), "what of them it saw"),
        field("actual", pa.string(), "value of the film"),
        field("predicted", pa.string(), "value that the probe finds most probable"),
        field("score", pa.float64(), "probability that it gives the actual value"),
    ]
)
COLUMNS = ["label", "view", "age", "sex", "width", "height", "bit_depth", "format", "file_size", "is_color"]


@dataclass(frozen=True)
class AuditSummary(Summary):
    """Readings, and what the main verdicts say."""

    readings: int
    verdicts: int
    worst: str

    def __str__(self) -> str:
        return f"{self.readings} readings, {self.verdicts} verdicts{self.worst}"


def run(layout: Layout, params: Params, executor: Executor | None = None) -> AuditSummary:
    """Write ``reports/audit.json`` and ``data/audit.parquet``.

    Raises:
        CxnetError: the arrays or the manifest cannot be read.
    """
    size = min(params.prepare.sizes)
    names = [name for name in params.input_names if Inputs.parse(name).size == size]
    names = sorted(names, key=lambda name: Inputs.parse(name).region != "film")
    manifest = read_table(layout.manifest / "manifest.parquet", [*KEY, *COLUMNS], MANIFEST_SCHEMA)
    inputs = {name: _with_rows(read_arrays(layout, name), manifest) for name in names}
    content, scores = audit(inputs, params.split.seed)
    write_json(layout.reports / "audit.json", content)
    write_table(layout.table("audit"), scores, SCHEMA)
    return AuditSummary(len(content["readings"]), len(content["verdicts"]), _worst(content["readings"]))


def _with_rows(arrays: Arrays, manifest: pd.DataFrame) -> tuple[Arrays, pd.DataFrame]:
    """The films with their rows of the manifest, and their groups."""
    rows = arrays.rows[[*KEY, "group_id"]].merge(manifest, on=list(KEY), how="left", validate="one_to_one")
    return arrays, rows


def _worst(readings: list[dict[str, Any]]) -> str:
    """The shortcut by which the label is read best, as a clause."""
    found = [
        (each["auc"]["value"], str(each["sight"]))
        for each in readings
        if each["target"] == "label" and each["sight"] not in HARMLESS and each["auc"]["value"] is not None
    ]
    return "; the label is read best off the {1} (AUC {0:.2f})".format(*max(found)) if found else ""
