"""Compare the tables of two ``data/`` folders: same rows in the same order, same columns, same values.

Run: ``python -m benchmarks.same_tables OLD_DATA NEW_DATA``. Use it to show that a change of the code leaves the results
of a profile as they are. It reads every Parquet table and every ``.npy`` array below both folders, except downloaded
files. Shards of one table are compared as one table, so their boundaries may differ. Pictures and other bytes are
compared by hash. Prints one line per table and each differing column with an example; exits with 1 on a difference.

Columns of :data:`TEXTS` hold sentences for people. Their wording may differ, but not which rows have a text, nor how
many rows share one. Columns of :data:`IGNORED` are not compared at all.
"""

import argparse
import hashlib
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

TEXTS = {  # column of free text -> the column whose values its texts are grouped by
    "reason": "excluded_by",
    "fetch_reason": "fetch_status",
    "evidence": "kind",
    "view_review": "view_source",
    "why": "kind",
}
IGNORED = ("retrieved_at",)  # when a file was downloaded
IDENTITIES = (  # columns that identify a row; a table uses the first set that it has
    ("cluster_id", "column", "a_source", "a_item_id", "b_source", "b_item_id"),
    ("a_source", "a_item_id", "b_source", "b_item_id"),
    ("source", "item_id", "kind", "other"),
    ("source", "item_id"),
)
BATCH_ROWS = 64  # how many pictures are in memory at once
LONGEST_EXAMPLE = 60

