import base64
import gzip
import io
import struct

import cv2
import numpy as np
import openjpeg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.decoding import other_files
from pipeline.decoding.contract import BadImage
from pipeline.decoding.decode import decode
from pipeline.decoding.guarded import decode_guarded
from pipeline.imaging.tones import NOT_FINITE

NOISE = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (90, 120), np.uint8), (0, 0), 2)
FILM = cv2.normalize(NOISE, None, 0, 255, cv2.NORM_MINMAX)


def read(data):
    return decode(data, max_megapixels=1)


def reason(data):
    with pytest.raises(BadImage) as caught:
        read(data)
    return str(caught.value)


def assert_film(data, kind, tolerance=0):
    decoded = read(data)
    assert decoded.format == kind
    assert np.abs(decoded.gray.astype(int) - FILM).max() <= tolerance


def npy(array) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def saved(kind, picture=FILM, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, **options)
    return file.getvalue()


# -------------------------------------------------------------------------------------------------------- JPEG 2000


@pytest.mark.parametrize("data", [saved("JPEG2000"), bytes(openjpeg.encode(FILM))], ids=["file", "code stream"])
def test_jpeg_2000_is_read(data):
    assert_film(data, "JPEG2000")


def test_jpeg_2000_of_12_bits_uses_the_whole_range():
    data = bytes(openjpeg.encode(FILM.astype(np.uint16) * 16, bits_stored=12))
    assert_film(data, "JPEG2000", tolerance=1)
    assert read(data).bit_depth == 12


def test_jpeg_2000_of_few_bits_is_not_dark():
    data = bytes(openjpeg.encode(FILM >> 4, bits_stored=4))
    assert np.abs(read(data).gray.astype(int) - (FILM >> 4) * 17.0).max() <= 1


def test_color_in_jpeg_2000_is_read():
    color = np.dstack([FILM, FILM, np.zeros_like(FILM)])
    decoded = read(saved("JPEG2000", color))
    assert decoded.is_color and decoded.photometric == "RGB"


@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
def test_jpeg_2000_that_is_cut_is_truncated(share):
    for data in (saved("JPEG2000"), bytes(openjpeg.encode(FILM))):
        assert "truncated" in reason(data[: int(len(data) * share)])


def test_a_huge_jpeg_2000_is_refused_from_its_header():
    data = bytearray(openjpeg.encode(FILM))
    data[8:16] = (60_000).to_bytes(4, "big") * 2
    assert reason(bytes(data)) == "60000 x 60000 pixels, more than 1 megapixels"


# ------------------------------------------------------------------------------------------------------ AVIF and HEIC


def test_avif_is_read():
    assert_film(saved("AVIF", quality=100), "AVIF", tolerance=6)
    assert "AVIF" in reason(saved("AVIF")[:300])


HEIC = base64.b64decode(  # a ramp that was drawn and encoded for this test, since the decoder cannot encode
    "AAAAHGZ0eXBoZWl4AAAAAG1pZjFoZWl4bWlhZgAAAU5tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAA"
    "ACJpbG9jAAAAAERAAAEAAQAAAAABcgABAAAAAAAAAE4AAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRt"
    "AAAAAAABAAAAzmlwcnAAAACvaXBjbwAAAHJodmNDAQQIAAAAn/gAAAAAHvAA/Pz4+AAADwNgAAEAF0ABDAH//wQIAAADAJ/4AAAD"
    "AAAeugJAYQABACZCAQEECAAAAwCf+AAAAwAAHsCCBBZbqSSmubAgAAADAyAAAAMAIWIAAQAHRAHBcrAiQAAAABNjb2xybmNseAAB"
    "AA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAAAA5waXhpAAAAAAEIAAAAF2lwbWEAAAAAAAAAAQABBIECAwQAAABWbWRhdAAAAEoo"
    "Aa4TwNaPp6gvSL5eldfb+xuoPgyOafKE6lowmCvphnGt2w3RJjg+CfIMDPzLZg5wtMsStNji29tSLXkap0BfnTaSb+fdbOaQgA=="
)


def test_heic_is_read():
    pytest.importorskip("pi_heif", reason="pi-heif is not installed (cxnet-data[heic])")
    y, x = np.mgrid[:64, :64]
    decoded = read(HEIC)
    assert (decoded.format, decoded.bit_depth, decoded.photometric) == ("HEIC", 8, "MONOCHROME2")
    assert np.abs(decoded.gray - (3.0 * x + y)).max() < 8


HEIC_HEAD = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500)


def test_a_damaged_heic_file_is_a_reason():
    assert reason(HEIC_HEAD) == "damaged HEIC file (header)"


def test_a_missing_heic_decoder_is_named_with_its_package(monkeypatch):
    monkeypatch.setattr(other_files, "pi_heif", None)
    assert reason(HEIC_HEAD) == "HEIC file, for which no decoder is installed: pip install cxnet-data[heic]"


# ------------------------------------------------------------------------------------------------------------- NumPy


@pytest.mark.parametrize(
    ("array", "tolerance"),
    [
        (FILM, 0),
        (FILM[None], 0),
        (FILM[..., None], 0),
        (FILM[None, None], 0),
        (FILM[None, ..., None], 0),
        (np.dstack([FILM] * 3)[None], 0),
        (np.asfortranarray(FILM[None]), 0),
        (np.dstack([FILM] * 3), 0),
        (np.asfortranarray(FILM), 0),
        (FILM.astype(">u2") * 16, 1),
        (FILM.astype(np.int64) - 1000, 1),
        (FILM / 255, 1),
        ((FILM / 255).astype(np.float16), 1),
    ],
    ids=str,
)
def test_plain_arrays_are_read(array, tolerance):
    assert_film(npy(array), "NPY", tolerance)


