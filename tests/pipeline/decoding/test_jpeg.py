import io
import re
import struct

import cv2
import numpy as np
import pytest
import simplejpeg
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_frames
from pydicom.filereader import dcmread

from pipeline.decoding.complaints import complaints
from pipeline.decoding.contract import BadImage
from pipeline.decoding.decode import decode
from pipeline.decoding.jpeg_markers import MAX_SCANS, read_layout

END = b"\xff\xd9"
NOISE = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (240, 200), np.uint8), (0, 0), 2)
FILM = cv2.normalize(NOISE, None, 0, 255, cv2.NORM_MINMAX)
KINDS = {
    "baseline": {},
    "progressive": {"progressive": True},
    "color": {"mode": "RGB"},
    "progressive color": {"mode": "RGB", "progressive": True},
    "restarts": {"restart_marker_blocks": 5},
    "ink": {"mode": "CMYK"},
}


def jpeg(mode="L", picture=FILM, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).convert(mode).save(file, "JPEG", quality=92, **options)
    return file.getvalue()


def read(data):
    return decode(data, max_megapixels=2)


def reason(data):
    with pytest.raises(BadImage) as caught:
        read(data)
    return str(caught.value)


def scan_starts(data: bytes) -> list[int]:
    return [found.start() for found in re.finditer(b"\xff\xda", data)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_film_is_read_without_a_warning(kind):
    decoded = read(jpeg(**KINDS[kind]))
    assert np.abs(decoded.gray.astype(int) - FILM).mean() < 4
    assert (decoded.warnings, decoded.is_color) == ((), False)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8, 0.97])
@pytest.mark.parametrize("kind", KINDS)
def test_a_film_that_is_cut_and_closed_again_is_truncated(kind, share):
    data = jpeg(**KINDS[kind])
    start = scan_starts(data)[0] + 20
    cut = data[: start + int((len(data) - start) * share)].removesuffix(b"\xff") + END
    assert reason(cut) == "truncated JPEG file"


def test_a_progressive_film_that_is_cut_between_two_scans_is_truncated():
    data = jpeg(progressive=True)
    starts = scan_starts(data)
    assert len(starts) > 3
    for start in starts[1:]:
        assert simplejpeg.decode_jpeg(data[:start] + END, "GRAY").shape == (240, 200, 1)  # libjpeg hears nothing
        assert reason(data[:start] + END) == "truncated JPEG file"


