import gzip
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import openjpeg
import pytest
from dicom_files import RAMP, compressed, dataset, dicom, raw, saved, table
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from pipeline.decoding import codestreams
from pipeline.decoding.contract import BadImage, CostlyImage, Limits
from pipeline.decoding.decode import decode
from pipeline.decoding.dicom import read_dicom
from pipeline.decoding.dicom_display import window
from pipeline.decoding.guarded import decode_guarded

FULL = {"WindowCenter": 2048, "WindowWidth": 4096}
SHOWN = np.rint(RAMP / 4095 * 255)  # through that window
GRAY8 = (RAMP >> 4).astype(np.uint8)


def read(data):
    return read_dicom(data, Limits(1))


def pixels(*arguments, **attributes):
    return read(dicom(*arguments, **attributes)).pixels


def warnings(*arguments, **attributes):
    return read(dicom(*arguments, **attributes)).warnings


def reason(data):
    with pytest.raises(BadImage) as caught:
        decode(data, max_megapixels=1)
    return str(caught.value)


def pydicom_film(name):
    """A film of pydicom's."""
    return Path(get_testdata_file(name)).read_bytes()


def assert_full(picture, tolerance=1):
    """The picture is that of the whole ramp through the full window."""
    assert np.abs(picture.astype(int) - SHOWN).max() <= tolerance


# ------------------------------------------------------------------------------------------- range, window, rescale


def test_without_a_window_the_used_range_becomes_8_bit():
    picture = read(dicom(RAMP))
    assert (picture.bit_depth, picture.photometric, picture.warnings) == (12, "MONOCHROME2", ())
    assert (picture.pixels.min(), picture.pixels.max()) == (0, 255)
    assert np.abs(picture.pixels - RAMP / 4095 * 255).max() < 5  # the range is estimated from every fourth sample


def test_monochrome1_is_inverted():
    np.testing.assert_array_equal(pixels(RAMP, photometric="MONOCHROME1"), 255 - pixels(RAMP))


@pytest.mark.parametrize(
    ("photometric", "shape", "is_inverse"),
    [
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME1", "INVERSE", True),  # one inversion: the two say the same (PS3.3 C.8.11.3)
        ("MONOCHROME1", "", True),
        ("MONOCHROME2", "NONSENSE", False),
    ],
)
def test_the_presentation_shape_inverts(photometric, shape, is_inverse):
    picture = pixels(RAMP, photometric=photometric, PresentationLUTShape=shape, **FULL)
    assert_full(255 - picture if is_inverse else picture)


def test_a_window_decides_what_is_black_and_white():
    picture = pixels(RAMP, WindowCenter=2048, WindowWidth=1000)
    assert not picture[RAMP <= 1547].any() and (picture[RAMP >= 2548] == 255).all()
    assert picture[RAMP == 2048] == pytest.approx(128, abs=1)


def test_the_first_of_several_windows_is_used():
    one = pixels(RAMP, WindowCenter=2048, WindowWidth=1000)
    np.testing.assert_array_equal(pixels(RAMP, WindowCenter=[2048, 9], WindowWidth=[1000, 5]), one)


@pytest.mark.parametrize(
    ("centers", "widths"),
    [([60_000, 2048], [10, 4096]), ([2048, 2048], [0, 4096]), ([2048, 2048], [-5, 4096])],
)
def test_a_window_that_shows_nothing_or_is_impossible_gives_way_to_the_next(centers, widths):
    assert_full(pixels(RAMP, WindowCenter=centers, WindowWidth=widths))


