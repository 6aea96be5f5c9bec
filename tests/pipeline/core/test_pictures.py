import cv2
import numpy as np
import pytest
from handmade import draw, film, lay_out

from pipeline.core.layout import Layout
from pipeline.core.pictures import read_pictures, thumbnail
from pipeline.imaging.png import decode_png
from sources.core.errors import CxnetError


@pytest.fixture
def layout(tmp_path) -> Layout:
    layout = Layout.at(tmp_path)
    rows = [film(source, str(number), draw(number)) for source in ("cohen", "nih") for number in range(5)]
    rows.append(film("nih", "unusable", image=None, excluded_by="ingest", reason="empty file"))
    lay_out(layout, rows, through="dedupe", shard_rows=4)
    return layout


def test_only_the_named_pictures_are_read(layout):
    found = read_pictures(layout, [("nih", "3"), ("cohen", "0"), ("nih", "1")])
    assert set(found) == {("nih", "3"), ("cohen", "0"), ("nih", "1")}
    for (_, item_id), png in found.items():
        np.testing.assert_array_equal(decode_png(png), draw(int(item_id)))


def test_source_and_item_name_a_picture_together(layout):
    assert set(read_pictures(layout, [("nih", "0"), ("cohen", "1")])) == {("nih", "0"), ("cohen", "1")}


def test_rows_without_a_picture_and_unknown_rows_are_left_out(layout):
    assert read_pictures(layout, [("nih", "unusable"), ("nih", "none"), ("sirm", "0")]) == {}


def test_no_names_read_nothing(layout):
    assert read_pictures(layout, []) == {}


def test_without_a_pool_the_error_tells_what_to_run(tmp_path):
    with pytest.raises(CxnetError, match="dvc repro"):
        read_pictures(Layout.at(tmp_path), [("nih", "1")])


def size_of(jpeg):
    height, width = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_UNCHANGED).shape
    return width, height


@pytest.mark.parametrize(
    ("shape", "size"),
    [((400, 300), (75, 100)), ((300, 400), (133, 100)), ((10, 4000), (200, 100)), ((4000, 10), (1, 100))],
)
def test_a_thumbnail_has_a_given_height_and_at_most_twice_the_width(shape, size):
    assert size_of(thumbnail(np.zeros(shape, np.uint8), height=100)) == size


def test_a_thumbnail_goes_through_the_tone_curve():
    gray = np.full((64, 64), 50, np.uint8)
    jpeg = thumbnail(gray, tone_curve=bytes(255 - level for level in range(256)))
    assert cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_UNCHANGED).mean() == pytest.approx(205, abs=1)
