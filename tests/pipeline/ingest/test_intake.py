import hashlib
from dataclasses import fields

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phantoms import phantom
from upath import UPath

from pipeline.core.params import IngestParams
from pipeline.core.schema import PIXEL_FIELDS
from pipeline.decoding.decode import BadImage
from pipeline.imaging.png import decode_png
from pipeline.ingest.intake import ROTTEN, Ingested, Task, cut_panel, image_id, ingest_image, refuse_unusable
from pipeline.ingest.quality import Quality

PARAMS = IngestParams(long_side=256, min_side=32)
KEY = ("clinic", "1")
FILM = phantom("frontal", 991)


def png(picture):
    return cv2.imencode(".png", picture)[1].tobytes()


def ingest(content, box=None, params=PARAMS):
    return ingest_image(Task(KEY, content, box), params)


def test_a_good_film_has_every_pixel_column_and_a_picture():
    result = ingest(png(FILM))
    assert set(result.columns) == {field.name for field in PIXEL_FIELDS}
    assert (result.key, result.reason) == (KEY, None)
    assert max(decode_png(result.png, "clinic/1").shape) == 256


def test_the_measurements_are_columns_of_the_pool():
    assert {field.name for field in fields(Quality)} <= {field.name for field in PIXEL_FIELDS}


def test_size_and_hash_are_those_of_the_full_picture():
    columns = ingest(png(FILM)).columns
    height, width = FILM.shape
    assert (columns["width"], columns["height"]) == (width, height)
    size = np.array([width, height], "<u4").tobytes()
    assert columns["pixel_sha256"] == hashlib.sha256(size + FILM.tobytes()).hexdigest()


def test_a_rotated_film_is_stored_upright_with_its_size_upright():
    result = ingest(png(np.ascontiguousarray(np.rot90(FILM))))
    assert result.columns["rotation"] == 270
    assert (result.columns["height"], result.columns["width"]) == FILM.shape
    np.testing.assert_array_equal(decode_png(result.png, "clinic/1"), decode_png(ingest(png(FILM)).png, "clinic/1"))


def test_files_and_bytes_give_the_same_result(tmp_path):
    (tmp_path / "film.png").write_bytes(png(FILM))
    assert ingest(UPath(tmp_path / "film.png")) == ingest(png(FILM))


def test_a_missing_file_is_a_reason(tmp_path):
    assert ingest(UPath(tmp_path / "none.png")) == Ingested(KEY, {}, reason="fetched file is missing")


def test_an_unreadable_file_is_a_reason(tmp_path):
    assert ingest(UPath(tmp_path)).reason == "fetched file cannot be read (Is a directory)"


def test_content_that_is_too_large_is_not_decoded(tmp_path):
    (tmp_path / "large").write_bytes(bytes(1_000_001))
    params = IngestParams(max_file_mb=1)
    for content in (bytes(1_000_001), UPath(tmp_path / "large")):
        assert ingest(content, params=params) == Ingested(KEY, {}, reason="1,000,001 bytes, more than 1 MB")


def test_bytes_that_are_not_those_recorded_are_not_decoded():
    data = png(FILM)
    digest = hashlib.sha256(data).hexdigest()
    assert ingest_image(Task(KEY, data, None, digest), PARAMS) == ingest(data)
    assert ingest_image(Task(KEY, data, (0, 0, 90, 90), digest), PARAMS) == ingest(data, (0, 0, 90, 90))
    assert ingest_image(Task(KEY, data + b"x", None, digest), PARAMS) == Ingested(KEY, {}, reason=ROTTEN)


def test_a_bad_image_keeps_what_is_known_of_it():
    assert ingest(b"no image").columns == {"image_id": hashlib.sha256(b"no image").hexdigest()}
    small = ingest(png(FILM[:20]))
    assert small.png is None and small.reason == f"{FILM.shape[1]} x 20 pixels, shorter than the minimum side of 32"
    assert (small.columns["format"], small.columns["height"]) == ("PNG", 20)
    assert "sharpness" not in small.columns


@given(st.binary(max_size=300))
def test_any_bytes_give_a_result(data):
    result = ingest(data)
    assert (result.png is None) == (result.reason is not None)


def test_panels_of_one_figure_have_ids_of_their_own():
    data = png(np.hstack([FILM, FILM]))
    height, width = FILM.shape
    left, right = (ingest(data, (x, 0, width, height)) for x in (0, width))
    assert left.columns["image_id"] == hashlib.sha256(data + f"#0,0,{width},{height}".encode()).hexdigest()
    assert left.columns["image_id"] != right.columns["image_id"] != image_id(data, None)
    assert left.columns["pixel_sha256"] == right.columns["pixel_sha256"]
    assert left.png == right.png


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        (None, slice(0, 60), slice(0, 80)),
        ((10, 20, 30, 25), slice(20, 45), slice(10, 40)),
        ((-5, -6, 20, 20), slice(0, 14), slice(0, 15)),
        ((70, 50, 100, 100), slice(50, 60), slice(70, 80)),
    ],
)
def test_a_panel_ends_at_the_edges_of_the_picture(box, rows, columns):
    picture = np.arange(4800, dtype=np.uint8).reshape(60, 80)
    panel = cut_panel(picture, box)
    np.testing.assert_array_equal(panel, picture[rows, columns])
    assert panel.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize("box", [(80, 0, 10, 10), (0, 60, 10, 10), (-20, 0, 20, 10), (5, 5, 0, 10)])
def test_a_panel_outside_the_picture_is_refused(box):
    with pytest.raises(BadImage, match="lies outside the picture"):
        cut_panel(np.zeros((60, 80), np.uint8), box)


@pytest.mark.parametrize(
    ("shape", "reason"),
    [((31, 100), "shorter than the minimum side of 32"), ((40, 201), "too narrow"), ((201, 40), "too narrow")],
)
def test_pictures_of_an_impossible_size_are_refused(shape, reason):
    picture = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    with pytest.raises(BadImage, match=reason):
        refuse_unusable(picture, PARAMS)


@pytest.mark.parametrize(("level", "name"), [(3, "black"), (128, "one gray"), (250, "white")])
def test_blank_pictures_are_refused_in_spite_of_noise(level, name):
    picture = (level + np.random.default_rng(0).integers(-3, 4, (200, 200))).clip(0, 255).astype(np.uint8)
    with pytest.raises(BadImage, match=f"^blank: all {name}$"):
        refuse_unusable(picture, PARAMS)


def test_a_faint_film_is_not_blank():
    refuse_unusable((100 + FILM // 12).astype(np.uint8), PARAMS)