@pytest.mark.parametrize(
    ("attributes", "warning"),
    [
        ({"WindowCenter": 60_000, "WindowWidth": 10}, "window ignored: it shows almost nothing of the picture"),
        ({"WindowCenter": 2048}, "window ignored: its center or width is missing"),
        ({"WindowCenter": 2048, "WindowWidth": 0}, "window ignored: its center or width is impossible"),
        ({"RescaleSlope": 0, "RescaleIntercept": 7}, "rescale slope of 0 ignored"),
        ({"ModalityLUTSequence": Sequence([Dataset()])}, "modality LUT ignored: empty or damaged"),
        ({"VOILUTSequence": Sequence([Dataset()])}, "VOI LUT ignored: empty or damaged"),
        ({"HighBit": 3}, "high bit ignored: not within the bits allocated"),
    ],
)
def test_a_bad_optional_attribute_costs_a_warning_and_not_the_film(attributes, warning):
    np.testing.assert_array_equal(pixels(RAMP, **attributes), pixels(RAMP))
    assert warnings(RAMP, **attributes) == (warning,)


def test_an_empty_attribute_is_a_missing_one():
    assert warnings(RAMP, WindowCenter="", WindowWidth="", RescaleSlope="", VOILUTSequence=Sequence([])) == ()


@pytest.mark.parametrize("text", [b"2048,0", b"2048.", b" 2048 ", b"2.048e3", b"+2048", b"2048\\99"])
def test_numbers_are_read_in_the_notations_of_real_files(text):
    assert_full(read(raw(dicom(RAMP, WindowCenter="2048.000", WindowWidth="4096"), "WindowCenter", text)).pixels)


@pytest.mark.parametrize("text", [b"abc", b"nan", b"inf", b"1e999", b"\xff\xfe", b"--", b"0x800"])
@pytest.mark.parametrize("keyword", ["WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept"])
def test_what_is_no_number_is_a_warning(keyword, text):
    attributes = dict.fromkeys(("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept"), "00000000")
    attributes |= {"WindowCenter": "02048.00", "WindowWidth": "004096.0", "RescaleSlope": "00000001"}
    picture = read(raw(dicom(RAMP, **attributes), keyword, text))
    assert picture.warnings and np.abs(picture.pixels - RAMP / 4095 * 255).max() < 5


def test_the_window_applies_to_rescaled_values():
    picture = pixels(RAMP, RescaleSlope="2", RescaleIntercept="-1000", WindowCenter=3096, WindowWidth=2000)
    assert np.abs(picture.astype(int) - pixels(RAMP, WindowCenter=2048, WindowWidth=1000)).max() <= 1


def test_a_slope_alone_and_a_negative_slope_count():
    assert_full(pixels(RAMP, RescaleSlope="2", WindowCenter=4096, WindowWidth=8192))
    turned = pixels(RAMP, RescaleSlope="-1", RescaleIntercept="4095", **FULL)
    assert_full(255 - turned)


def test_signed_values_are_read():
    signed = (RAMP.astype(np.int16) - 2048).astype(np.int16)
    np.testing.assert_array_equal(pixels(signed, WindowCenter=0, WindowWidth=1000)[0], np.zeros(64, np.uint8))
    assert np.abs(pixels(signed).astype(int) - pixels(RAMP)).max() <= 1


def test_an_unknown_function_is_linear():
    assert_full(pixels(RAMP, VOILUTFunction="CUBIC", **FULL))
    assert warnings(RAMP, VOILUTFunction="CUBIC", **FULL) == ("VOI LUT function ignored: unknown",)


def test_functional_groups_stand_in_for_missing_attributes():
    voi, frame = Dataset(), Dataset()
    voi.WindowCenter, voi.WindowWidth = 2048, 4096
    frame.FrameVOILUTSequence = Sequence([voi])
    assert_full(pixels(RAMP, SharedFunctionalGroupsSequence=Sequence([frame])))


@given(st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]), st.floats(-5000, 5000), st.floats(1, 5000))
def test_windows_rise_from_0_to_1_around_their_center(function, center, width):
    values = np.linspace(center - 2 * width - 1, center + 2 * width + 1, 101)
    shown = window(values, center, width, function)
    assert (np.diff(shown) >= 0).all() and shown.min() >= 0 and shown.max() <= 1
    assert shown[0] < 0.01 and shown[-1] > 0.99
    if function != "LINEAR":  # LINEAR is centered half a value lower
        assert shown[50] == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize(("value", "share"), [(-1.0, 0.0), (0.0, 0.0), (127.5, 0.5), (255.0, 1.0), (300.0, 1.0)])
