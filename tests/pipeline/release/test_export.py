"""Every form of an export is read by what it is for, and holds the kept films by split."""

import csv
import json
import tarfile

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf
from released import build
from typer.testing import CliRunner
from upath import UPath

from pipeline.cli.main import app
from pipeline.release.export import WRITERS, export
from sources.core.errors import UsageError
from sources.core.storage import read_table


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    return build(tmp_path_factory.mktemp("exported"))[0]


@pytest.fixture
def out(tmp_path):
    return UPath(tmp_path / "out")


def expected(layout):
    splits = read_table(layout.splits)
    kept = splits[splits["split"].notna()]
    return dict(zip(kept["image_id"], kept["split"], strict=True))


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_with_pictures(layout, out):
    assert export(layout, "csv", out) == 10
    rows = rows_of(out / "films.csv")
    assert {row["image_id"]: row["split"] for row in rows} == expected(layout)
    assert all(cv2.imread(str(out / "images" / row["file"])) is not None for row in rows)


def test_folders_are_read_by_keras(layout, out):
    export(layout, "folder", out)
    found = 0
    for split in out.iterdir():
        data = keras.utils.image_dataset_from_directory(
            str(split), color_mode="grayscale", image_size=(32, 32), verbose=False
        )
        assert set(data.class_names) <= {"covid", "normal"}
        found += len(data.file_paths)
    assert found == 10


def test_shards_for_webdataset_hold_a_picture_and_its_facts_side_by_side(layout, out):
    export(layout, "webdataset", out)
    found = {}
    for path in out.glob("*.tar"):
        with tarfile.open(str(path)) as archive:
            names = archive.getnames()
            assert [name.split(".")[1] for name in names] == ["png", "json"] * (len(names) // 2)
            for name in names[1::2]:
                facts = json.load(archive.extractfile(name))
                found[facts["image_id"]] = facts["split"]
                assert path.name.startswith(facts["split"])
    assert found == expected(layout)


def test_parquet_for_hugging_face_states_its_features(layout, out):
    import pyarrow.parquet as pq

    export(layout, "hf", out)
    found = {}
    for path in sorted((out / "data").glob("*.parquet"), key=str):
        table = pq.read_table(str(path))
        features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
        assert features["image"] == {"_type": "Image"}
        assert list(features) == table.column_names
        for row in table.to_pylist():
            found[row["image_id"]] = row["split"]
            assert cv2.imdecode(np.frombuffer(row["image"]["bytes"], np.uint8), 0) is not None
    assert found == expected(layout)


def test_records_are_read_by_tensorflow(layout, out):
    export(layout, "tfrecord", out)
    shape = {name: tf.io.FixedLenFeature([], tf.string) for name in ("image", "image_id", "split", "label")}
    found = {}
    for record in tf.data.TFRecordDataset([str(path) for path in out.glob("*.tfrecord")]):
        film = tf.io.parse_single_example(record, shape)
        found[film["image_id"].numpy().decode()] = film["split"].numpy().decode()
        assert tf.io.decode_png(film["image"]).shape[-1] == 1
    assert found == expected(layout)


def test_the_columns_of_torchxrayvision(layout, out):
    export(layout, "torchxrayvision", out)
    rows = rows_of(out / "films.csv")
    assert {"patientid", "offset", "sex", "age", "finding", "view", "filename", "folder"} <= rows[0].keys()
    assert {row["finding"] for row in rows} == {"No Finding", "Pneumonia/Viral/COVID-19"}
    assert all((out / row["folder"] / row["filename"]).exists() for row in rows)


@pytest.mark.parametrize("form", WRITERS)
def test_nothing_is_written_over(layout, tmp_path, form):
    with pytest.raises(UsageError, match="exists; name a new folder"):
        export(layout, form, UPath(tmp_path))


def test_the_command_says_what_it_wrote(layout, tmp_path):
    result = CliRunner().invoke(app, ["export", str(tmp_path / "x"), "--format", "csv", "--root", str(layout.root)])
    assert result.exit_code == 0, result.output
    assert "10 films. For your own use" in result.output
