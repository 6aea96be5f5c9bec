import os
import struct
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from sources.articles.panels import in_reading_order, panels_of, split


def figure(height, width, *boxes, noise=1):
    """White paper with a film (dark, textured, frame to frame) in every box."""
    rng = np.random.default_rng(1)
    gray = np.full((height, width), 255, np.uint8)
    for left, top, wide, high in boxes:
        gray[top : top + high, left : left + wide] = rng.integers(20, 190, (high, wide))
    return np.clip(gray - rng.integers(0, noise, gray.shape), 0, 255).astype(np.uint8)


TWO = ((10, 12, 200, 240), (220, 12, 180, 230))
GRID = ((0, 0, 150, 150), (160, 0, 150, 150), (0, 158, 150, 150), (160, 158, 150, 150))
UNEVEN = ((0, 0, 400, 200), (0, 210, 195, 200), (205, 210, 195, 200))
COLUMN = ((10, 5, 90, 100), (10, 115, 90, 100), (10, 225, 90, 100))


@pytest.mark.parametrize(
    "boxes, size", [(TWO, (270, 410)), (GRID, (308, 310)), (UNEVEN, (410, 400)), (COLUMN, (330, 110))]
)
def test_films_are_cut_along_their_white_gutters(boxes, size):
    assert split(figure(*size, *boxes)) == list(boxes)


def test_paper_may_be_a_little_gray():
    assert split(figure(270, 410, *TWO, noise=12)) == list(TWO)


@pytest.mark.parametrize("box", [(0, 0, 300, 300), (20, 20, 200, 200)])
def test_a_lone_film_is_whole_with_its_margin(box):
    assert split(figure(300, 300, box)) == [(0, 0, 300, 300)]


@pytest.mark.parametrize("bar", [np.s_[:, 150:152], np.s_[:270, 140:160]], ids=["a thin line", "a bar that ends"])
def test_white_inside_a_film_does_not_cut_it(bar):
    gray = figure(300, 300, (0, 0, 300, 300))
    gray[bar] = 255
    assert split(gray) == [(0, 0, 300, 300)]


def test_a_strip_of_text_below_the_films_is_not_a_panel():
    assert split(figure(330, 410, *TWO, (10, 300, 390, 12))) == list(TWO)


def test_a_drawing_on_paper_is_not_a_panel():
    gray = figure(250, 620, (10, 5, 190, 240), (210, 5, 190, 240))
    gray[40:200:8, 420:610] = 0  # lines of a diagram
    assert split(gray) == [(10, 5, 190, 240), (210, 5, 190, 240)]


def test_lungs_on_white_are_not_two_panels():
    rows, columns = np.ogrid[:300, :400]
    gray = np.full((300, 400), 255, np.uint8)
    for middle in (90, 310):
        gray[((rows - 150) / 140) ** 2 + ((columns - middle) / 80) ** 2 < 1] = 100
    assert split(gray) == [(0, 0, 400, 300)]


def test_panels_are_read_row_by_row():
    assert in_reading_order([GRID[3], GRID[0], GRID[2], GRID[1]]) == list(GRID)
    assert in_reading_order([(110, 0, 100, 90), (0, 4, 100, 100)]) == [(0, 4, 100, 100), (110, 0, 100, 90)]


@pytest.mark.parametrize("shade", [0, 255])
def test_a_blank_picture_is_whole(shade):
    assert split(np.full((200, 300), shade, np.uint8)) == [(0, 0, 300, 200)]


@given(arrays(np.uint8, st.tuples(st.integers(1, 90), st.integers(1, 90)), elements=st.sampled_from([0, 90, 255])))
def test_panels_lie_inside_any_picture(gray):
    for left, top, width, height in split(gray):
        assert left >= 0 and top >= 0 and width > 0 and height > 0
        assert top + height <= gray.shape[0] and left + width <= gray.shape[1]


@given(st.lists(st.lists(st.integers(70, 120), min_size=1, max_size=3), min_size=1, max_size=3))
def test_any_grid_of_films_is_found(rows):
    boxes, top = [], 0
    for widths in rows:
        boxes += [(sum(widths[:n]) + 8 * n, top, width, 80) for n, width in enumerate(widths)]
        top += 88
    size = (top - 8, max(left + width for left, _, width, _ in boxes))
    assert split(figure(*size, *boxes)) == boxes


def test_a_checkerboard_of_gutters_takes_bounded_time():
    gray = np.zeros((2000, 2000), np.uint8)
    for first in range(4):
        gray[first::8] = gray[:, first::8] = 255
    began = time.monotonic()
    assert split(gray) == [(0, 0, 2000, 2000)]
    assert time.monotonic() - began < 20


def test_a_file_gives_its_panels_as_people_see_it(tmp_path):
    turned = np.rot90(figure(270, 410, *TWO))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    Image.fromarray(np.ascontiguousarray(turned)).save(tmp_path / "a.png", exif=exif)
    assert panels_of(tmp_path / "a.png") == list(TWO)


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, b"GIF89a" + b"\xff" * 9])
def test_a_file_that_is_not_a_picture_has_no_panels(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    assert panels_of(tmp_path / "a.jpg") == []


def test_no_interpreter_is_started_for_a_figure_that_is_postscript(tmp_path, monkeypatch):
    interpreter, figure = tmp_path / "gs", tmp_path / "figure.jpg"
    interpreter.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    interpreter.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)  # Pillow looks for it once per process
    figure.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\nshowpage\n%%EOF\n")
    assert panels_of(figure) == []
    assert not (tmp_path / "started").exists()


def test_a_tile_that_is_larger_than_its_picture_is_not_decoded(tmp_path, monkeypatch):
    tags = {256: 100, 257: 100, 258: 8, 259: 1, 262: 1, 277: 1, 322: 46_000, 323: 46_000, 324: 8, 325: 4}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    figure = tmp_path / "figure.tif"
    figure.write_bytes(b"II*\0\x0c\0\0\0" + bytes(4) + struct.pack("<H", len(tags)) + entries + bytes(4))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda image: pytest.fail("the tile is decoded"))
    assert panels_of(figure) == []


@pytest.mark.parametrize("error", [RuntimeError, TypeError, MemoryError, struct.error, RecursionError])
def test_whatever_a_decoder_raises_a_figure_has_no_panels(tmp_path, monkeypatch, error):
    Image.new("L", (300, 300)).save(tmp_path / "figure.png")
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda image: (_ for _ in ()).throw(error("boom")))
    assert panels_of(tmp_path / "figure.png") == []


def test_no_whole_film_of_the_offline_copy_is_cut(mirror):
    films = sorted((mirror / "europepmc.org").rglob("*.png"))
    assert films and not any(panels_of(path) for path in films)


def test_a_picture_without_pixels_has_no_gutter():
    assert split(np.zeros((0, 5), np.uint8)) == [(0, 0, 5, 0)]