def test_the_linear_window_is_that_of_the_standard(value, share):
    assert window(np.array([value]), 128, 256, "LINEAR")[0] == pytest.approx(share)


# ------------------------------------------------------------------------------------------------- look-up tables


def test_a_voi_look_up_table_is_applied():
    entries = np.arange(256)[::-1] * 16
    picture = pixels(GRAY8, bits=8, VOILUTSequence=table(entries, 0, 12))
    np.testing.assert_array_equal(picture, np.rint(entries[GRAY8] * 255 / 4095))


@pytest.mark.parametrize("stated", [8, 10, 12, 14, 16])
def test_what_a_table_holds_decides_on_its_depth(stated):
    assert_full(pixels(RAMP, VOILUTSequence=table(np.arange(4096), bits=stated)))


def test_a_table_that_does_not_reach_its_power_of_two_ends_at_its_largest_entry():
    entries = np.arange(4096) * 5000 // 4095
    assert pixels(RAMP, VOILUTSequence=table(entries, bits=16)).max() == 255


@pytest.mark.parametrize("count", [4096, 4095])
def test_tables_of_8_bits_may_be_packed_two_to_a_word(count):
    entries = np.arange(count) // 16
    assert_full(pixels(np.minimum(RAMP, count - 1), VOILUTSequence=table(entries, bits=8, packed=True)))


@pytest.mark.parametrize("kind", ["SS", "US"])
def test_the_first_mapped_value_may_be_negative(kind):
    signed = (RAMP.astype(np.int16) - 2048).astype(np.int16)
    first = -2048 if kind == "SS" else 65536 - 2048
    assert_full(pixels(signed, VOILUTSequence=table(np.arange(4096), first, 12, kind)))


def test_values_below_a_table_get_its_first_entry():
    picture = pixels(RAMP, VOILUTSequence=table(np.arange(736, 4096), 736, 12))
    assert_full(np.where(RAMP < 736, SHOWN, picture))
    assert (picture[RAMP < 736] == picture[RAMP == 736]).all()


def test_a_table_of_65536_entries_has_a_count_of_0():
    entries = np.arange(65536)
    assert_full(pixels(RAMP << 4, bits=16, VOILUTSequence=table(entries, bits=16)))


def test_an_empty_table_gives_way_to_the_window():
    picture = read(dicom(RAMP, VOILUTSequence=Sequence([Dataset()]), **FULL))
    assert_full(picture.pixels)
    assert picture.warnings == ("VOI LUT ignored: empty or damaged",)


def test_a_table_that_is_too_short_is_ignored():
    assert_full(pixels(RAMP, VOILUTSequence=table(np.arange(100), count=4096), **FULL))


def test_a_modality_table_comes_before_the_window():
    doubled = table(np.arange(4096) * 2, bits=16)
    assert_full(pixels(RAMP, ModalityLUTSequence=doubled, WindowCenter=4096, WindowWidth=8192))


# ------------------------------------------------------------------------------------------------------------ bits


@pytest.mark.parametrize("high", [11, 12, 13, 15])
def test_samples_are_shifted_down_to_their_lowest_bit(high):
    assert_full(pixels(RAMP << (high - 11), HighBit=high, **FULL))


@pytest.mark.parametrize("is_signed", [False, True])
@pytest.mark.parametrize("is_declared", [False, True])
def test_an_overlay_in_the_upper_bits_is_never_burnt_in(is_declared, is_signed):
    box = np.zeros(RAMP.shape, np.uint16)
    box[20:40, 10:50] = 1 << 12
    data = dataset(RAMP | box)
    data.PixelRepresentation = int(is_signed)
    data.WindowCenter, data.WindowWidth = (0 if is_signed else 2048), 4096
    if is_declared:
        data.add_new(0x60000102, "US", 12)
        data.add_new(0x60000040, "CS", "G")
    plain = dataset(RAMP)
    plain.PixelRepresentation, plain.WindowCenter, plain.WindowWidth = int(is_signed), data.WindowCenter, 4096
    np.testing.assert_array_equal(read(saved(data)).pixels, read(saved(plain)).pixels)


