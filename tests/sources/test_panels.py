import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sources.panels import decode, panel_texts, split


def page(rows, columns, gutter=12, side=150):
    rng = np.random.default_rng(2)
    canvas = np.full((rows * (side + gutter) + gutter, columns * (side + gutter) + gutter), 255, np.uint8)
    boxes = []
    for row in range(rows):
        for column in range(columns):
            top, left = gutter + row * (side + gutter), gutter + column * (side + gutter)
            canvas[top : top + side, left : left + side] = rng.integers(0, 180, (side, side))
            boxes.append((left, top, side, side))
    return canvas, boxes


@pytest.mark.parametrize(("rows", "columns"), [(1, 2), (2, 1), (2, 2), (3, 2), (1, 4)])
def test_panels_between_white_gutters_are_found_in_reading_order(rows, columns):
    canvas, boxes = page(rows, columns)
    assert split(canvas) == boxes


def test_a_film_is_one_panel_even_with_white_parts():
    film = np.random.default_rng(0).integers(0, 255, (300, 260), dtype=np.uint8)
    film[100:140, 40:200] = 255
    assert split(film) == [(0, 0, 260, 300)]


def test_letters_beside_a_film_are_no_panel():
    canvas = np.full((400, 400), 255, np.uint8)
    canvas[60:380, 20:380] = 90
    canvas[10:40, 20:40] = 0
    assert split(canvas) == [(0, 0, 400, 400)]


def test_captions_are_parted_by_their_letters():
    assert panel_texts("(A) Chest X-ray. (B) Axial CT.") == {"A": "Chest X-ray.", "B": "Axial CT."}
    assert panel_texts("Chest X-ray of vitamin C) deficiency") == {}
    assert panel_texts("") == {}


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x89PNG\r\n\x1a\n broken"])
def test_what_is_no_picture_has_no_panels(content):
    assert decode(content) is None


@given(arrays(np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 60))))
def test_boxes_lie_inside_the_figure(gray):
    for left, top, width, height in split(gray):
        assert left >= 0 and top >= 0 and left + width <= gray.shape[1] and top + height <= gray.shape[0]
        assert width > 0 and height > 0


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_not(content):
    assert decode(content) is None or decode(content).ndim == 2
