"""What a manifest holds, as plain tables: rows by source, label, view and status, and the top reasons for exclusion."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from upath import UPath

from pipeline.core.layout import Layout
from pipeline.core.tables import UNLABELED
from sources.core.items import LABELS, VIEWS
from sources.core.storage import read_table
from sources.core.text import counted

COLUMNS = ["source", "label", "view", "status", "excluded_by", "reason"]
TOP = 12  # reasons listed


@dataclass(frozen=True)
class Table:
    """A table to print.

    Attributes:
        columns: names of the columns.
        rows: one cell per column; numbers are not formatted yet.
        title: what the table shows; None if that is clear from its place.
    """

    columns: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]
    title: str | None = None


def manifest_tables(layout: Layout, manifest: str | None = None) -> list[Table]:
    """The tables that ``cxnet-data show`` prints.

    Args:
        layout: where this project's manifest is.
        manifest: another ``manifest.parquet``, or the folder that holds it; None = this project's.

    Raises:
        CxnetError: the file is absent, not Parquet, or not a manifest.
    """
    path = UPath(manifest) if manifest else layout.manifest
    rows = read_table(path if path.suffix == ".parquet" else path / "manifest.parquet", COLUMNS)
    rows = rows.assign(label=rows["label"].fillna(UNLABELED), view=rows["view"].fillna("unknown"))
    return [label_table(rows), stratum_table(rows), reason_table(rows)]


def label_table(rows: pd.DataFrame) -> Table:
    """Kept and excluded rows of each label, and of all."""
    counts = _by_status(rows, ["label"])
    labels = [name for name in (*LABELS, UNLABELED) if name in counts.index]
    table = [(name, *_numbers(counts.loc[[name]].sum())) for name in labels]
    title = f"{counted(len(rows), 'row')} from {counted(rows['source'].nunique(), 'source')}"
    return Table(("label", "kept", "excluded", "rows"), [*table, ("all", *_numbers(counts.sum()))], title)


def stratum_table(rows: pd.DataFrame) -> Table:
    """Each label of each source: its kept films by view, then all kept and excluded rows."""
    counts = _by_status(rows, ["source", "label"])
    kept = rows[rows["status"] == "kept"]
    views = [view for view in VIEWS if view in set(kept["view"])]
    by_view = pd.crosstab([kept["source"], kept["label"]], kept["view"]) if len(kept) else pd.DataFrame()
    by_view = by_view.reindex(index=counts.index, columns=views, fill_value=0)
    joined = pd.concat([by_view, counts], axis=1).fillna(0)
    names = zip(joined.index.get_level_values(0), joined.index.get_level_values(1), strict=True)
    numbers = joined.astype(int).to_numpy().tolist()
    table = [(*name, *row) for name, row in zip(names, numbers, strict=True)]
    return Table(("source", "label", *views, "kept", "excluded", "rows"), table, "Kept films by view")


def reason_table(rows: pd.DataFrame, top: int = TOP) -> Table:
    """The most frequent kinds of reasons for exclusion, and the stages that gave them."""
    excluded = rows[rows["status"] == "excluded"]
    counts = excluded.groupby(["excluded_by", excluded["reason"].fillna("").map(general_reason)]).size()
    ordered = sorted(counts.items(), key=lambda entry: (-int(entry[1]), entry[0]))[:top]
    table = [(*names, int(number)) for names, number in ordered]  # type: ignore[misc]
    return Table(("stage", "reason", "rows"), table, f"Top {len(table)} reasons for exclusion")


def general_reason(reason: str) -> str:
    """A reason without the details of one film: its copy, what follows ``: `` or `` (``, its address."""
    if reason.startswith("duplicate of "):
        return "duplicate of a better film"
    return reason.removeprefix("parse: ").split(": ")[0].split(" (")[0].split(" at http")[0]


def _by_status(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Columns kept, excluded and rows, for each combination of ``by``."""
    flags = rows.assign(kept=rows["status"] == "kept", excluded=rows["status"] != "kept", rows=True)
    return flags.groupby(by)[["kept", "excluded", "rows"]].sum().astype(int)


def _numbers(row: "pd.Series[int]") -> list[int]:
    return [int(value) for value in row]