def test_a_cut_at_a_restart_marker_is_truncated():
    data = jpeg(restart_marker_blocks=5)
    restarts = [found.start() for found in re.finditer(b"\xff[\xd0-\xd7]", data)]
    assert reason(data[: restarts[len(restarts) // 2] + 2] + END) == "truncated JPEG file"


@pytest.mark.parametrize("kind", ["baseline", "progressive", "color"])
def test_a_film_without_its_end_marker_is_read_with_a_warning(kind):
    data = jpeg(**KINDS[kind])
    for cut in (data[:-2], data[:-1], data[:-2] + bytes(500)):
        decoded = read(cut)
        np.testing.assert_array_equal(decoded.gray, read(data).gray)
        assert decoded.warnings[0] == "JPEG file without an end-of-image marker"


def test_zeros_before_the_end_marker_cost_a_warning():
    data = jpeg()
    decoded = read(data[:-2] + bytes(300) + END)
    np.testing.assert_array_equal(decoded.gray, read(data).gray)
    assert set(decoded.warnings) <= {"JPEG file with zeros before its end-of-image marker"}


def test_other_bytes_before_the_end_marker_are_damage():
    assert "extraneous bytes" in reason(jpeg()[:-2] + b"\x12\x34" * 400 + END)


def test_odd_header_fields_that_change_no_pixel_cost_a_warning():
    data = bytearray(jpeg())
    data[data.index(b"JFIF\0") + 5] = 9
    decoded = read(bytes(data))
    np.testing.assert_array_equal(decoded.gray, read(jpeg()).gray)
    assert decoded.warnings == ("JPEG file with an invalid header field",)
    assert reason(bytes(data[: len(data) // 2]) + END) == "truncated JPEG file"


def test_what_follows_the_picture_does_not_matter():
    np.testing.assert_array_equal(read(jpeg() + jpeg()[:500] + b"rubbish").gray, read(jpeg()).gray)


def test_ratios_of_color_that_are_seldom_used_are_heard_too():
    data = bytearray(jpeg(mode="RGB", subsampling=0))
    frame = data.index(b"\xff\xc0")
    data[frame + 11], data[frame + 14], data[frame + 17] = 0x31, 0x11, 0x31  # 3 x 1, 1 x 1 and 3 x 1 blocks
    assert "JPEG file" in reason(bytes(data))  # the data do not fit any more: libjpeg complains


def test_a_file_of_too_many_scans_is_refused_at_once():
    data = jpeg(progressive=True)
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x00\x01" + bytes(22)
    assert reason(data[:-2] + scan * 500 + END) == f"JPEG file with more than {MAX_SCANS} scans"
    assert "markers" in reason(data[:2] + b"\xff\xfe\x00\x02" * 30_000 + data[2:])


# ------------------------------------------------------------------------------------------------- several pictures


def phone_file(*pictures: Image.Image) -> bytes:
    file = io.BytesIO()
    pictures[0].save(file, "MPO", save_all=True, append_images=pictures[1:])
    return file.getvalue()


def test_the_preview_in_a_phones_file_is_not_the_film():
    film = Image.fromarray(FILM)
    decoded = read(phone_file(film, film.resize((60, 72))))
    assert decoded.gray.shape == FILM.shape and np.abs(decoded.gray.astype(int) - FILM).mean() < 6


def test_two_full_pictures_in_a_phones_file_are_no_film():
    film = Image.fromarray(FILM)
    assert reason(phone_file(film, film.transpose(0))) == ("JPEG file with 2 pictures of full size: not a single film")


# ---------------------------------------------------------------------------------------------------- rare processes


@pytest.mark.parametrize(
    ("name", "bits"),
    [("SC_rgb_jpeg_gdcm.dcm", 8), ("MR_small_jpeg_ls_lossless.dcm", 16), ("JPGExtended.dcm", 12)],
)
def test_lossless_and_12_bit_files_are_read(name, bits):
    stream = next(generate_frames(dcmread(get_testdata_file(name)).PixelData, number_of_frames=1))
    decoded = read(stream)
    assert (decoded.format, decoded.bit_depth) == ("JPEG", bits) and np.ptp(decoded.gray) > 100


def test_a_process_without_decoder_is_named():
    data = bytearray(jpeg())
    data[data.index(b"\xff\xc0") + 1] = 0xC7
    assert reason(bytes(data)) == "JPEG file of an unusual process (SOF7), for which there is no decoder"


# --------------------------------------------------------------------------------------------------------- structure


def test_the_layout_of_a_file_is_read():
    layout = read_layout(jpeg(mode="RGB", subsampling=2, progressive=True))
    assert (layout.kind, layout.precision, layout.height, layout.width) == (0xC2, 8, 240, 200)
    assert [(part.horizontal, part.vertical) for part in layout.components] == [(2, 2), (1, 1), (1, 1)]
    assert layout.is_complete and layout.coefficients == 240 * 200 * 3 // 2
    assert read_layout(jpeg()).coefficients == 0


def test_complaints_of_c_code_are_collected_and_the_stream_is_restored(capfd):
    data = jpeg()
    with complaints() as lines:
        cv2.imdecode(np.frombuffer(data[: len(data) // 2] + END, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert any("premature end of data segment" in line for line in lines)
    print("afterwards", file=__import__("sys").stderr)
    assert capfd.readouterr().err == "afterwards\n"


def test_real_films_are_whole_and_cut_ones_are_not(mirror):
    paths = [path for path in sorted(mirror.rglob("*.jpg")) if path.stat().st_size < 400_000][::12]
    assert len(paths) > 20
    for path in paths:
        data = path.read_bytes()
        if not data.startswith(b"\xff\xd8\xff"):
            continue
        assert decode(data, max_megapixels=100).warnings == ()
        layout = read_layout(data)
        start, end = layout.scans[0].start, layout.end or len(data)
        for share in (0.3, 0.5, 0.8):
            with pytest.raises(BadImage, match="truncated JPEG file"):
                decode(data[: start + 20 + int((end - start - 20) * share)] + END, max_megapixels=100)


def test_a_length_beyond_the_file_ends_the_structure():
    data = jpeg()
    place = scan_starts(data)[0]
    broken = data[: place + 2] + struct.pack(">H", 65_535) + data[place + 4 :]
    assert "JPEG file" in reason(broken)