def test_an_array_of_truths_is_black_and_white():
    np.testing.assert_array_equal(read(npy(FILM > 100)).gray, (FILM > 100) * 255)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.array([{}, {}]), "NPY file of object, not of numbers"),
        (np.zeros((9, 9), complex), "NPY file of complex128, not of numbers"),
        (np.zeros((3, 90, 120, 2)), "NPY file of shape (3, 90, 120, 2), not a picture"),
        (np.zeros(50), "NPY file of shape (50,), not a picture"),
        (np.zeros((1, 2000, 2000), np.uint8), "2000 x 2000 pixels, more than 1 megapixels"),
    ],
)
def test_other_arrays_are_refused(array, words):
    assert reason(npy(array)) == words


@pytest.mark.parametrize("length", [100, 20_000, 4_000_000_000])
def test_an_array_with_an_impossible_header_is_damaged(length):
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (9, 9), }".ljust(min(length, 20_000)) + b"\n"
    data = b"\x93NUMPY\x02\0" + struct.pack("<I", length) + header
    assert reason(data) == ("truncated NPY file" if length == 100 else "damaged NPY file (header)")


def test_an_array_that_is_cut_is_truncated():
    assert reason(npy(FILM)[:-1]) == "truncated NPY file"


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([np.float32, np.float64, np.float16]), st.sampled_from([np.nan, np.inf, -np.inf]), st.data())
def test_samples_without_a_finite_number_are_told(kind, odd, data):
    row = data.draw(st.integers(0, 89))
    array = FILM.astype(kind)
    array[row, 5:9] = odd
    decoded = read(npy(array))
    assert decoded.warnings == (NOT_FINITE,)
    assert (decoded.gray[row, 5:9] == (255 if odd == np.inf else 0)).all()
    assert reason(npy(np.full_like(array, odd))) == "no sample holds a finite number"


# ---------------------------------------------------------------------------------------------------------------- PPM


@pytest.mark.parametrize("space", [b"\n", b" ", b"\r\n", b"\t"])
def test_portable_pictures_are_read(space):
    head = space.join([b"P5", b"120", b"90", b"255"]) + b"\n"
    assert_film(head + FILM.tobytes(), "PPM")
    assert reason(head + FILM.tobytes()[:-1]) == "truncated PPM file"
    assert_film(head.replace(b"P5", b"P6") + np.dstack([FILM] * 3).tobytes(), "PPM")


@pytest.mark.parametrize("top", [4095, 65535])
def test_portable_pictures_of_more_bits_are_read(top):
    samples = np.rint(FILM / 255 * top).astype(">u2")
    data = f"P5 120 90 {top}\n".encode() + samples.tobytes()
    assert_film(data, "PPM", tolerance=1)
    assert (read(data).bit_depth, read(data).photometric) == (16, "MONOCHROME2")


# -------------------------------------------------------------------------------------------------------------- gzip


def test_a_film_stored_with_gzip_is_read_as_what_it_is():
    assert_film(gzip.compress(saved("PNG")), "PNG")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (gzip.compress(saved("PNG"))[:-50], "truncated GZIP file"),
        (b"\x1f\x8b\x08" + b"\x99" * 50, "damaged GZIP file"),
        (gzip.compress(b"a,b,c\n1,2,3\n" * 9), "not an image in a supported format"),
        (gzip.compress(gzip.compress(saved("PNG"))), "GZIP file, not an image in a supported format"),
        (gzip.compress(b"%PDF-1.4"), "PDF file, not an image in a supported format"),
    ],
)
def test_what_is_no_film_in_gzip_is_named(data, words):
    assert reason(data) == words


def test_a_gzip_bomb_is_not_inflated(monkeypatch):
    monkeypatch.setattr("pipeline.decoding.decode.MAX_INFLATED", 100_000)
    assert reason(gzip.compress(saved("BMP", np.zeros((900, 900), np.uint8)))) == "more than 0.1 MB in a GZIP file"


@settings(max_examples=200)
@given(st.sampled_from(["NPY", "gzip"]), st.data())
def test_any_damage_ends_as_a_picture_or_a_reason(kind, drawn):
    data = damaged({"NPY": npy(FILM[:20]), "gzip": gzip.compress(saved("PNG"))}[kind], drawn)
    try:
        assert read(data).gray.dtype == np.uint8
    except BadImage as error:
        assert str(error)


@settings(max_examples=40)
@given(st.sampled_from(["AVIF", "HEIC"]), st.data())
def test_any_damage_ends_as_a_picture_or_a_reason_though_decoders_crash(kind, drawn):
    data = damaged({"AVIF": AVIF, "HEIC": HEIC}[kind], drawn)
    try:
        assert decode_guarded(data, max_megapixels=1).gray.dtype == np.uint8
    except BadImage as error:
        assert str(error)


def damaged(data: bytes, drawn) -> bytes:
    changed = bytearray(data)
    for _ in range(drawn.draw(st.integers(1, 6))):
        changed[drawn.draw(st.integers(0, min(len(data), 400) - 1))] = drawn.draw(st.integers(0, 255))
    return bytes(changed)


AVIF = saved("AVIF")
