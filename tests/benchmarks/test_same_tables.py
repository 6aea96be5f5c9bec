"""The comparison of two data folders finds what differs, and accepts what may differ."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.same_tables import compare_folders

REPO = Path(__file__).resolve().parents[2]
FILMS = ("a", "b", "c", "d")
POOL = {
    "source": ["cohen"] * 4,
    "item_id": list(FILMS),
    "sharpness": [1.5, float("nan"), None, 2.0],
    "flags": [["border"], [], None, ["text", "blurred"]],
    "excluded_by": [None, "fetch", "fetch", "ingest"],
    "reason": [None, "HTTP 404", "HTTP 404", "too small"],
    "retrieved_at": ["2026-01-01"] * 4,
    "image": [{"bytes": b"picture %d" % place, "path": "film.png"} for place in range(4)],
}
PAIRS = {
    "a_source": ["cohen", "cohen"],
    "a_item_id": ["a", "a"],
    "b_source": ["cohen", "cohen"],
    "b_item_id": ["b", "c"],
    "similarity": [0.9, 0.8],
}


def write(table, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)


def write_pool(folder, values, cut=2):
    table = pa.table({**values, "sharpness": pa.array(values["sharpness"], pa.float64(), from_pandas=False)})
    write(table.slice(0, cut), folder / "pool" / "pool-00000.parquet")
    write(table.slice(cut), folder / "pool" / "pool-00001.parquet")


def changed(column, place, value):
    return {**POOL, column: [*POOL[column][:place], value, *POOL[column][place + 1 :]]}


@pytest.fixture
def old(tmp_path):
    folder = tmp_path / "old"
    write_pool(folder, POOL)
    write(pa.table(PAIRS), folder / "duplicates.parquet")
    write(pa.table({"item_id": ["ignored"]}), folder / "raw" / "clinic" / "files" / "table.parquet")
    (folder / "arrays" / "8").mkdir(parents=True)
    np.save(folder / "arrays" / "8" / "images.npy", np.arange(4 * 8, dtype=np.uint8).reshape(4, 8))
    return folder


@pytest.fixture
def new(old, tmp_path):
    shutil.copytree(old, tmp_path / "new")
    return tmp_path / "new"


def differences(old, new):
    """Differences by the name of the table, without the tables that are the same."""
    return {result.name: result.differences for result in compare_folders(old, new) if result.differences}


def test_every_table_is_compared_but_no_downloaded_file(old, new):
    results = {result.name: result.rows for result in compare_folders(old, new)}
    assert results == {"arrays/8/images.npy": 4, "duplicates": 2, "pool/pool": 4}
    assert differences(old, new) == {}


def test_boundaries_of_shards_and_times_of_retrieval_may_differ(old, new):
    write_pool(new, {**POOL, "retrieved_at": ["2026-02-02"] * 4}, cut=1)
    assert differences(old, new) == {}


def test_a_changed_value_is_named_with_its_row(old, new):
    write_pool(new, changed("sharpness", 3, 2.5))
    assert differences(old, new) == {"pool/pool": ["sharpness: 1 rows, e.g. cohen/d: 2.0 became 2.5"]}
    write_pool(new, changed("sharpness", 1, None))
    assert differences(old, new) == {"pool/pool": ["sharpness: 1 rows, e.g. cohen/b: nan became None"]}
    write_pool(new, changed("flags", 0, ["text"]))
    assert differences(old, new) == {"pool/pool": ["flags: 1 rows, e.g. cohen/a: ['border'] became ['text']"]}


def test_a_changed_picture_is_found(old, new):
    write_pool(new, changed("image", 2, {"bytes": b"another", "path": "film.png"}))
    (difference,) = differences(old, new)["pool/pool"]
    assert difference.startswith("image: 1 rows, e.g. cohen/c")


def test_rows_that_are_gone_new_or_moved_are_named(old, new):
    write_pool(new, {column: values[:3] for column, values in POOL.items()})
    assert differences(old, new)["pool/pool"] == ["1 rows are gone, e.g. cohen/d"]
    write_pool(new, changed("item_id", 3, "z"))
    assert differences(old, new)["pool/pool"] == ["1 rows are gone, e.g. cohen/d", "1 rows are new, e.g. cohen/z"]
    write_pool(new, {**POOL, "source": ["other"] * 4})
    assert differences(old, new)["pool/pool"] == ["4 rows are gone, e.g. cohen/a", "4 rows are new, e.g. other/a"]
    write_pool(new, {column: [values[1], values[0], *values[2:]] for column, values in POOL.items()})
    assert differences(old, new)["pool/pool"] == ["rows are in another order"]


def test_rows_without_a_unique_identity_are_counted(old, new):
    write(pa.table({column: [*values, values[0]] for column, values in PAIRS.items()}), new / "duplicates.parquet")
    assert differences(old, new) == {"duplicates": ["1 rows are new, e.g. cohen/a/cohen/b/number 2"]}


def test_a_reworded_reason_is_no_difference_but_another_use_of_reasons_is(old, new):
    write_pool(new, {**POOL, "reason": [None, "not found", "not found", "below 256 px"]})
    assert differences(old, new) == {}
    write_pool(new, changed("reason", 2, "HTTP 403"))
    (difference,) = differences(old, new)["pool/pool"]
    assert difference.startswith("reason: texts are shared by other numbers of rows, e.g. by 1 of fetch")
    write_pool(new, changed("reason", 0, "too small"))
    assert differences(old, new) == {"pool/pool": ["reason is null: 1 rows, e.g. cohen/a: True became False"]}


def test_columns_are_compared_by_name_type_and_order(old, new):
    table = pa.table(PAIRS)
    write(table.drop_columns(["similarity"]).append_column("score", pa.array([1, 2])), new / "duplicates.parquet")
    assert differences(old, new)["duplicates"] == ["similarity: column is gone", "score: new column"]
    place = table.column_names.index("similarity")
    single = table.set_column(place, "similarity", table["similarity"].cast(pa.float32()).cast(pa.float32()))
    write(single, new / "duplicates.parquet")
    assert "similarity: type double became float" in differences(old, new)["duplicates"]
    write(table.select([*table.column_names[::-1]]), new / "duplicates.parquet")
    assert differences(old, new)["duplicates"] == ["columns are in another order"]


def test_arrays_are_compared_row_by_row(old, new):
    path = new / "arrays" / "8" / "images.npy"
    array = np.load(path)
    array[2, 5] += 1
    np.save(path, array)
    assert differences(old, new) == {"arrays/8/images.npy": ["1 rows, e.g. row 2"]}
    np.save(path, array[:3])
    assert differences(old, new) == {"arrays/8/images.npy": ["shape (4, 8) of uint8 became (3, 8) of uint8"]}


def test_the_command_prints_a_line_per_table_and_fails_on_a_difference(old, new):
    command = [sys.executable, "-m", "benchmarks.same_tables", str(old), str(new)]
    same = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=True)
    assert len(same.stdout.splitlines()) == 4 and same.stdout.endswith("all tables are the same\n")
    (new / "duplicates.parquet").unlink()
    different = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)
    assert different.returncode == 1 and f"only below {old}" in different.stdout
    missing = subprocess.run(
        [*command[:-1], str(new / "nothing")], cwd=REPO, capture_output=True, text=True, check=False
    )
    assert missing.returncode == 2 and "is not a folder" in missing.stderr
