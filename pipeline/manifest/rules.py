"""Which rows the manifest excludes, and which rules it must satisfy."""

from collections.abc import Callable, Collection, Sequence

import pandas as pd
from pandas.api.types import is_list_like

from pipeline.core.params import ManifestParams
from pipeline.core.tables import exclude, is_pediatric, row_names
from pipeline.decisions import replay
from pipeline.decisions.file import Decision
from sources.core.items import KEY, LABELS
from sources.core.text import counted


def build(rows: pd.DataFrame, decided: Sequence[Decision], params: ManifestParams) -> pd.DataFrame:
    """Apply the decisions of people, exclude what the data set does not keep, and add ``status``."""
    rows = replay.apply(rows, decided)
    rows = exclude_labels(rows, params)
    spared = replay.brought_back(rows, decided)
    if not params.keep_pediatric:
        rows = exclude_pediatric(rows, spared)
    rows = exclude_flagged(rows, params.exclude_flags, spared)
    status = rows["excluded_by"].isna().map({True: "kept", False: "excluded"})
    return rows.assign(status=status)


def exclude_labels(rows: pd.DataFrame, params: ManifestParams) -> pd.DataFrame:
    """Exclude rows without a label, and rows whose label is not one of ``manifest.labels``; none if that is ``any``."""
    if params.keeps_any_label:
        return rows
    labels = params.labels
    rows = exclude(rows, rows["label"].isna(), "manifest", "label unknown: not stated by the source")
    reason = "label not used: " + rows["label"].astype(object).fillna("") + f" (only {', '.join(labels)})"
    return exclude(rows, ~rows["label"].isin(list(labels)), "manifest", reason)


def exclude_pediatric(rows: pd.DataFrame, spared: "pd.Series[bool]") -> pd.DataFrame:
    """Exclude films of children, except those that a person decided to keep."""
    by_age = "pediatric: age " + rows["age"].map("{:g}".format, na_action="ignore").astype(object)
    reason = by_age.where(rows["age"].notna(), "pediatric: according to the source")
    return exclude(rows, is_pediatric(rows) & ~spared, "manifest", reason)


def exclude_flagged(rows: pd.DataFrame, unwanted: Collection[str], spared: "pd.Series[bool]") -> pd.DataFrame:
    """Exclude films with unwanted flags, except those that a person decided to keep."""
    matching = [[flag for flag in flags if flag in unwanted] if is_list_like(flags) else [] for flags in rows["flags"]]
    reason = pd.Series(["quality: " + ", ".join(flags) for flags in matching], index=rows.index, dtype=object)
    return exclude(rows, pd.Series(list(map(bool, matching)), index=rows.index) & ~spared, "manifest", reason)


def broken_rules(rows: pd.DataFrame, params: ManifestParams) -> list[str]:
    """One clause per rule that the manifest breaks, with the number of rows and an example."""
    clauses = []
    for rule, breaks in (RULES if params.keeps_any_label else RULES | LABEL_RULE).items():
        broken = breaks(rows).fillna(False).astype(bool)
        if broken.any():
            example = row_names(rows[broken]).iloc[0]
            clauses.append(f"{rule} ({counted(int(broken.sum()), 'row does', 'rows do')} not, e.g. {example})")
    return clauses


def _is_kept(rows: pd.DataFrame) -> "pd.Series[bool]":
    return rows["status"] == "kept"


# rule -> rows that break it
RULES: dict[str, Callable[[pd.DataFrame], "pd.Series[bool]"]] = {
    "every row has its own source and item_id": lambda rows: rows.duplicated(list(KEY), keep=False),
    "every row is kept or excluded": lambda rows: ~rows["status"].isin(["kept", "excluded"]),
    "an excluded row has a stage": lambda rows: ~_is_kept(rows) & rows["excluded_by"].isna(),
    "an excluded row has a reason": lambda rows: ~_is_kept(rows) & (rows["reason"].fillna("") == ""),
    "a kept row has no exclusion": lambda rows: _is_kept(rows) & rows[["excluded_by", "reason"]].notna().any(axis=1),
    "a label is a known one": lambda rows: _is_kept(rows) & rows["label"].notna() & ~rows["label"].isin(LABELS),
    "a kept row has an image": lambda rows: _is_kept(rows) & rows[["image_id", "width", "height"]].isna().any(axis=1),
}
LABEL_RULE = {"a kept row has a label": lambda rows: _is_kept(rows) & rows["label"].isna()}
