import io
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tiff_files import DEFLATE, NONE, page, tiff

from pipeline.decoding.contract import BadImage
from pipeline.decoding.decode import Decoded, decode
from pipeline.decoding.pillow_files import load_pixels
from pipeline.imaging.tones import NOT_FINITE

y, x = np.mgrid[:90, :120]
FILM = (20 + 200 * np.exp(-(((x - 70) / 40) ** 2) - ((y - 40) / 30) ** 2)).astype(np.uint8)
FILM[:9, :15], FILM[80:, 100:] = 255, 0
WORDS = FILM.astype(np.uint16) * 16  # 12 bits in 16


def read(data: bytes) -> Decoded:
    return decode(data, max_megapixels=1)


def reason(data: bytes) -> str:
    with pytest.raises(BadImage) as caught:
        read(data)
    return str(caught.value)


def assert_film(data: bytes, tolerance: int = 1) -> None:
    decoded = read(data)
    assert decoded.format == "TIFF" and not decoded.is_color and not decoded.display_suspect
    assert np.abs(decoded.gray.astype(int) - FILM).max() <= tolerance


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [NONE, DEFLATE])
@pytest.mark.parametrize("tile", [None, (64, 32)])
@pytest.mark.parametrize("predictor", [1, 2])
@pytest.mark.parametrize(
    "samples",
    [FILM, WORDS, FILM.astype(np.uint32) * 1000, FILM.astype(np.int16) * 16 - 2000, FILM.astype(np.uint64)],
    ids=["8", "12 in 16", "32", "signed", "64"],
)
def test_gray_of_any_depth_is_read(samples, predictor, tile, compression, order, big):
    made = page(samples, order=order, compression=compression, predictor=predictor, tile=tile)
    assert_film(tiff(made, order=order, big=big))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("planar", [1, 2])
@pytest.mark.parametrize("predictor", [1, 2])
@pytest.mark.parametrize("photometric", [0, 1, 2])
@pytest.mark.parametrize("extra", [None, 0, 1, 2])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_color_alpha_and_white_as_zero_are_read(kind, extra, photometric, predictor, planar, order):
    scale, top = (1, 255) if kind == np.uint8 else (16, 65535)
    gray = FILM.astype(kind) * kind(scale)
    if photometric == 0:
        gray = kind(255 * scale) - gray
    channels = [gray] * (3 if photometric == 2 else 1)
    more = {}
    if extra is not None:
        channels.append(np.full(FILM.shape, top, kind))
        more = {"t338": (extra,)}
    samples = np.stack(channels, axis=2)
    data = tiff(
        page(samples, photometric=photometric, planar=planar, predictor=predictor, order=order, **more), order=order
    )
    assert_film(data)
    assert read(data).photometric == {0: "MONOCHROME1", 1: "MONOCHROME2", 2: "RGB"}[photometric]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("predictor", [1, 3])
@pytest.mark.parametrize("tile", [None, (64, 32)])
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_floats_are_read(kind, tile, predictor, order):
    made = page((FILM / 255).astype(kind), order=order, predictor=predictor, tile=tile, compression=DEFLATE)
    assert_film(tiff(made, order=order))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("tile", [None, (64, 32)])
@pytest.mark.parametrize("bits", [2, 4, 6, 10, 12, 14])
def test_packed_samples_are_read(bits, tile, order):
    top = 2**bits - 1
    samples = np.rint(FILM / 255 * top).astype(np.uint16)
    data = tiff(page(samples, bits=bits, order=order, tile=tile), order=order)
    assert np.abs(read(data).gray.astype(int) - samples.astype(int) * 255 / top).max() <= 1
    assert read(data).bit_depth == bits


def test_no_copies_of_a_picture_are_made_on_the_way_out_of_pillow():
    """Two would be as large as the file is; Pillow's own memory is not counted here."""
    picture = Image.fromarray(np.arange(4_000_000, dtype=np.uint16).reshape(4000, 1000))
    tracemalloc.start()
    try:
        pixels = load_pixels(picture)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (pixels == np.asarray(picture)).all()
    assert peak < 1.5 * pixels.nbytes


def test_transparent_parts_are_black():
    alpha = np.full(FILM.shape, 65535, np.uint16)
    alpha[:30] = 0
    gray = read(tiff(page(np.dstack([FILM.astype(np.uint16) * 257, alpha]), t338=(2,)))).gray
    assert not gray[:30].any() and np.abs(gray[30:].astype(int) - FILM[30:]).max() <= 1


def test_a_palette_is_read():
    table = [value * 257 for value in range(255, -1, -1)] * 3
    assert_film(tiff(page(255 - FILM, photometric=3, t320=tuple(table))))


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_deflate", "lzma", "zstd", "jpeg", "group4"])
def test_the_compressions_that_pillow_writes_are_read(compression):
    picture = Image.fromarray(FILM > 100) if compression == "group4" else Image.fromarray(FILM)
    file = io.BytesIO()
    options = {"quality": 95} if compression == "jpeg" else {}
    picture.save(file, "TIFF", compression=compression, **options)
    wanted = np.asarray(picture.convert("L")).astype(int)
    assert np.abs(read(file.getvalue()).gray - wanted).max() <= (12 if compression == "jpeg" else 0)