def test_an_overlay_in_a_compressed_stream_is_never_burnt_in():
    box = np.zeros(RAMP.shape, np.uint16)
    box[20:40, 10:50] = 1 << 12
    stream = openjpeg.encode(RAMP | box)
    data = compressed(bytes(stream), RAMP, JPEG2000Lossless, bits=12, **FULL)
    position = struct.pack("<HH2sHH", 0x6000, 0x0102, b"US", 2, 12)
    place = data.index(b"\xe0\x7f\x10\x00")
    assert_full(read(data[:place] + position + data[place:]).pixels)
    assert_full(read(data).pixels)  # the bits of an overlay that is not declared


def test_an_overlay_of_its_own_is_not_drawn():
    data = dataset(RAMP)
    data.WindowCenter, data.WindowWidth = 2048, 4096
    for element, kind, value in [
        *((0x0010, "US", 64), (0x0011, "US", 64), (0x0040, "CS", "G"), (0x0050, "SS", [1, 1])),
        *((0x0100, "US", 1), (0x0102, "US", 0), (0x3000, "OW", b"\xff" * 512)),
    ]:
        data.add_new((0x6000 << 16) | element, kind, value)
    assert_full(read(saved(data)).pixels)


def test_pixels_that_use_more_bits_than_stated_are_read_whole():
    smooth = np.tile(np.arange(64, dtype=np.uint16) * 64, (64, 1))
    picture = read(dicom(smooth, bits=10, WindowCenter=2048, WindowWidth=4096))
    assert picture.warnings == ("bits stored ignored: the pixels use more",)
    assert np.abs(picture.pixels - np.rint(smooth / 4095 * 255)).max() <= 1


@pytest.mark.parametrize("stored", [0, 17, 99])
def test_an_impossible_number_of_bits_is_ignored(stored):
    assert_full(pixels(RAMP, BitsStored=stored, **FULL))


@pytest.mark.parametrize(
    "keyword", ["BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel", "PhotometricInterpretation"]
)
def test_a_missing_attribute_is_taken_as_usual(keyword):
    assert_full(pixels(RAMP, **{keyword: None}, **FULL))


def test_pixels_of_one_bit_are_read():
    bits = np.zeros((16, 16), np.uint8)
    bits[4:9, 2:11] = 1
    data = dataset(np.zeros((16, 16), np.uint8), bits=1)
    data.BitsAllocated, data.PixelData = 1, np.packbits(bits, bitorder="little").tobytes()
    np.testing.assert_array_equal(read(saved(data)).pixels > 0, bits > 0)


# --------------------------------------------------------------------------------------------------------- padding


