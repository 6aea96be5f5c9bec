import cv2
import numpy as np
import pytest
from exposures import brightened, cropped, draw_exposure, inverted, mirrored, resized
from handmade import film, lay_out, options

from pipeline.core.layout import Layout
from pipeline.core.params import DedupeParams
from pipeline.dedupe.similar import similar_films
from pipeline.dedupe.stage import run
from sources.core.errors import CxnetError, UsageError


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    layout = Layout.at(tmp_path_factory.mktemp("similar"))
    rows = [film("cohen", str(seed), draw_exposure(seed), pixel_sha256=str(seed)) for seed in range(5)]
    lay_out(layout, rows, through=None)
    run(layout, options(dedupe=DedupeParams()), None)
    return layout


def asked(tmp_path, picture):
    path = tmp_path / "asked.png"
    cv2.imwrite(str(path), picture)
    return path


def test_changed_copy_finds_its_film(layout, tmp_path):
    picture = resized(brightened(mirrored(cropped(draw_exposure(3), 0.6))), 0.7)
    said, columns, rows = similar_films(layout, asked(tmp_path, picture), nearest=3, overlay=None)
    assert said.startswith("1 film shows this exposure")
    found = [dict(zip(columns, row, strict=True)) for row in rows]
    assert found[0]["item_id"] == "3"
    assert found[0]["kind"] == "mirrored"
    assert found[0]["similarity"] > 0.9
    assert len(found) == 3
    assert found[1]["similarity"] is None
    assert found[1]["phash_distance"] <= found[2]["phash_distance"]


def test_strange_image_is_proven_nowhere(layout, tmp_path):
    said, columns, rows = similar_films(layout, asked(tmp_path, draw_exposure(99)), nearest=2, overlay=None)
    assert said.startswith("No film shows this exposure")
    assert [row[columns.index("similarity")] for row in rows] == [None, None]


def test_overlay_is_gray_where_the_films_agree(layout, tmp_path):
    picture = inverted(cropped(draw_exposure(2), 0.7))
    similar_films(layout, asked(tmp_path, inverted(picture)), nearest=1, overlay=tmp_path / "overlay.png")
    overlay = cv2.imread(str(tmp_path / "overlay.png")).astype(int)
    assert overlay.shape[:2] == picture.shape
    assert np.median(np.abs(overlay[..., 0] - overlay[..., 2])) <= 3


def test_what_is_no_image_is_one_sentence(layout, tmp_path):
    page = tmp_path / "page.png"
    page.write_text("<html>")
    with pytest.raises(UsageError, match=r"page\.png is no usable picture"):
        similar_films(layout, page, nearest=1, overlay=None)
    with pytest.raises(UsageError, match=r"call it out\.png"):
        similar_films(layout, page, nearest=1, overlay=tmp_path / "out.jpg")
    with pytest.raises(UsageError, match="absent"):
        similar_films(layout, tmp_path / "absent.png", nearest=1, overlay=None)


def test_pool_without_films_is_one_sentence(tmp_path):
    layout = Layout.at(tmp_path)
    lay_out(layout, [], through=None)
    run(layout, options(dedupe=DedupeParams()), None)
    with pytest.raises(CxnetError, match="holds no film"):
        similar_films(layout, asked(tmp_path, draw_exposure(1, side=100)), nearest=1, overlay=None)
