import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from pipeline.decoding.decode import BadImage, Decoded, decode, sniff
from pipeline.decoding.transparency import IGNORED, SHOWN


def film(width: int = 120, height: int = 90) -> np.ndarray:
    """A smooth picture with one bright corner, so that turns and inversions show."""
    y, x = np.mgrid[:height, :width]
    picture = 40 + 90 * np.exp(-(((x - width / 2) / 30) ** 2 + ((y - height / 2) / 25) ** 2))
    picture[:12, :20] = 230
    return picture.astype(np.uint8)


def encode(picture: np.ndarray | Image.Image, extension: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(buffer, extension, **options)
    return buffer.getvalue()


def read(data: bytes) -> Decoded:
    return decode(data, max_megapixels=50)


def reason(data: bytes, max_megapixels: float = 50) -> str:
    with pytest.raises(BadImage) as caught:
        decode(data, max_megapixels=max_megapixels)
    return str(caught.value)


@pytest.mark.parametrize("name", ["PNG", "BMP", "TIFF", "GIF"])
def test_gray_films_come_back_unchanged_from_lossless_formats(name):
    found = read(encode(film(), name))
    assert np.array_equal(found.gray, film())
    assert (found.format, found.width, found.height, found.bit_depth) == (name, 120, 90, 8)
    assert not found.is_color


@pytest.mark.parametrize("name", ["JPEG", "WEBP"])
def test_gray_films_come_back_nearly_unchanged_from_lossy_formats(name):
    picture = Image.fromarray(film()).convert("RGB")
    found = read(encode(picture, name, quality=95))
    assert np.abs(found.gray.astype(int) - film()).mean() < 2
    assert (found.format, found.photometric, found.is_color) == (name, "RGB", False)


def test_a_gray_picture_in_three_channels_equals_the_same_in_one():
    rgb = encode(np.dstack([film()] * 3), "PNG")
    assert np.array_equal(read(rgb).gray, film())


def test_a_palette_picture_shows_its_colors():
    picture = Image.fromarray(film()).convert("P")
    assert np.array_equal(read(encode(picture, "PNG")).gray, film())
    assert read(encode(picture, "PNG")).photometric == "PALETTE"


def test_transparent_parts_lie_on_black():
    alpha = np.full((90, 120), 255, np.uint8)
    alpha[:30] = 0
    found = read(encode(np.dstack([film()] * 3 + [alpha]), "PNG")).gray
    assert (found[:30] == 0).all()
    assert np.array_equal(found[30:], film()[30:])


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("height", [511, 512, 513, 1500])
def test_tall_color_pictures_are_converted_as_whole_ones(height, channels):
    pixels = np.random.default_rng(height).integers(0, 256, (height, 30, channels)).astype(np.uint8)
    found = decode(cv2.imencode(".png", pixels)[1].tobytes(), max_megapixels=1)
    alpha = pixels[..., 3:] if channels == 4 else np.full((height, 30, 1), 255, np.uint8)
    on_black = cv2.multiply(pixels[..., :3], np.repeat(alpha, 3, axis=2), scale=1 / 255)
    assert found.is_color and (found.gray == cv2.cvtColor(on_black, cv2.COLOR_BGR2GRAY)).all()


def test_color_anywhere_in_a_tall_picture_is_seen():
    gray = np.repeat(np.random.default_rng(0).integers(0, 256, (1500, 40, 1)), 3, axis=2).astype(np.uint8)
    colored = gray.copy()
    colored[-60:-20] = (0, 0, 255)
    found = [decode(cv2.imencode(".png", each)[1].tobytes(), max_megapixels=1).is_color for each in (gray, colored)]
    assert found == [False, True]


def test_a_gray_png_with_alpha_lies_on_black():
    alpha = np.full((90, 120), 255, np.uint8)
    alpha[:30] = 0
    picture = Image.merge("LA", [Image.fromarray(film()), Image.fromarray(alpha)])
    found = read(encode(picture, "PNG")).gray
    assert (found[:30] == 0).all()
    assert np.array_equal(found[30:], film()[30:])


def transparent(color, alpha, mode):
    """PNG, WebP or TIFF files of a gray picture and its alpha."""
    layers = [Image.fromarray(color)] * (1 if mode == "LA" else 3) + [Image.fromarray(alpha)]
    kinds = {"PNG": {}} if mode == "LA" else {"PNG": {}, "TIFF": {}, "WEBP": {"lossless": True, "exact": True}}
    return [encode(Image.merge(mode, layers), kind, **options) for kind, options in kinds.items()]


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
@pytest.mark.parametrize("level", [0, 1, 128, 254])
def test_transparency_that_is_the_same_everywhere_is_ignored(mode, level):
    for data in transparent(film(), np.full((90, 120), level, np.uint8), mode):
        assert np.array_equal(read(data).gray, film()) and read(data).warnings == (IGNORED,)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparency_that_would_hide_the_picture_is_ignored(mode):
    alpha = np.zeros((90, 120), np.uint8)
    alpha[:5] = 255
    for data in transparent(film(), alpha, mode):
        assert np.array_equal(read(data).gray, film()) and read(data).warnings == (IGNORED,)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparency_that_holds_the_picture_is_shown(mode):
    for data in transparent(np.zeros_like(film()), film(), mode):
        assert np.array_equal(read(data).gray, film()) and read(data).warnings == (SHOWN,)


def test_a_palette_of_black_with_the_picture_in_its_transparency_is_shown():
    picture = Image.fromarray(film()).convert("P")
    picture.putpalette([0] * 768)
    found = read(encode(picture, "PNG", transparency=bytes(range(256))))
    assert np.array_equal(found.gray, film()) and found.warnings == (SHOWN,)


def test_color_is_detected():
    picture = np.dstack([film()] * 3)
    picture[40:60, 40:60] = (255, 0, 0)
    assert read(encode(picture, "PNG")).is_color
    assert read(encode(Image.fromarray(picture), "JPEG", quality=95)).is_color


def test_an_8_bit_film_saved_as_16_bits_comes_back_unchanged():
    full = film()
    full[0, 0], full[0, 1] = 0, 255
    found = read(encode(full.astype(np.uint16) * 257, "PNG"))
    assert np.abs(found.gray.astype(int) - full).max() <= 1
    assert found.bit_depth == 16


@pytest.mark.parametrize("name", ["PNG", "TIFF"])
def test_a_16_bit_film_with_40_used_levels_uses_the_whole_8_bit_range(name):
    levels = (film() // 6).astype(np.uint16)
    found = read(encode(levels + 30_000, name)).gray
    assert found.min() == 0 and found.max() == 255
    assert len(np.unique(found)) == len(np.unique(levels))


def test_one_saturated_marker_does_not_darken_a_12_bit_film():
    plain = film().astype(np.uint16) * 8
    marked = plain.copy()
    marked[5:7, 5:7] = 65_535
    found = read(encode(marked, "PNG")).gray.astype(int) - read(encode(plain, "PNG")).gray
    assert np.abs(np.delete(found, [5, 6], axis=0)).max() < 60


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(film())
    data = encode(stored, kind, quality=100, exif=exif)

    wanted = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    assert np.abs(read(data).gray.astype(int) - wanted).max() <= 2
    assert read(data).gray.shape == wanted.shape


def test_a_cmyk_jpeg_is_read_as_gray():
    picture = Image.fromarray(film()).convert("CMYK")
    assert np.abs(read(encode(picture, "JPEG", quality=95)).gray.astype(int) - film()).mean() < 4


def test_the_name_plays_no_part_only_the_bytes():
    assert sniff(encode(film(), "PNG")) == "PNG"
    assert sniff(encode(film(), "JPEG")) == "JPEG"


@pytest.mark.parametrize("head", [b"II*\0", b"\xff\xd8\xff", b"BM"])
def test_a_dicom_file_may_begin_like_another_format(head):
    assert sniff(head.ljust(128, b"\0") + b"DICM") == "DICOM"


@pytest.mark.parametrize(
    "data, words",
    [
        (b"", "empty file"),
        (b"\n <!doctype html><html>gone</html>", "web page"),
        (b'{"error": "gone"}', "web page or API response"),
        (b"PK\3\4 a zip", "not an image"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "damaged JPEG"),
        (b"GIF89a", "damaged GIF"),
        (b"II*\0\x08\0\0\0", "truncated TIFF"),
        (b"II*\0\x08\0\0\0" + bytes(6), "damaged TIFF"),
        (b"BM123", "damaged BMP"),
        (b"\0" * 128 + b"DICM", "DICOM"),
    ],
)
def test_bytes_that_are_not_an_image_are_refused_with_a_reason(data, words):
    assert words in reason(data)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
def test_a_truncated_file_is_refused(name, share):
    noise = np.random.default_rng(0).integers(0, 255, (90, 120), np.uint8)
    data = encode(noise, name)
    assert "truncated" in reason(data[: int(len(data) * share)]) or "damaged" in reason(data[: int(len(data) * share)])


def test_a_truncated_jpeg_with_a_whole_thumbnail_in_its_exif_is_refused():
    exif = Image.Exif()
    exif[0x010E] = "x"
    data = bytearray(encode(np.random.default_rng(0).integers(0, 255, (300, 300), np.uint8), "JPEG", exif=exif))
    thumbnail = encode(film(), "JPEG")
    whole = bytes(data[:2]) + b"\xff\xed" + struct.pack(">H", len(thumbnail) + 2) + thumbnail + bytes(data[2:])
    assert read(whole).width == 300
    assert "truncated" in reason(whole[: len(whole) * 2 // 3])


def test_a_png_with_a_wrong_checksum_is_refused():
    data = bytearray(encode(film(), "PNG"))
    data[len(data) // 2] ^= 0xFF
    assert "checksum" in reason(bytes(data))


def test_a_png_whose_pixels_end_early_is_refused():
    data = encode(film(), "PNG")
    start = data.index(b"IDAT") - 4
    (length,) = struct.unpack_from(">I", data, start)
    rows = zlib.decompress(data[start + 8 : start + 8 + length])
    short = b"IDAT" + zlib.compress(rows[: len(rows) // 2])
    chunk = struct.pack(">I", len(short) - 4) + short + struct.pack(">I", zlib.crc32(short))
    assert reason(data[:start] + chunk + data[start + 12 + length :])


@pytest.mark.parametrize("name", ["GIF", "PNG", "TIFF", "WEBP"])
def test_several_frames_are_no_film(name):
    frames = [Image.fromarray(film()), Image.fromarray(255 - film())]
    assert "several" in reason(encode(frames[0], name, save_all=True, append_images=frames[1:]))


def test_a_huge_picture_is_refused_from_its_header():
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    data += b"\0\0\0\0IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    assert "megapixels" in reason(data)
    assert "120 x 90 pixels" in reason(encode(film(), "PNG"), max_megapixels=0.01)


@pytest.mark.parametrize("shape", [(1, 1), (20, 20_000), (20_000, 20)])
def test_odd_sizes_decode(shape):
    found = read(encode(np.full(shape, 9, np.uint8), "PNG"))
    assert found.gray.shape == shape


def test_a_1_bit_tiff_with_white_as_zero_is_not_inverted():
    picture = Image.fromarray(film() > 100)
    assert read(encode(picture, "TIFF")).gray.mean() == pytest.approx(255 * (film() > 100).mean())


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"]), st.data())
def test_any_damage_ends_as_a_picture_or_a_reason(name, drawn):
    data = bytearray(encode(film(40, 30), name))
    for _ in range(drawn.draw(st.integers(1, 6))):
        data[drawn.draw(st.integers(0, len(data) - 1))] = drawn.draw(st.integers(0, 255))
    try:
        assert read(bytes(data)).gray.dtype == np.uint8
    except BadImage as error:
        assert str(error)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\0", b"BM", b"\0" * 128 + b"DICM"]),
    st.binary(),
)
def test_any_bytes_end_as_a_picture_or_a_reason(start, rest):
    try:
        assert read(start + rest).gray.ndim == 2
    except BadImage as error:
        assert str(error)
