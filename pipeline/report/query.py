"""Rows of a manifest that a condition in SQL chooses (DuckDB), and a sheet of their films."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from upath import UPath

from pipeline.imaging.arrays import Gray
from pipeline.imaging.png import decode_png
from pipeline.report.summary import Table
from sources.core.errors import CxnetError, UsageError
from sources.core.items import KEY, Key
from sources.core.storage import atomic, is_local, read_arrow
from sources.core.text import counted, visible

SHOWN = ("source", "item_id", "label", "view", "age", "sex", "split", "status", "reason")
FIRST = 20  # rows listed
COLUMNS, SIDE, CAPTION = 8, 160, 18  # of a sheet: films in a row, and px
MOST = 96  # films on a sheet


def select_rows(path: UPath, where: str) -> pa.Table:
    """The rows of a manifest that satisfy a condition; the splits beside it, if there are any, are columns, too.

    The condition sees the columns of the manifest only: no file, no network.

    Raises:
        UsageError: it is no condition in SQL, or names another column.
        CxnetError: the manifest cannot be read.
    """
    import duckdb

    rows = read_arrow(path)
    splits = next((place for place in _splits(path) if place.exists()), None)
    with duckdb.connect(config={"enable_external_access": "false", "lock_configuration": "true"}) as database:
        database.register("films", rows)
        source = "films"
        if splits is not None:
            database.register("parts", read_arrow(splits).select([*KEY, "group_id", "split", "fold"]))
            source = "films left join parts using (source, item_id)"
        try:
            return database.sql(f"select * from {source} where ({where})").to_arrow_table()
        except (duckdb.Error, AttributeError) as error:
            first = str(error).strip().splitlines()[0]
            raise UsageError(f"--where is no condition on the columns of {path}: {visible(first)}") from None


def rows_table(rows: pa.Table) -> Table:
    """The first rows, with the columns that say most."""
    columns = [name for name in SHOWN if name in rows.column_names]
    cells = rows.select(columns).slice(0, FIRST).to_pydict().values()
    more = f", the first {FIRST}" if len(rows) > FIRST else ""
    return Table(tuple(columns), list(zip(*cells, strict=True)), f"{counted(len(rows), 'row')}{more}")


def write_sheet(path: UPath, rows: pa.Table, out: Path) -> int:
    """Write a PNG with the films of the rows that have a picture beside the manifest; how many are on it.

    Raises:
        CxnetError: none of them has a picture.
    """
    keys = list(zip(*(rows.column(name).to_pylist() for name in KEY), strict=True))
    pictures = _pictures(path, keys)
    films = [(f"{key[0]}/{key[1]}", pictures[key]) for key in keys if key in pictures][:MOST]
    if not films:
        raise CxnetError(f"None of the {counted(len(rows), 'row')} has a picture beside {path}; there is no sheet.")
    tiles = [_tile(decode_png(png, name), name) for name, png in films]
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % COLUMNS)
    sheet = np.vstack([np.hstack(tiles[at : at + COLUMNS]) for at in range(0, len(tiles), COLUMNS)])
    with atomic(out) as file:
        file.write(cv2.imencode(".png", sheet)[1].tobytes())
    return len(films)


def _splits(path: UPath) -> tuple[UPath, ...]:
    return path.parent / "splits.parquet", path.parent.parent / "splits.parquet"


def _pictures(path: UPath, keys: Sequence[Key]) -> dict[Key, bytes]:
    """The pictures of the first rows that have one, from the shards beside the manifest."""
    folder = path.parent
    shards = sorted([*folder.glob("images-*.parquet"), *(folder / "images").glob("*.parquet")], key=str)
    shards = shards or sorted((folder.parent / "pool").glob("*.parquet"), key=str)
    if not shards:
        return {}
    files = None if is_local(folder) else folder.fs
    films = ds.dataset([shard.path for shard in shards], format="parquet", filesystem=files)
    names = [item_id for _, item_id in keys]
    wanted, found = set(keys), dict[Key, bytes]()
    chosen = ds.field("item_id").isin(names)
    for batch in films.to_batches(columns=[*KEY, "image"], filter=chosen, batch_size=64):
        for row in batch.to_pylist():
            key = (row["source"], row["item_id"])
            if key in wanted and (row["image"] or {}).get("bytes"):
                found[key] = row["image"]["bytes"]
        if len(found) >= MOST:
            break
    return found


def _tile(gray: Gray, name: str) -> Gray:
    """A film in a square, above its name."""
    scale = SIDE / max(gray.shape)
    size = (max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale)))
    small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    tile = np.full((SIDE + CAPTION, SIDE + 4), 255, np.uint8)
    left = (SIDE + 4 - small.shape[1]) // 2
    tile[: small.shape[0], left : left + small.shape[1]] = small
    text = name.encode("ascii", "replace").decode()
    text = text if len(text) <= 26 else f"{text[:12]}...{text[-11:]}"
    cv2.putText(tile, text, (4, SIDE + 13), cv2.FONT_HERSHEY_SIMPLEX, 0.35, 0, 1, cv2.LINE_AA)
    return tile