Row = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table whose bytes are replaced by hashes.

    Attributes:
        types: Arrow type of each column, by name, in the table's order.
        rows: the values; ``names`` identify the rows, in the same order.
    """

    types: Mapping[str, str]
    rows: pa.Table
    names: Sequence[Row]


@dataclass
class Comparison:
    """How many rows (of the new folder) were compared, and one sentence per difference."""

    name: str
    rows: int = 0
    differences: list[str] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path, help="a data/ folder")
    parser.add_argument("new", type=Path, help="the data/ folder to compare with it")
    options = parser.parse_args()
    for folder in (options.old, options.new):
        if not folder.is_dir():
            parser.error(f"{folder} is not a folder")
    differing = 0
    for comparison in compare_folders(options.old, options.new):
        differing += bool(comparison.differences)
        print(f"{comparison.name:<36}{comparison.rows:>9,} rows  {'DIFFERENT' if comparison.differences else 'same'}")
        for difference in comparison.differences:
            print(f"    {difference}")
    print(f"{differing} different" if differing else "all tables are the same")
    sys.exit(1 if differing else 0)


def compare_folders(old: Path, new: Path) -> Iterator[Comparison]:
    """One comparison per table and array of either folder, by name."""
    ours, theirs = find_tables(old), find_tables(new)
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in theirs or name not in ours:
            yield Comparison(name, differences=[f"only below {old if name in ours else new}"])
        elif name.endswith(".npy"):
            yield compare_arrays(name, ours[name][0], theirs[name][0])
        else:
            yield compare_tables(name, read_shards(ours[name]), read_shards(theirs[name]))


def find_tables(folder: Path) -> dict[str, list[Path]]:
    """Files of each table by its name: its path without the number of the shard."""
    tables: defaultdict[str, list[Path]] = defaultdict(list)
    for path in sorted([*folder.rglob("*.parquet"), *folder.rglob("*.npy")]):
        relative = path.relative_to(folder)
        if not re.match(r"(raw/[^/]+/files|sandbox)/", relative.as_posix()):
            tables[re.sub(r"(-\d+)?\.parquet$", "", relative.as_posix())].append(path)
    return dict(tables)


def read_shards(paths: Sequence[Path]) -> Table:
    """All shards as one table.

    Raises:
        ValueError: the shards have different columns.
    """
    schemas = [pq.read_schema(path).remove_metadata() for path in paths]
    if any(schema != schemas[0] for schema in schemas):
        raise ValueError(f"shards of {paths[0]} have different columns")
    columns = [column for column in schemas[0].names if column not in IGNORED]
    batches = []
    for path in paths:
        with pq.ParquetFile(path) as file:
            batches += [hash_bytes(batch) for batch in file.iter_batches(BATCH_ROWS, columns=columns)]
    empty = hash_bytes(pa.RecordBatch.from_pylist([], schemas[0]).select(columns))
    rows = pa.Table.from_batches(batches, schema=empty.schema)
    identity = next((names for names in IDENTITIES if set(names) <= set(columns)), ())
    types = {column: str(schemas[0].field(column).type) for column in columns}
    return Table(types, rows, row_names(rows.select(list(identity)).to_pylist()))


def hash_bytes(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with the values of every column that holds bytes replaced by a hash of them."""
    columns = [
        pa.array([hash_value(value) for value in column.to_pylist()], pa.string())
        if "binary" in str(column.type)
        else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def hash_value(value: Any) -> str | None:
    return None if value is None else hashlib.sha256(repr(value).encode()).hexdigest()


def row_names(identities: Sequence[Mapping[str, object]]) -> list[Row]:
    """A unique name per row: its identity, and a number where several rows share it."""
    seen: Counter[Row] = Counter()
    names = []
    for identity in identities:
        name = tuple(str(value) for value in identity.values() if value is not None)
        seen[name] += 1
        names.append(name if seen[name] == 1 else (*name, f"number {seen[name]}"))
    return names


def compare_tables(name: str, old: Table, new: Table) -> Comparison:
    comparison = Comparison(name, new.rows.num_rows, [*compare_columns(old, new), *compare_rows(old, new)])
    known = set(new.names)
    common = [name for name in old.names if name in known]
    before, after = select(old, common), select(new, common)
    for column in (column for column in old.types if column in new.types):
        if column in TEXTS:
            difference = compare_texts(column, before, after, common)
        else:
            difference = compare_values(column, before[column], after[column], common)
        comparison.differences += difference
    return comparison


def select(table: Table, names: Sequence[Row]) -> pa.Table:
    """The rows with these names, in this order."""
    places = {name: place for place, name in enumerate(table.names)}
    return table.rows.take(pa.array([places[name] for name in names], pa.int64()))


def compare_columns(old: Table, new: Table) -> Iterator[str]:
    """Columns that are gone, new, of another type, or in another order."""
    for column in (column for column in old.types if column not in new.types):
        yield f"{column}: column is gone"
    for column in (column for column in new.types if column not in old.types):
        yield f"{column}: new column"
    common = [column for column in old.types if column in new.types]
    for column in common:
        if old.types[column] != new.types[column]:
            yield f"{column}: type {old.types[column]} became {new.types[column]}"
    if common != [column for column in new.types if column in old.types]:
        yield "columns are in another order"


def compare_rows(old: Table, new: Table) -> Iterator[str]:
    """Rows that are gone, new, or in another order."""
    before, after = set(old.names), set(new.names)
    for kind, missing in (("gone", before - after), ("new", after - before)):
        if missing:
            yield f"{len(missing):,} rows are {kind}, e.g. {'/'.join(min(missing))}"
    if [row for row in old.names if row in after] != [row for row in new.names if row in before]:
        yield "rows are in another order"


def compare_values(column: str, old: pa.ChunkedArray, new: pa.ChunkedArray, names: Sequence[Row]) -> list[str]:
    if old.equals(new):
        return []
    pairs = zip(names, map(repr, old.to_pylist()), map(repr, new.to_pylist()), strict=True)  # as repr, nan equals nan
    differing = [(name, a, b) for name, a, b in pairs if a != b]
    if not differing:
        return []
    name, a, b = differing[0]
    return [f"{column}: {len(differing):,} rows, e.g. {'/'.join(name)}: {shorten(a)} became {shorten(b)}"]


def compare_texts(column: str, old: pa.Table, new: pa.Table, names: Sequence[Row]) -> list[str]:
    """Differences other than wording: rows with and without a text, and how many rows share one."""
    blank = compare_values(f"{column} is null", old[column].is_null(), new[column].is_null(), names)
    before, after = shared_texts(column, old), shared_texts(column, new)
    if blank or before == after:
        return blank
    group, rows = min((before - after) + (after - before))
    sides = f"{before[group, rows]} texts before, {after[group, rows]} now"
    return [f"{column}: texts are shared by other numbers of rows, e.g. by {rows} of {group}: {sides}"]


def shared_texts(column: str, table: pa.Table) -> Counter[tuple[str, int]]:
    """How many texts there are per group and number of rows that share the text."""
    by = TEXTS[column] if TEXTS[column] in table.column_names else column
    groups = table[by].to_pylist() if by != column else ["any"] * table.num_rows
    texts = Counter(zip(map(str, groups), table[column].to_pylist(), strict=True))
    return Counter((group, rows) for (group, _), rows in texts.items())


def compare_arrays(name: str, old: Path, new: Path) -> Comparison:
    """Compare two arrays row by row, without reading them whole."""
    before, after = np.load(old, mmap_mode="r"), np.load(new, mmap_mode="r")
    comparison = Comparison(name, len(after))
    if (before.shape, before.dtype) != (after.shape, after.dtype):
        comparison.differences.append(f"shape {before.shape} of {before.dtype} became {after.shape} of {after.dtype}")
        return comparison
    differing = [index for index in range(len(before)) if before[index].tobytes() != after[index].tobytes()]
    if differing:
        comparison.differences.append(f"{len(differing):,} rows, e.g. row {differing[0]}")
    return comparison


def shorten(text: str) -> str:
    return text if len(text) <= LONGEST_EXAMPLE else f"{text[:LONGEST_EXAMPLE]}..."


if __name__ == "__main__":
    main()
