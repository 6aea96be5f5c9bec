"""The rules that the tables of a data set satisfy. Each returns every place where it is broken."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.audit.violations import Violation, broken
from pipeline.core.balance import PEDIATRIC, SPLITS
from pipeline.core.groups import group_rows
from pipeline.core.tables import row_names
from sources.core.items import KEY, LABELS

SPLIT_NAMES = (*SPLITS, "external", PEDIATRIC)
LINKS = {"patient_id": "patient", "patient_key": "patient", "study_id": "study", "cluster_id": "cluster"}
TEXTS = ("item_id", "page_url", "url", "member", "finding", "patient_id", "study_id", "fetched_url", "file", "reason")
SHOWN = 4  # films that a violation names
PERSONAL = {  # what a shared table must not hold -> how it looks, in RE2
    "an address of a file on somebody's machine": r"file:/|^(?:/(?:home|Users|root|mnt|media|tmp)/|[A-Za-z]:\\)",
    "an e-mail address": r"[\w.+-]+@[\w-]+\.[A-Za-z]{2,}(?:[^\w/]|$)",
    "a key or password in an address": r"(?i)[?&](?:access_token|token|api_?key|password|sig|signature)=",
}


@dataclass(frozen=True)
class Tables:
    """The tables that are checked.

    Attributes:
        manifest: all rows.
        splits: those of ``splits.parquet``; None = there is no such file.
        listed: source and item_id of every listed item, from the locks; None = there are none.
        withdrawn: image_id -> why the film was withdrawn.
    """

    manifest: pd.DataFrame
    splits: pd.DataFrame | None
    listed: pd.DataFrame | None
    withdrawn: Mapping[str, str]

    @property
    def kept(self) -> pd.DataFrame:
        """The kept rows."""
        return self.manifest[self.manifest["status"] == "kept"]


def check_tables(tables: Tables) -> list[Violation]:
    """Every place where the tables break a rule, in order."""
    return sorted({violation for found in check_rules(tables).values() for violation in found})


def check_rules(tables: Tables) -> dict[str, list[Violation]]:
    """The same by group of rules, which is named in words."""
    return {rule.__name__.strip("_").replace("_", " "): list(rule(tables)) for rule in RULES}


def _rows_are_unique(tables: Tables) -> Iterator[Violation]:
    rows = tables.manifest
    yield from broken("every row has its own source and item_id", rows[rows.duplicated(list(KEY), keep=False)])


def _all_items_are_listed_once(tables: Tables) -> Iterator[Violation]:
    if tables.listed is None:
        return
    both = tables.manifest[list(KEY)].drop_duplicates().merge(tables.listed, how="outer", indicator="where")
    repeated = tables.listed[tables.listed.duplicated(keep=False)]
    yield from broken("every listed image is listed once", repeated)
    yield from broken("every listed image is a row of the manifest", both[both["where"] == "right_only"])
    yield from broken("every row of the manifest is a listed image", both[both["where"] == "left_only"])


def _status_has_a_reason(tables: Tables) -> Iterator[Violation]:
    rows = tables.manifest
    is_kept = rows["status"] == "kept"
    yield from broken(
        "every row is kept or excluded", *_with(rows, "status", ~rows["status"].isin(["kept", "excluded"]))
    )
    out = rows["status"] == "excluded"
    yield from broken("an excluded row has a stage", rows[out & rows["excluded_by"].isna()])
    yield from broken("an excluded row has a reason", rows[out & (rows["reason"].fillna("") == "")])
    yield from broken("a kept row has no exclusion", *_with(rows, "excluded_by", is_kept & rows["excluded_by"].notna()))
    yield from broken("a kept row has no reason", *_with(rows, "reason", is_kept & rows["reason"].notna()))


def _kept_rows_are_films(tables: Tables) -> Iterator[Violation]:
    kept = tables.kept
    unknown = kept["label"].notna() & ~kept["label"].isin(LABELS)
    yield from broken("a label is a known one", *_with(kept, "label", unknown))
    yield from broken("a kept row has an image", kept[kept[["image_id", "width", "height"]].isna().any(axis=1)])


def _copies_point_to_films(tables: Tables) -> Iterator[Violation]:
    rows = tables.manifest
    copies = rows[rows["duplicate_of"].notna()]
    known = set(row_names(rows))
    yield from broken("a copy is one of a row", *_with(copies, "duplicate_of", ~copies["duplicate_of"].isin(known)))
    kept = copies["status"] == "kept"
    yield from broken("a copy is excluded", *_with(copies, "duplicate_of", kept))


def _splits_fit(tables: Tables) -> Iterator[Violation]:
    if tables.splits is None:
        return
    columns = [*KEY, "image_id", "status"]
    rows = tables.manifest[columns].drop_duplicates(list(KEY))
    both = rows.merge(tables.splits, on=list(KEY), how="outer", suffixes=("", "_split"), indicator="where")
    yield from broken("every row has an entry in the splits", both[both["where"] == "left_only"])
    yield from broken("every entry in the splits is a row", both[both["where"] == "right_only"])
    both = both[both["where"] == "both"]
    is_kept = both["status"] == "kept"
    unknown = both["split"].notna() & ~both["split"].isin(SPLIT_NAMES)
    other = both["image_id"].notna() & (both["image_id"] != both["image_id_split"]).fillna(True)
    yield from broken("a kept film is in a split", both[is_kept & both["split"].isna()])
    yield from broken("an excluded row is in no split", *_with(both, "split", ~is_kept & both["split"].notna()))
    yield from broken("a split is a known one", *_with(both, "split", unknown))
    yield from broken("the splits speak of the same images", *_with(both, "image_id_split", other))


def _nothing_is_in_two_splits(tables: Tables) -> Iterator[Violation]:
    """Linked anew from the manifest: patients, studies and clusters, also by way of excluded films."""
    if tables.splits is None:
        return
    rows = tables.manifest.drop_duplicates(list(KEY)).merge(tables.splits[[*KEY, "split", "group_id"]], on=list(KEY))
    split = rows["split"].where(rows["split"].isin(SPLIT_NAMES))
    for name, kind in {**LINKS, "group_id": "group"}.items():
        yield from _leaks(f"no {kind} is in two splits", rows[name], split, rows)
    linked = group_rows(
        [("row", row_names(rows)), ("row", rows["duplicate_of"]), *((LINKS[name], rows[name]) for name in LINKS)]
    )
    yield from _leaks("films that are linked are in one split", linked.astype(str), split, rows)


def _leaks(rule: str, groups: "pd.Series[str]", split: "pd.Series[str]", rows: pd.DataFrame) -> Iterator[Violation]:
    inside = groups.notna() & split.notna()
    counts = split[inside].groupby(groups[inside]).nunique()
    for group in counts.index[counts > 1]:
        where = inside & (groups == group)
        films, names = row_names(rows[where]), ", ".join(sorted(set(split[where])))
        shown = ", ".join(films.iloc[:SHOWN]) + (", ..." if len(films) > SHOWN else "")
        yield Violation(rule, shown, names if "linked" in rule else f"{group} is in {names}")


def _terms_are_stated(tables: Tables) -> Iterator[Violation]:
    rows = tables.manifest
    travels = rows["redistributable"].fillna(False).astype(bool)
    yield from broken("a film that may be passed on has a license", rows[travels & (rows["licence"].fillna("") == "")])


def _nobody_is_named(tables: Tables) -> Iterator[Violation]:
    for column in TEXTS:
        values = pa.array(tables.manifest[column].astype(object), pa.string(), from_pandas=True)
        for what, pattern in PERSONAL.items():
            found = pc.fill_null(pc.match_substring_regex(values, pattern), False).to_numpy(zero_copy_only=False)
            if found.any():
                rows = tables.manifest[found]
                yield from broken(f"no {column} holds {what}", rows, rows[column])


def _nothing_is_withdrawn(tables: Tables) -> Iterator[Violation]:
    kept = tables.kept
    found = kept["image_id"].isin(list(tables.withdrawn))
    yield from broken("no kept film is withdrawn", kept[found], kept.loc[found, "image_id"].map(dict(tables.withdrawn)))


def _with(rows: pd.DataFrame, column: str, where: "pd.Series[bool]") -> "tuple[pd.DataFrame, pd.Series[str]]":
    chosen = rows[where.fillna(True).astype(bool)]
    return chosen, chosen[column]


RULES: tuple[Callable[[Tables], Iterator[Violation]], ...] = (
    _rows_are_unique,
    _all_items_are_listed_once,
    _status_has_a_reason,
    _kept_rows_are_films,
    _copies_point_to_films,
    _splits_fit,
    _nothing_is_in_two_splits,
    _terms_are_stated,
    _nobody_is_named,
    _nothing_is_withdrawn,
)
