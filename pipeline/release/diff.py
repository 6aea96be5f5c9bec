"""What changed between two versions: rows added and gone, films relabelled, moved, in or out; and why."""

from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
from upath import UPath

from pipeline.audit.dataset import MANIFEST, SPLITS
from pipeline.core.schema import MANIFEST_SCHEMA, SPLITS_SCHEMA
from pipeline.release.record import SnapshotRecord, read_record
from sources.core.items import KEY, field
from sources.core.storage import read_table, write_table

COMPARED = ("label", "view", "status", "split", "image_id", "patient_key", "cluster_id", "duplicate_of", "licence")
DIFF_SCHEMA = pa.schema(
    [
        field("source", pa.string(), "name of the source"),
        field("item_id", pa.string(), "identifier of the image within its source"),
        field("change", pa.string(), "added | gone | relabelled | moved | kept | excluded | replaced | changed"),
        field("column", pa.string(), "the column that differs"),
        field("before", pa.string(), "its value in the first version"),
        field("after", pa.string(), "its value in the second version"),
        field("why", pa.string(), "source changed | decision | code or options | other films"),
    ]
)
CHANGES = {"label": "relabelled", "split": "moved", "image_id": "replaced"}


@dataclass(frozen=True)
class Difference:
    """What changed from one version to another: the records of both, and a row for each change."""

    before: SnapshotRecord
    after: SnapshotRecord
    rows: pd.DataFrame

    def table(self) -> list[tuple[str, str, int]]:
        """Change, why, and how many rows."""
        counts = self.rows.groupby(["change", "why"], as_index=False).size()
        return [(str(row["change"]), str(row["why"]), int(row["size"])) for row in counts.to_dict("records")]

    def write(self, path: UPath) -> None:
        """Write the changes as Parquet."""
        write_table(path, self.rows, DIFF_SCHEMA)


def compare(first: UPath, second: UPath) -> Difference:
    """Compare two snapshots.

    Raises:
        UsageError: one is no snapshot.
        CxnetError: a table is damaged.
    """
    before, after = read_record(first), read_record(second)
    old, new = _rows(first), _rows(second)
    both = old.merge(new, on=list(KEY), how="outer", suffixes=("_old", "_new"), indicator="where")
    decided = _decided(second) ^ _decided(first)  # decisions that only one version has
    made = [
        _change(both[both["where"] == "right_only"], "added", "status", decided, before, after),
        _change(both[both["where"] == "left_only"], "gone", "status", decided, before, after),
    ]
    common = both[both["where"] == "both"]
    for column in COMPARED:
        old_values, new_values = (common[f"{column}_{side}"].fillna("") for side in ("old", "new"))
        made.append(_change(common[old_values != new_values], None, column, decided, before, after))
    rows = pd.concat(made, ignore_index=True).sort_values([*KEY, "column"], ignore_index=True)
    return Difference(before, after, rows)


def _rows(folder: UPath) -> pd.DataFrame:
    columns = [name for name in COMPARED if name != "split"]
    rows = read_table(folder / MANIFEST, [*KEY, *columns], MANIFEST_SCHEMA)
    splits = read_table(folder / SPLITS, [*KEY, "split"], SPLITS_SCHEMA)
    return rows.merge(splits, on=list(KEY), how="left").astype(object)


def _decided(folder: UPath) -> set[str]:
    """The lines of the decisions, as texts."""
    path = folder / "decisions.csv"
    return set(path.read_text(encoding="utf-8").splitlines()[1:]) if path.exists() else set()


def _change(
    rows: pd.DataFrame,
    change: str | None,
    column: str,
    decided: set[str],
    before: SnapshotRecord,
    after: SnapshotRecord,
) -> pd.DataFrame:
    old, new = rows[f"{column}_old"], rows[f"{column}_new"]
    named = pd.Series(change or CHANGES.get(column, "changed"), index=rows.index, dtype=object)
    if change is None and column == "status":
        named = new.astype(object)  # kept or excluded now
    images = rows["image_id_new"].where(rows["image_id_new"].notna(), rows["image_id_old"])
    by_person = images.map(lambda image: any(str(image) in line for line in decided) if pd.notna(image) else False)
    replaced = (rows["image_id_old"].fillna("") != rows["image_id_new"].fillna("")) | (change in ("added", "gone"))
    is_other_code = before.code != after.code or before.files.get("profile.yaml") != after.files.get("profile.yaml")
    why = pd.Series("code or options" if is_other_code else "other films", index=rows.index, dtype=object)
    why = why.mask(replaced, "source changed").mask(by_person.astype(bool), "decision")
    return pd.DataFrame(
        {
            **{name: rows[name] for name in KEY},
            "change": named,
            "column": column,
            "before": old.astype(object).where(old.notna(), None),
            "after": new.astype(object).where(new.notna(), None),
            "why": why,
        }
    )
