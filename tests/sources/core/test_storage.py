"""Files, folders and tables that are there whole or not at all."""

import errno
import os
from contextlib import suppress

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from upath import UPath

from sources.core.errors import CxnetError
from sources.core.seal import SEAL_BYTES
from sources.core.storage import atomic, atomic_folder, read_table, write_json, write_table

SCHEMA = pa.schema([("name", pa.string()), ("number", pa.int64())], metadata={"version": "1"})


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def fill(folder, *files):
    with atomic_folder(folder) as new:
        for name in files:
            (new / name).write_text(name)


def test_a_file_takes_its_name_when_it_is_complete(tmp_path):
    with atomic(tmp_path / "deep" / "a.txt", "w") as file:
        file.write("new")
        assert not (tmp_path / "deep" / "a.txt").exists()
    assert (tmp_path / "deep" / "a.txt").read_text() == "new"
    assert names(tmp_path / "deep") == ["a.txt"]


def test_a_failure_while_writing_a_file_leaves_the_old_one(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(ValueError, match="stop"), atomic(tmp_path / "a.txt", "w") as file:
        file.write("half")
        raise ValueError("stop")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_folder_replaces_the_old_one_whole(tmp_path):
    fill(tmp_path / "shards", "one", "two", "three")
    fill(tmp_path / "shards", "one")
    assert names(tmp_path / "shards") == ["one"]
    assert names(tmp_path) == ["shards"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_while_filling_a_folder_leaves_the_old_one(tmp_path, error):
    fill(tmp_path / "shards", "one")
    with pytest.raises(error), atomic_folder(tmp_path / "shards") as new:
        (new / "two").write_text("half")
        raise error
    assert names(tmp_path / "shards") == ["one"]
    assert names(tmp_path) == ["shards"]


def test_the_old_folder_remains_until_the_new_one_is_complete(tmp_path):
    fill(tmp_path / "shards", "one")
    with atomic_folder(tmp_path / "shards") as new:
        (new / "two").write_text("2")
        assert names(tmp_path / "shards") == ["one"]
    assert names(tmp_path / "shards") == ["two"]


def test_a_run_that_was_killed_between_the_two_renames_is_healed(tmp_path):
    fill(tmp_path / "shards", "one")
    (tmp_path / "shards").rename(tmp_path / ".shards.old")
    with pytest.raises(ValueError, match="stop"), atomic_folder(tmp_path / "shards"):
        raise ValueError("stop")
    assert names(tmp_path / "shards") == ["one"]
    fill(tmp_path / "shards", "two")
    assert names(tmp_path) == ["shards"]


def test_a_bucket_folder_holds_the_new_objects_alone():
    folder = UPath("memory://storage-test/shards")
    fill(folder, "one", "two")
    fill(folder, "two")
    assert names(folder) == ["two"]
    folder.fs.rm(folder.path, recursive=True)


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CxnetError, match=r"^Cannot write .*shards: .*\.$"):
        fill(tmp_path / "file" / "shards", "one")
    with pytest.raises(CxnetError, match=r"^Cannot write .*a\.txt: .*\.$"), atomic(tmp_path / "file" / "a.txt"):
        pass


def test_an_error_of_a_table_inside_a_folder_is_reported_once(tmp_path):
    reported = pytest.raises(CxnetError, match=r"^Cannot write .*columns \['number'\] are missing\.$")
    with reported, atomic_folder(tmp_path / "shards") as new:
        write_table(new / "t.parquet", pd.DataFrame({"name": ["a"]}), SCHEMA)
    assert names(tmp_path) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_reported_with_the_name_that_the_user_knows(tmp_path, number):
    full = OSError(number, os.strerror(number))
    with pytest.raises(CxnetError) as error, atomic_folder(tmp_path / "pool") as new, atomic(new / "sub" / "a.txt"):
        raise full
    assert str(error.value) == f"Cannot write {tmp_path / 'pool' / 'sub' / 'a.txt'}: {os.strerror(number)}."
    with pytest.raises(CxnetError) as error, atomic_folder(tmp_path / "pool") as new:
        raise OSError(number, os.strerror(number), str(new / "b.txt"))
    assert str(error.value) == f"Cannot write {tmp_path / 'pool'}: {os.strerror(number)}."
    assert names(tmp_path) == []


def test_equal_tables_are_equal_bytes_and_come_back_with_missing_values(tmp_path):
    rows = pd.DataFrame({"name": ["a", None], "number": [1, None], "unused": [0, 0]})
    write_table(tmp_path / "a.parquet", rows, SCHEMA)
    write_table(tmp_path / "b.parquet", rows.copy(), SCHEMA)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    found = read_table(tmp_path / "a.parquet")
    assert found["number"].tolist()[0] == 1
    assert found.isna().to_numpy().tolist() == [[False, False], [True, True]]


@pytest.mark.parametrize(
    ("content", "columns", "message"),
    [
        (None, None, "does not exist; run the stage"),
        (b"not parquet", None, "is not a readable Parquet file"),
        (b"PAR1", None, "is not a readable Parquet file"),
    ],
)
def test_a_table_that_cannot_be_read_is_one_sentence(tmp_path, content, columns, message):
    if content is not None:
        (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(CxnetError, match=message):
        read_table(tmp_path / "t.parquet", columns)


def test_a_value_of_the_wrong_type_is_one_sentence(tmp_path):
    with pytest.raises(CxnetError, match=r"^Cannot write .*t\.parquet"):
        write_table(tmp_path / "t.parquet", pd.DataFrame({"name": ["a"], "number": ["many"]}), SCHEMA)


def test_json_is_sorted_and_ends_with_a_line(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": "é"})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "a": "é",\n  "b": 1\n}\n'


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_damaged_byte_of_the_data_is_found_out(tmp_path, place, bit):
    path = tmp_path / "a.parquet"
    rows = pd.DataFrame({"name": [f"film {number}" for number in range(200)], "number": range(200)})
    write_table(path, rows, SCHEMA)
    data, whole = bytearray(path.read_bytes()), read_table(path)
    footer = int.from_bytes(data[-8:-4], "little") + 8
    data[int(place * (len(data) - footer))] ^= 1 << bit
    path.write_bytes(data)
    try:
        assert read_table(path).equals(whole)
    except CxnetError as error:
        assert "a.parquet is not a readable Parquet file" in str(error)


@pytest.mark.parametrize("schema", [SCHEMA, None])
def test_every_flipped_bit_of_the_footer_is_found_out(tmp_path, schema):
    path = tmp_path / "a.parquet"
    write_table(path, pd.DataFrame({"name": ["a"] * 9, "number": range(9)}), SCHEMA)
    good, whole = path.read_bytes(), read_table(path)
    footer = int.from_bytes(good[-8:-4], "little") + 8
    for place in range(len(good) - footer, len(good)):
        for bit in range(8):
            data = bytearray(good)
            data[place] ^= 1 << bit
            path.write_bytes(data)
            with pytest.raises(CxnetError, match=r"a\.parquet (is not a readable Parquet file|has no checksum)"):
                read_table(path, schema=schema)
    for place in range(len(good) - footer - SEAL_BYTES, len(good) - footer):
        path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with suppress(CxnetError):
            assert read_table(path).equals(whole)


def test_a_table_of_another_program_is_read_where_any_table_is_welcome_and_refused_elsewhere(tmp_path):
    rows = pd.DataFrame({"name": ["a"], "number": [1]})
    pq.write_table(pa.Table.from_pandas(rows, SCHEMA, preserve_index=False), tmp_path / "a.parquet")
    assert read_table(tmp_path / "a.parquet")["number"].tolist() == [1]
    with pytest.raises(CxnetError, match=r"a\.parquet has no checksum: .* delete it and run its stage again\.$"):
        read_table(tmp_path / "a.parquet", schema=SCHEMA)


def test_a_sealed_table_is_an_ordinary_parquet_file(tmp_path):
    rows = pd.DataFrame({"name": ["a", None], "number": [1, 2]})
    write_table(tmp_path / "a.parquet", rows, SCHEMA)
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.to_pydict() == {"name": ["a", None], "number": [1, 2]}
    assert table.schema.equals(SCHEMA, check_metadata=True)


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (pa.schema([("name", pa.string())]), "it has no column number"),
        (pa.schema([*SCHEMA, ("more", pa.string())]), "it has a column more"),
        (pa.schema([("name", pa.string()), ("number", pa.float64())]), "it has number as double instead of int64"),
        (pa.schema(reversed(list(SCHEMA))), "it has its columns in another order"),
        (SCHEMA.with_metadata({"version": "0"}), "it has version 0"),
        (SCHEMA.remove_metadata(), "it has version unknown"),
    ],
)
def test_another_schema_is_one_sentence_that_names_the_difference(tmp_path, other, difference):
    metadata = {"version": "1"} if other.metadata is None and difference != "it has version unknown" else other.metadata
    rows = pd.DataFrame({"name": ["a"], "number": [1], "more": ["b"]})
    write_table(tmp_path / "a.parquet", rows, other.with_metadata(metadata))
    with pytest.raises(CxnetError) as error:
        read_table(tmp_path / "a.parquet", ["name"], SCHEMA)
    assert f"a.parquet is not the table that belongs there, or another version wrote it ({difference});" in str(
        error.value
    )