def padded(value, kind=np.uint16, inside=None):
    samples = (500 + RAMP // 2).astype(kind)
    samples[:, :9] = samples[:, -9:] = value
    if inside is not None:
        samples[30:33, 30:33] = inside
    return samples


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("value", [0, 4095])
def test_padding_is_black_and_changes_nothing_else(photometric, value):
    picture = pixels(padded(value), photometric=photometric, PixelPaddingValue=value)
    assert not picture[:, :9].any() and not picture[:, -9:].any()
    plain = pixels(padded(value)[:, 9:-9], photometric=photometric)
    assert np.corrcoef(picture[:, 9:-9].ravel(), plain.ravel())[0, 1] > 0.999
    assert picture[:, 9:-9].max() > 240


def test_padding_may_be_a_range_in_either_order():
    samples = padded(3000)
    samples[:, :4] = 4000
    for value, limit in ((3000, 4000), (4000, 3000)):
        picture = pixels(samples, PixelPaddingValue=value, PixelPaddingRangeLimit=limit)
        assert not picture[:, :9].any() and picture[:, 9:-9].max() > 240


def test_padding_of_signed_pixels_may_be_written_unsigned():
    data = dataset(padded(-20_000, np.int16), bits=16)
    data.add_new(0x00280120, "US", 65536 - 20_000)
    picture = read(saved(data)).pixels
    assert not picture[:, :9].any() and picture[:, 9:-9].max() > 240


def test_the_padding_value_inside_of_the_film_is_not_padding():
    picture = pixels(padded(4095, inside=4095), PixelPaddingValue=4095)
    assert picture[31, 31] == 255 and not picture[:, :9].any()


# ----------------------------------------------------------------------------------------------------------- color


def test_color_becomes_bgr():
    samples = np.zeros((20, 30, 3), np.uint8)
    samples[..., 0] = 200
    picture = read(dicom(samples, bits=8, photometric="RGB"))
    assert (picture.photometric, picture.pixels[0, 0].tolist()) == ("RGB", [0, 0, 200])


def test_planes_of_color_are_joined():
    samples = np.zeros((20, 30, 3), np.uint8)
    samples[..., 0], samples[5:, :, 1] = 200, 90
    planes = np.ascontiguousarray(np.moveaxis(samples, 2, 0)).tobytes()
    data = dicom(samples, bits=8, photometric="RGB", PlanarConfiguration=1, PixelData=planes)
    np.testing.assert_array_equal(read(data).pixels[..., ::-1], samples)


def test_luma_and_color_differences_become_colors():
    samples = np.full((20, 30, 3), 128, np.uint8)
    samples[..., 0] = np.arange(30) * 8
    np.testing.assert_array_equal(read(dicom(samples, bits=8, photometric="YBR_FULL")).pixels[..., 1], samples[..., 0])


# ------------------------------------------------------------------------------------------- files, headers, syntaxes


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_other_encodings_of_the_elements_are_read(syntax):
    assert_full(pixels(RAMP, syntax=syntax, **FULL))


def test_a_deflated_file_is_inflated():
    assert_full(pixels(RAMP, syntax=DeflatedExplicitVRLittleEndian, **FULL))


def test_a_deflated_bomb_is_not_inflated(monkeypatch):
    monkeypatch.setattr("pipeline.decoding.dicom.MAX_INFLATED", 10_000)
    data = dicom(np.zeros((500, 500), np.uint16), syntax=DeflatedExplicitVRLittleEndian)
    assert "MB of deflated data" in reason(data)


ITEM, ITEM_END, SEQUENCE_END = (struct.pack("<HHI", 0xFFFE, end, 0) for end in (0xE000, 0xE00D, 0xE0DD))
OPEN_ITEM, UNKNOWN = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF), 0xFFFFFFFF


def sequence(items, length=None):
    """The element of a sequence of tables of gray levels."""
    return struct.pack("<HH2sHI", 0x0028, 0x3010, b"SQ", 0, len(items) if length is None else length) + items


def film_with(element):
    """A film with one more element ahead of its pixels."""
    data = dicom(RAMP, **FULL)
    pixels = data.index(b"\xe0\x7f\x10\x00OW")
    return data[:pixels] + element + data[pixels:]


LONG = {
    "zeros after the pixels": dicom(RAMP, **FULL) + bytes(8 * 3000),
    "one element again and again": film_with(struct.pack("<HH2sH", 0x0028, 0x0030, b"DS", 0) * 3000),
    "items up to a delimiter": film_with(sequence(3000 * ITEM + SEQUENCE_END, UNKNOWN)),
    "items without a delimiter": film_with(sequence(3000 * ITEM, UNKNOWN)),
    "items of a known length": film_with(sequence(3000 * ITEM)),
    "items in an item": film_with(sequence(OPEN_ITEM + sequence(3000 * ITEM) + ITEM_END + SEQUENCE_END, UNKNOWN)),
    "a list of windows": dicom(RAMP, WindowCenter=[2048] * 4000, WindowWidth=[4096] * 4000),
}


