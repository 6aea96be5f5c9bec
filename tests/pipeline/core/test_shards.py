"""The writer of shards: every row in order, pictures stored as they are, nothing half written."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from handmade import film
from upath import UPath

from pipeline.core.schema import IMAGE_FIELD, IMAGES_SCHEMA
from pipeline.core.shards import GROUP_BYTES, GROUP_ROWS, MOST_GROUP_ROWS, ShardWriter, replace_shards, with_picture
from pipeline.core.tables import iter_images, shards
from sources.core.errors import CxnetError
from sources.core.items import KEY

SCHEMA = pa.schema(
    [pa.field("n", pa.int64()), pa.field("flags", pa.list_(pa.string())), IMAGE_FIELD], metadata={"version": "1"}
)


def row(number, size=5000):
    return {"n": number, "flags": ["text"], "image": {"bytes": bytes([number % 256]) * size, "path": f"{number}.png"}}


def write(folder, count, shard_rows, size=5000):
    with ShardWriter(UPath(folder), "films", SCHEMA, shard_rows) as writer:
        for number in range(count):
            writer.add(row(number, size))
    return [path.name for path in sorted(UPath(folder).iterdir(), key=str)]


@pytest.mark.parametrize("count", [0, 1, 4, 5, 12, GROUP_ROWS + 3])
@pytest.mark.parametrize("shard_rows", [1, 4, GROUP_ROWS, GROUP_ROWS + 1, 500])
def test_shards_hold_all_rows_in_order_and_none_but_the_last_is_short(tmp_path, count, shard_rows):
    names = write(tmp_path, count, shard_rows)
    assert names == [f"films-{number:05d}.parquet" for number in range(max(1, -(-count // shard_rows)))]
    tables = [pq.read_table(tmp_path / name) for name in names]
    assert all(len(table) == shard_rows for table in tables[:-1])
    assert pa.concat_tables(tables).to_pylist() == [row(number) for number in range(count)]


def test_the_same_rows_are_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, 70, 50)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_columns_that_a_row_lacks_are_null_and_the_schema_keeps_its_metadata(tmp_path):
    with ShardWriter(UPath(tmp_path), "films", SCHEMA, 10) as writer:
        writer.add({"n": 1})
    table = pq.read_table(tmp_path / "films-00000.parquet")
    assert table.to_pylist() == [{"n": 1, "flags": None, "image": None}]
    assert table.schema.metadata[b"version"] == b"1"


def test_pictures_are_stored_as_they_are_and_other_columns_compressed(tmp_path):
    write(tmp_path, GROUP_ROWS + 1, 500)
    about = pq.ParquetFile(tmp_path / "films-00000.parquet").metadata
    columns = [about.row_group(0).column(place) for place in range(about.num_columns)]
    used = {column.path_in_schema: (column.compression, column.is_stats_set) for column in columns}
    assert used.pop("image.bytes") == ("UNCOMPRESSED", False)
    assert used.pop("image.path") == ("ZSTD", False)
    assert set(used.values()) == {("ZSTD", True)}


@pytest.mark.parametrize(
    ("count", "size", "groups"),
    [
        (MOST_GROUP_ROWS + 3, 10, [MOST_GROUP_ROWS, 3]),
        (GROUP_ROWS + 3, GROUP_BYTES // 8, [GROUP_ROWS, 3]),
        (100, GROUP_BYTES // 80 + 1, [80, 20]),
    ],
)
def test_a_row_group_is_small_in_rows_or_in_bytes(tmp_path, count, size, groups):
    write(tmp_path, count, 1000, size)
    about = pq.ParquetFile(tmp_path / "films-00000.parquet").metadata
    assert [about.row_group(place).num_rows for place in range(about.num_row_groups)] == groups


@pytest.mark.parametrize("count", [0, 2, 70])
def test_a_failure_leaves_no_unfinished_shard(tmp_path, count):
    with pytest.raises(ZeroDivisionError), ShardWriter(UPath(tmp_path), "films", SCHEMA, 65) as writer:
        for number in range(count):
            writer.add(row(number))
        divmod(1, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["films-00000.parquet"] * (count > 65)


def test_last_rows_that_cannot_be_written_leave_no_unfinished_shard(tmp_path):
    writer = ShardWriter(UPath(tmp_path), "films", SCHEMA, 2 * MOST_GROUP_ROWS)
    with pytest.raises((pa.ArrowInvalid, pa.ArrowTypeError)), writer:
        for number in range(MOST_GROUP_ROWS):
            writer.add(row(number, 1))
        writer.add(row(0, 1) | {"n": "a word"})
    assert list(tmp_path.iterdir()) == []


def test_a_smaller_result_replaces_a_larger_one_and_a_failure_replaces_nothing(tmp_path):
    folder = UPath(tmp_path / "pool")
    for count in (5, 2):
        with replace_shards(folder, "films", SCHEMA, 2) as writer:
            for number in range(count):
                writer.add(row(number))
    with pytest.raises(ZeroDivisionError), replace_shards(folder, "films", SCHEMA, 2) as writer:
        writer.add(row(9))
        divmod(1, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["pool"]
    (shard,) = shards(folder, "films")
    assert pq.read_table(shard.path)["n"].to_pylist() == [0, 1]


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(CxnetError, match=r"^Cannot write .*pool: "),
        replace_shards(UPath(tmp_path / "file" / "pool"), "pool", SCHEMA, 2),
    ):
        pass


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A shard of two films as the manifest stage writes it, and their rows."""
    folder = UPath(tmp_path_factory.mktemp("images"))
    films = [film("nih", "1", tone_curve=bytes(range(256)), age=44.0, flags=["text"]), film("nih", "2")]
    with ShardWriter(folder, "images", IMAGES_SCHEMA, 10) as writer:
        for row in films:
            writer.add(with_picture(row, row["image"]["bytes"]))
    return folder, films


def test_a_shard_of_films_is_read_by_our_own_reader(images):
    folder, films = images
    result = list(iter_images(folder, "images", [*KEY, "tone_curve", "age"]))
    assert [png for _, png in result] == [row["image"]["bytes"] for row in films]
    assert result[0][0] == {"source": "nih", "item_id": "1", "tone_curve": bytes(range(256)), "age": 44.0}


def test_a_shard_of_films_is_read_by_pandas(images):
    folder, films = images
    result = pd.read_parquet(folder / "images-00000.parquet")
    assert result["image"].map(lambda image: image["bytes"]).tolist() == [row["image"]["bytes"] for row in films]
    assert result["image"].map(lambda image: image["path"]).tolist() == [f"{row['image_id']}.png" for row in films]


def test_a_shard_of_films_is_read_by_duckdb(images):
    duckdb = pytest.importorskip("duckdb", reason="needs duckdb")
    folder, films = images
    query = f"select image.bytes from '{folder.path}/images-*.parquet' where age = 44"
    assert duckdb.sql(query).fetchall() == [(films[0]["image"]["bytes"],)]


def test_a_shard_of_films_is_a_data_set_of_pictures(images, tmp_path):
    datasets = pytest.importorskip("datasets", reason="needs datasets")
    folder, _ = images
    files = str(folder / "images-00000.parquet")
    result = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path))
    first = result.cast_column("image", datasets.Image())[0]
    assert first["image"].size == (first["width"], first["height"])
