"""What a manifest holds, as plain tables: rows by source, label, view and status, and the top reasons of exclusion."""

import pandas as pd
from upath import UPath

from pipeline.core.layout import Layout
from sources.core.items import LABELS, VIEWS
from sources.core.storage import read_table

Table = tuple[str, tuple[str, ...], list[tuple[object, ...]]]  # title, column names, rows

COLUMNS = ["source", "label", "view", "status", "excluded_by", "reason"]
NO_LABEL = "(none)"
TOP = 12  # reasons listed


def summarise(layout: Layout, manifest: str | None = None) -> list[Table]:
    """Summarise a manifest.

    Args:
        layout: where this project's manifest is.
        manifest: another ``manifest.parquet``, or the folder that holds it; None = this project's.

    Raises:
        CxnetError: the file is absent, not Parquet, or not a manifest.
    """
    path = UPath(manifest) if manifest else layout.manifest
    rows = read_table(path if path.suffix == ".parquet" else path / "manifest.parquet", COLUMNS)
    rows = rows.assign(label=rows["label"].fillna(NO_LABEL), view=rows["view"].fillna("unknown"))
    return [label_table(rows), stratum_table(rows), reason_table(rows)]


def label_table(rows: pd.DataFrame) -> Table:
    """Kept and excluded rows of every label, and of all."""
    counts = _by_status(rows, ["label"])
    order = [name for name in (*LABELS, NO_LABEL) if name in counts.index]
    table: list[tuple[object, ...]] = [(name, *_numbers(counts.loc[[name]].sum())) for name in order]
    title = f"{len(rows):,} rows of {rows['source'].nunique()} sources"
    return title, ("label", "kept", "excluded", "rows"), [*table, ("all", *_numbers(counts.sum()))]


def stratum_table(rows: pd.DataFrame) -> Table:
    """Every label of every source: its kept films by view, all kept and excluded rows."""
    counts = _by_status(rows, ["source", "label"])
    kept = rows[rows["status"] == "kept"]
    views = [view for view in VIEWS if view in set(kept["view"])]
    by_view = pd.crosstab([kept["source"], kept["label"]], kept["view"]) if len(kept) else pd.DataFrame()
    by_view = by_view.reindex(index=counts.index, columns=views, fill_value=0)
    joined = pd.concat([by_view, counts], axis=1).fillna(0)
    names = zip(joined.index.get_level_values(0), joined.index.get_level_values(1), strict=True)
    numbers = joined.astype(int).to_numpy().tolist()
    table: list[tuple[object, ...]] = [(*name, *row) for name, row in zip(names, numbers, strict=True)]
    return "Kept films by view", ("source", "label", *views, "kept", "excluded", "rows"), table


def reason_table(rows: pd.DataFrame, top: int = TOP) -> Table:
    """The most frequent kinds of reasons for an exclusion, by the stage that gave them."""
    left_out = rows[rows["status"] == "excluded"]
    counts = left_out.groupby(["excluded_by", left_out["reason"].fillna("").map(general_reason)]).size()
    ordered = sorted(counts.items(), key=lambda entry: (-int(entry[1]), entry[0]))[:top]
    table: list[tuple[object, ...]] = [(*names, int(number)) for names, number in ordered]  # type: ignore[misc]
    return f"Top {len(table)} reasons of exclusion", ("stage", "reason", "rows"), table


def general_reason(reason: str) -> str:
    """What many films' reasons have in common: no name of a film, no detail after ``: `` or `` (``, no address."""
    if reason.startswith("duplicate of "):
        return "duplicate of a better film"
    return reason.removeprefix("parse: ").split(": ")[0].split(" (")[0].split(" at http")[0]


def _by_status(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Columns kept, excluded and rows, one line per combination of ``by``."""
    flags = rows.assign(kept=rows["status"] == "kept", excluded=rows["status"] != "kept", rows=True)
    return flags.groupby(by)[["kept", "excluded", "rows"]].sum().astype(int)


def _numbers(row: "pd.Series[int]") -> list[int]:
    return [int(value) for value in row]