@pytest.mark.parametrize("kind", LONG)
def test_what_takes_long_to_parse_is_left_to_a_helper(monkeypatch, kind):
    monkeypatch.setattr("pipeline.decoding.dicom.MAX_READS", 2000)
    monkeypatch.setattr("pipeline.decoding.dicom.MAX_DESCRIPTION", 20_000)
    with pytest.raises(CostlyImage):
        read_dicom(LONG[kind], Limits(1, has_helper=True))


@given(st.integers(0, 1_000_000))
@settings(deadline=None, max_examples=10)
def test_zeros_after_the_pixels_change_nothing(count):
    assert_full(decode_guarded(dicom(RAMP, **FULL) + bytes(count), max_megapixels=1).gray)


def test_an_ordinary_film_is_parsed_without_a_helper():
    data = dicom(RAMP, VOILUTSequence=table(np.arange(4096)), PerFrameFunctionalGroupsSequence=Sequence([Dataset()]))
    assert read_dicom(data, Limits(1, has_helper=True)).pixels.shape == RAMP.shape


@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("start", [b"", b"DICM"])
def test_a_file_without_a_preamble_is_read(start, syntax):
    data = dicom(RAMP, SpecificCharacterSet="ISO_IR 100", **FULL, **({"syntax": syntax} if syntax else {}))
    first = b"\0\x08\0\x05" if syntax == ExplicitVRBigEndian else b"\x08\0\x05\0"
    body = data[data.index(first) :] if not start else data[132:]
    decoded = decode(start + body, max_megapixels=1)
    assert decoded.format == "DICOM"
    assert_full(decoded.gray)


def test_a_file_without_a_transfer_syntax_is_read():
    data = dicom(RAMP, **FULL)
    element = data.index(b"\x02\0\x10\0UI")
    length = struct.unpack_from("<H", data, element + 6)[0]
    group_length = data.index(b"\x02\0\0\0UL\x04\0") + 8
    shorter = bytearray(data[:element] + data[element + 8 + length :])
    (total,) = struct.unpack_from("<I", shorter, group_length)
    struct.pack_into("<I", shorter, group_length, total - 8 - length)
    assert_full(read(bytes(shorter)).pixels)


def test_a_file_that_is_stored_with_gzip_is_read():
    decoded = decode(gzip.compress(dicom(RAMP, **FULL)), max_megapixels=1)
    assert decoded.format == "DICOM"
    assert_full(decoded.gray)


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, RLELossless, JPEG2000Lossless])
def test_the_stream_decides_and_not_the_transfer_syntax(syntax):
    stream = bytes(openjpeg.encode(RAMP))
    assert_full(read(compressed(stream, RAMP, syntax, bits=12, **FULL)).pixels)


