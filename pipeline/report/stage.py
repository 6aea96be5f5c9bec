"""The ``report`` stage: one self-contained page that shows what the data set is and how it came about.

Reads the manifest, the splits, the proven duplicates, the pool's pictures and what ``evaluate`` wrote per experiment.
Adds ``reports/index.html``; excludes nothing. All text on it is escaped by the template.
"""

import base64
import hashlib
import json
from concurrent.futures import Executor
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import pandas as pd
from jinja2 import Environment

from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.summary import Summary
from pipeline.report.numbers import (
    Rows,
    contradicted,
    counts,
    crosstab,
    flag_table,
    funnel,
    headline,
    source_table,
    split_table,
    top_reasons,
)
from pipeline.report.pictures import (
    choose_excluded,
    choose_flagged,
    choose_kept,
    choose_pairs,
    choose_tones,
    pairs_shown,
    sheets_shown,
    shown_names,
    thumbnails,
    tones_shown,
)
from sources.core.errors import CxnetError
from sources.core.storage import atomic, read_table


@dataclass(frozen=True)
class ReportSummary(Summary):
    """Where the page is, and its size."""

    path: str
    bytes: int

    def __str__(self) -> str:
        return f"{self.path}, {self.bytes / 1e6:.1f} MB"


def run(layout: Layout, params: Params, executor: Executor | None = None) -> ReportSummary:
    """Write ``reports/index.html``.

    Raises:
        CxnetError: a table that the page shows has not been written yet.
    """
    manifest = read_table(layout.manifest / "manifest.parquet")
    splits = read_table(layout.splits)
    pairs = read_table(layout.duplicates)
    doubts = read_table(layout.contradictions)
    page = _page(layout, params, manifest, splits, pairs, doubts)
    with atomic(layout.reports / "index.html", "w") as file:
        file.write(page)
    return ReportSummary(str(layout.reports / "index.html"), len(page.encode()))


def _page(
    layout: Layout,
    params: Params,
    manifest: pd.DataFrame,
    splits: pd.DataFrame,
    pairs: pd.DataFrame,
    doubts: pd.DataFrame,
) -> str:
    kept = manifest[manifest["status"] == "kept"]
    chosen = choose_pairs(pairs)
    tones = choose_tones(manifest)
    sheets = {"kept": choose_kept(kept), "excluded": choose_excluded(manifest), "flagged": choose_flagged(manifest)}
    pictures = thumbnails(layout, shown_names(sheets, chosen, tones))
    columns, label_rows = crosstab(kept, "source", "label")
    view_columns, view_rows = crosstab(manifest, "view", "status")
    flag_columns, flag_rows = flag_table(manifest)
    split_columns, split_rows = split_table(kept, splits)
    by_source_columns, by_source = crosstab(splits[splits["split"].notna()], "source", "split")
    return _template().render(
        profile=params.profile,
        version=version("cxnet-data"),
        manifest_sha256=_sha256(layout),
        numbers=headline(manifest, splits),
        funnel=funnel(manifest),
        reasons=top_reasons(manifest),
        source_columns=("source", "licence", "listed", "fetched", "kept", "bytes may be passed on"),
        source_rows=source_table(manifest),
        skipped=_skipped(layout, params),
        label_columns=columns,
        label_rows=label_rows,
        view_columns=view_columns,
        view_rows=view_rows,
        kept=sheets_shown(sheets["kept"], pictures, "label"),
        excluded=sheets_shown(sheets["excluded"], pictures, "reason"),
        duplicate_rows=counts(pairs["kind"]),
        pairs=pairs_shown(chosen, pictures),
        flag_columns=flag_columns,
        flag_rows=flag_rows,
        flagged=sheets_shown(sheets["flagged"], pictures, "label"),
        contradiction_counts=counts(doubts["kind"]),
        contradiction_rows=contradicted(doubts),
        tones=tones_shown(layout, tones),
        tone_sources=", ".join(params.harmonise.sources),
        split_columns=split_columns,
        split_rows=split_rows,
        split_source_columns=by_source_columns,
        split_source_rows=by_source,
        models=[_model(layout, name) for name in params.experiments if layout.report(name).exists()],
    )


def _model(layout: Layout, experiment: str) -> dict[str, Any]:
    """Metrics and figures of one judged experiment."""
    folder = layout.report(experiment)
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError) as error:
        raise CxnetError(
            f"{folder / 'metrics.json'} is not readable ({error}); run `cxnet-data evaluate {experiment}` again."
        ) from None
    figures = sorted((folder / "figures").glob("*.png"), key=str)
    return {
        "name": experiment,
        "about": metrics.get("about", ""),
        "metrics": _metric_rows(metrics),
        "figures": [(path.stem.replace("_", " "), path.read_bytes()) for path in figures],
    }


def _metric_rows(metrics: dict[str, Any]) -> Rows:
    rows: Rows = []
    for split, values in metrics.items():
        if not isinstance(values, dict):
            continue
        for name, value in values.items():
            if isinstance(value, int | float) and f"{name}_low" in values:
                interval = f"{values[f'{name}_low']:.3f} – {values[f'{name}_high']:.3f}"
                rows.append((name.replace("_", " "), f"{value:.3f}", interval, split, int(values.get("n", 0))))
    return rows


def _skipped(layout: Layout, params: Params) -> list[tuple[str, str]]:
    """Sources that this run did not read, and why."""
    skipped = []
    for name in params.sources:
        receipt = layout.raw / name / "fetch.json"
        try:
            found = json.loads(receipt.read_text(encoding="utf-8")) if receipt.exists() else {}
        except ValueError as error:
            raise CxnetError(
                f"{receipt} is not readable JSON ({error}); run `cxnet-data fetch {name}` again."
            ) from None
        if found.get("state") == "skipped":
            skipped.append((name, str(found.get("why", "closed"))))
    return skipped


def _sha256(layout: Layout) -> str:
    with (layout.manifest / "manifest.parquet").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def _template() -> Any:
    environment = Environment(autoescape=True, trim_blocks=True)
    environment.filters["uri"] = _data_uri
    environment.filters["cell"] = _cell
    return environment.from_string(files("pipeline.report").joinpath("report.html").read_text(encoding="utf-8"))


def _data_uri(picture: bytes) -> str:
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