def test_orientation_is_applied():
    np.testing.assert_array_equal(read(tiff(page(FILM, t274=(6,)))).gray, np.rot90(FILM, -1))


# ----------------------------------------------------------------------------------------------------------- pages


@pytest.mark.parametrize("flag", [{"t254": (1,)}, {"t255": (2,)}, {}])
@pytest.mark.parametrize("is_first", [False, True])
def test_a_thumbnail_is_not_the_film(is_first, flag):
    thumbnail, film = page(FILM[::3, ::3], **flag), page(FILM)
    assert_film(tiff(thumbnail, film) if is_first else tiff(film, thumbnail))


def test_a_mask_is_not_the_film():
    assert_film(tiff(page(FILM), page(FILM // 200 * 255, t254=(4,))))


def test_a_page_below_another_may_be_the_film():
    assert_film(tiff(page(FILM[::3, ::3], t254=(1,)), below=page(FILM)))


def test_levels_of_a_pyramid_are_not_pages():
    assert_film(tiff(page(FILM), page(FILM[::2, ::2]), page(FILM[::4, ::4]), page(FILM[::8, ::8])))


def test_several_full_pages_are_no_film():
    assert reason(tiff(page(FILM), page(255 - FILM))) == (
        "TIFF file with 2 full pages: several pages are not a single film"
    )


def test_pages_that_point_to_each_other_end():
    data = bytearray(tiff(page(FILM)))
    data[-4:] = data[4:8]
    assert_film(bytes(data))


# ---------------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"t259": (34712,)}, "TIFF file with compression 34712, for which there is no decoder"),
        ({"t258": (24,)}, "TIFF file with 24 bits per sample, for which there is no decoder"),
        ({"t258": (8, 16), "t277": (2,)}, "TIFF file with samples of different or complex kinds"),
        ({"t339": (6,)}, "TIFF file with samples of different or complex kinds"),
        ({"t256": (60_000,), "t257": (60_000,)}, "60000 x 60000 pixels, more than 1 megapixels"),
        ({"t277": (40_000,)}, "120 x 90 pixels of 40000 x 8 bits, more than 4 MB"),
        ({"t322": (46_000,), "t323": (46_000,)}, "46000 x 46000 pixels, more than 1 megapixels"),
        ({"t257": (8000,)}, "damaged TIFF file (strips or tiles are missing)"),
    ],
)
def test_what_cannot_be_decoded_is_named(changes, words):
    assert reason(tiff(page(FILM, **changes))) == words


def test_a_missing_part_of_the_file_is_truncated():
    file = io.BytesIO()
    Image.fromarray(FILM).save(file, "TIFF")  # Pillow writes the directory first
    assert reason(file.getvalue()[:-100]) == "truncated TIFF file"
    assert reason(tiff(page(FILM))[:-1000]) == "truncated TIFF file"


def test_a_jpeg_strip_that_ends_early_is_heard():
    noise = np.random.default_rng(0).integers(0, 255, (90, 120), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG", quality=95)
    whole = file.getvalue()
    made = page(noise, rows=90, t259=(7,))
    made.parts = [whole]
    assert np.abs(read(tiff(made)).gray.astype(int) - noise).mean() < 10
    made.parts = [whole[: len(whole) // 2] + b"\xff\xd9"]
    assert reason(tiff(made)) == "truncated JPEG file"


@settings(max_examples=300)
@given(st.sampled_from([1, 2, 3, 4]), st.data())
def test_any_damage_to_a_header_ends_as_a_picture_or_a_reason(channels, drawn):
    made = page(np.dstack([FILM[:20, :30]] * channels), photometric=1 if channels < 3 else 2, compression=DEFLATE)
    data = bytearray(tiff(made, big=channels % 2 == 0))
    start = len(data) - 330
    for _ in range(drawn.draw(st.integers(1, 5))):
        data[drawn.draw(st.integers(start, len(data) - 1))] = drawn.draw(st.integers(0, 255))
    try:
        assert read(bytes(data)).gray.dtype == np.uint8
    except BadImage as error:
        assert str(error)


def test_floats_without_a_finite_number_are_told():
    samples = FILM.astype(np.float32)
    samples[20:30] = np.nan
    decoded = read(tiff(page(samples)))
    assert decoded.warnings == (NOT_FINITE,) and (decoded.gray[20:30] == 0).all()
    assert np.abs(decoded.gray[30:].astype(int) - FILM[30:]).max() <= 1
    assert reason(tiff(page(samples * np.float32("nan")))) == "no sample holds a finite number"