def test_a_jpeg_inside_is_heard_complaining():
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    Image.fromarray(noise).save(file, "JPEG", quality=95)
    whole = file.getvalue()
    cut = whole[: len(whole) // 2] + b"\xff\xd9"
    assert np.abs(read(compressed(whole, noise, JPEGBaseline8Bit)).pixels - noise.astype(int)).mean() < 10
    assert reason(compressed(cut, noise, JPEGBaseline8Bit)) == "truncated JPEG file"


def test_run_lengths_are_read():
    data = dataset(RAMP)
    data.WindowCenter, data.WindowWidth = 2048, 4096
    data.compress(RLELossless)
    assert_full(read(saved(data)).pixels)


def test_run_lengths_that_never_end_are_refused():
    data = dataset(RAMP)
    data.compress(RLELossless)
    stream = bytearray(saved(data))
    assert "truncated" in reason(bytes(stream[: len(stream) // 2]) + bytes(len(stream) // 2))


@pytest.mark.parametrize(
    "name",
    [
        "SC_rgb_jpeg_gdcm.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "JPGExtended.dcm",
        "GDCMJ2K_TextGBR.dcm",
        "JPEG-lossy.dcm",
    ],
)
def test_the_jpeg_family_of_real_archives_is_read(name):
    assert np.ptp(decode(pydicom_film(name), max_megapixels=1).gray) > 100


def test_a_lossless_stream_equals_the_uncompressed_film():
    names = ("MR_small.dcm", "MR_small_jpeg_ls_lossless.dcm")
    plain, packed = (decode(pydicom_film(name), max_megapixels=1).gray for name in names)
    np.testing.assert_array_equal(plain, packed)


@pytest.mark.parametrize(
    ("decoder", "name", "package"),
    [("gdcm", "SC_rgb_jpeg_gdcm.dcm", "python-gdcm"), ("openjpeg", "JPEG2000.dcm", "pylibjpeg-openjpeg")],
)
def test_a_missing_decoder_is_named_with_its_package(monkeypatch, decoder, name, package):
    monkeypatch.setattr(codestreams, decoder, None)
    words = reason(pydicom_film(name))
    assert package in words and "JPEG" in words and "damaged" not in words


def test_a_syntax_without_any_decoder_is_named():
    data = compressed(b"\0\0\0\x01 a video", RAMP, "1.2.840.10008.1.2.4.100")
    assert reason(data) == (
        "DICOM file with transfer syntax MPEG2 Main Profile / Main Level, for which there is no decoder"
    )


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"NumberOfFrames": 3, "PixelData": RAMP.tobytes() * 3}, "DICOM file with 3 frames"),
        ({"BitsAllocated": 32, "PixelData": RAMP.tobytes() * 2}, "DICOM file with 32 bits per sample"),
        ({"PixelData": RAMP.tobytes()[:-128]}, "truncated DICOM file"),
        ({"PixelData": b""}, "DICOM file without pixels"),
        ({"Rows": None}, "damaged DICOM file (no rows or columns)"),
        ({"SamplesPerPixel": 3, "PixelData": RAMP.tobytes() * 3}, "DICOM file with 3 samples of gray per pixel"),
    ],
)
def test_files_that_are_not_one_film_are_refused(attributes, words):
    assert reason(dicom(RAMP, **attributes)) == words


def test_a_file_without_pixels_is_refused():
    with pytest.raises(BadImage, match="DICOM file without pixels"):
        read(dicom(RAMP).replace(b"\xe0\x7f\x10\x00OW", b"\xe1\x7f\x10\x00OW"))


@pytest.mark.parametrize("missing", [9, 100, 500])
def test_a_file_that_is_cut_in_its_pixels_is_truncated(missing):
    noise = np.random.default_rng(0).integers(0, 4096, (64, 64)).astype(np.uint16)
    for data in (dicom(noise), compressed(bytes(openjpeg.encode(noise)), noise, JPEG2000Lossless, bits=12)):
        assert reason(data[:-missing]) == "truncated DICOM file"


def test_a_huge_picture_is_refused_from_its_header():
    assert reason(dicom(RAMP, Rows=60_000, Columns=60_000)) == "60000 x 60000 pixels, more than 1 megapixels"


# ------------------------------------------------------------------------------------------------- suspect displays


def test_a_display_that_leaves_little_is_suspect():
    noise = np.random.default_rng(0).integers(0, 4096, (200, 200)).astype(np.uint16)
    assert not decode(dicom(noise, **FULL), max_megapixels=1).display_suspect
    narrow = decode(dicom(noise, WindowCenter=2048, WindowWidth=120), max_megapixels=1)
    assert narrow.display_suspect and narrow.warnings == ()


def test_a_black_border_makes_no_display_suspect():
    samples = padded(0)
    samples[:, :24] = samples[:, -24:] = 0
    assert not decode(dicom(samples, WindowCenter=1500, WindowWidth=3000), max_megapixels=1).display_suspect


# ---------------------------------------------------------------------------------------------------------- anything

HEADER = dicom(
    RAMP[:16, :16],
    RescaleSlope="1",
    RescaleIntercept="0",
    VOILUTSequence=table(np.arange(300), bits=12),
    PixelPaddingValue=0,
    PresentationLUTShape="IDENTITY",
    **FULL,
)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(132, len(HEADER) - 513), st.integers(0, 255)), min_size=1, max_size=6))
def test_any_damage_to_the_header_ends_as_a_picture_or_a_reason(changes):
    data = bytearray(HEADER)
    for place, value in changes:
        data[place] = value
    try:
        assert decode(bytes(data), max_megapixels=1).gray.dtype == np.uint8
    except BadImage as error:
        assert str(error)


@settings(max_examples=200)
@given(
    st.sampled_from(["WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept", "PresentationLUTShape"]),
    st.binary(max_size=8),
)
def test_any_bytes_in_an_optional_attribute_cost_no_film(keyword, text):
    attributes = {"WindowCenter": "02048.00", "WindowWidth": "004096.0", "PresentationLUTShape": "IDENTITY"}
    attributes |= {"RescaleSlope": "1.000000", "RescaleIntercept": "00000000"}
    assert read(raw(dicom(RAMP, **attributes), keyword, text)).pixels.shape == (64, 64)


def test_damaged_deflated_data_is_a_reason():
    data = dicom(RAMP, syntax=DeflatedExplicitVRLittleEndian)
    assert reason(data[:-2000] + zlib.compress(b"x") * 100) in (
        "damaged DICOM file (deflated data)",
        "truncated DICOM file",
    )


# ------------------------------------------------------------------------------------------- what a file says it shows


SUBJECTS = {
    None: [
        {},
        {"Modality": "CR", "BodyPartExamined": "CHEST"},
        {"Modality": "DX ", "BodyPartExamined": ""},
        {"Modality": "OT", "BodyPartExamined": "CHEST_TO_ABDOMEN"},
        {"BodyPartExamined": "PORTABLE"},
        {"PatientSpeciesDescription": "Homo sapiens"},
        {"PatientSpeciesDescription": "HUMAN"},
        {"PatientSpeciesDescription": "-"},
    ],
    "CT": [{"Modality": "CT", "BodyPartExamined": "CHEST"}],
    "modality US": [{"Modality": "US"}, {"Modality": "US", "BodyPartExamined": "CHEST"}],
    **{f"modality {code}": [{"Modality": code}] for code in ("MR", "SEG", "SR", "PR", "KO", "NM", "PT", "MG", "XA")},
    "another modality": [{"Modality": "MAGNETIC OF JOE"}],
    "another part of the body": [
        {"Modality": "DX", "BodyPartExamined": "HAND"},
        {"Modality": "CR", "BodyPartExamined": "KNEE"},
        {"BodyPartExamined": "TSPINE"},
    ],
    "an animal": [
        {"Modality": "DX", "BodyPartExamined": "CHEST", "PatientSpeciesDescription": "Canine"},
        {"PatientSpeciesDescription": "Felis catus"},
    ],
}


@pytest.mark.parametrize(("subject", "attributes"), [(key, each) for key, rows in SUBJECTS.items() for each in rows])
def test_a_file_may_say_that_it_shows_no_chest_film(subject, attributes):
    assert decode(dicom(RAMP, **attributes), max_megapixels=1).subject == subject


@pytest.mark.parametrize(
    ("keyword", "words", "subject"),
    [
        ("AnatomicRegionSequence", "Hand", "another part of the body"),
        ("AnatomicRegionSequence", "Chest", None),
        ("PatientSpeciesCodeSequence", "Canis lupus familiaris", "an animal"),
    ],
)
def test_the_words_of_a_code_stand_in_for_a_missing_attribute(keyword, words, subject):
    code = Dataset()
    code.CodeMeaning = words
    assert read(dicom(RAMP, **{keyword: Sequence([code])})).subject == subject


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["BodyPartExamined", "PatientSpeciesDescription"]), st.text("ABCDEFGH OTÓ_-", max_size=16))
def test_what_a_person_typed_is_never_passed_on(keyword, words):
    subject = read(dicom(RAMP, SpecificCharacterSet="ISO_IR 100", **{keyword: words})).subject
    assert subject in (None, "another part of the body", "an animal")
