import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from pipeline.imaging.decode import BadImage, check_size
from pipeline.imaging.dicom import DicomError, decode_dicom, window

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)  # every 12-bit value once


def dicom(samples, bits=12, photometric="MONOCHROME2", **attributes):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    data = Dataset()
    data.file_meta = meta
    data.SOPClassUID, data.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3"
    data.Rows, data.Columns = samples.shape[:2]
    data.SamplesPerPixel = samples.shape[2] if samples.ndim == 3 else 1
    if samples.ndim == 3:
        data.PlanarConfiguration = 0
    data.PhotometricInterpretation = photometric
    data.BitsAllocated, data.BitsStored, data.HighBit = 8 * samples.dtype.itemsize, bits, bits - 1
    data.PixelRepresentation = int(samples.dtype.kind == "i")
    data.PixelData = samples.tobytes()
    for name, value in attributes.items():
        setattr(data, name, value)
    file = io.BytesIO()
    data.save_as(file, enforce_file_format=True)
    return file.getvalue()


def decode(data):
    return decode_dicom(data, check=lambda width, height: check_size(width, height, 1))


def pixels(*arguments, **attributes):
    return decode(dicom(*arguments, **attributes)).pixels


def lut(entries, first, bits):
    table = Dataset()
    table.LUTDescriptor = [len(entries), first, bits]
    table.LUTData = np.asarray(entries, np.uint16).tobytes()
    table.is_little_endian, table.is_implicit_VR = True, False
    return Sequence([table])


def test_without_a_window_the_used_range_becomes_8_bit():
    found = decode(dicom(RAMP))
    assert (found.bit_depth, found.photometric) == (12, "MONOCHROME2")
    assert (found.pixels.min(), found.pixels.max()) == (0, 255)
    assert np.abs(found.pixels - RAMP / 4095 * 255).max() < 5  # the range is estimated from every fourth sample


def test_monochrome1_is_inverted():
    np.testing.assert_array_equal(pixels(RAMP, photometric="MONOCHROME1"), 255 - pixels(RAMP))


def test_a_window_decides_what_is_black_and_white():
    found = pixels(RAMP, WindowCenter=2048, WindowWidth=1000)
    assert not found[RAMP <= 1547].any() and (found[RAMP >= 2548] == 255).all()
    assert found[RAMP == 2048] == pytest.approx(128, abs=1)


def test_the_first_of_several_windows_is_used():
    one = pixels(RAMP, WindowCenter=2048, WindowWidth=1000)
    np.testing.assert_array_equal(pixels(RAMP, WindowCenter=[2048, 9], WindowWidth=[1000, 5]), one)


def test_a_window_beside_the_picture_is_ignored():
    np.testing.assert_array_equal(pixels(RAMP, WindowCenter=60_000, WindowWidth=10), pixels(RAMP))


def test_the_window_applies_to_rescaled_values():
    found = pixels(RAMP, RescaleSlope="2", RescaleIntercept="-1000", WindowCenter=3096, WindowWidth=2000)
    assert np.abs(found.astype(int) - pixels(RAMP, WindowCenter=2048, WindowWidth=1000)).max() <= 1


def test_signed_values_are_read():
    signed = (RAMP.astype(np.int16) - 2048).astype(np.int16)
    np.testing.assert_array_equal(pixels(signed, WindowCenter=0, WindowWidth=1000)[0], np.zeros(64, np.uint8))
    assert np.abs(pixels(signed).astype(int) - pixels(RAMP)).max() <= 1


def test_a_voi_look_up_table_is_applied():
    samples = np.arange(256, dtype=np.uint8).reshape(16, 16)
    entries = np.arange(256)[::-1] * 16
    found = pixels(samples, bits=8, VOILUTSequence=lut(entries, 0, 12))
    np.testing.assert_array_equal(found, np.rint(entries[samples] * 255 / 4095))


def test_color_becomes_bgr():
    samples = np.zeros((20, 30, 3), np.uint8)
    samples[..., 0] = 200
    found = decode(dicom(samples, bits=8, photometric="RGB"))
    assert (found.photometric, found.pixels[0, 0].tolist()) == ("RGB", [0, 0, 200])


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"NumberOfFrames": 3, "PixelData": RAMP.tobytes() * 3}, "DICOM file with 3 frames"),
        ({"BitsAllocated": 32, "PixelData": RAMP.tobytes() * 2}, "DICOM file with 32 bits per sample"),
    ],
)
def test_files_that_are_not_one_film_are_refused(attributes, reason):
    with pytest.raises(DicomError, match=f"^{reason}$"):
        pixels(RAMP, **attributes)


def test_a_file_without_pixels_is_refused():
    with pytest.raises(DicomError, match="DICOM file without pixels"):
        decode(dicom(RAMP).replace(b"\xe0\x7f\x10\x00OW", b"\xe1\x7f\x10\x00OW"))


def test_a_deflated_file_is_not_inflated():
    plain, deflated = b"1.2.840.10008.1.2.1\x00", b"1.2.840.10008.1.2.1.99"
    with pytest.raises(DicomError, match="deflated transfer syntax"):
        decode(dicom(RAMP).replace(plain, deflated))


def test_a_huge_picture_is_refused_from_its_header():
    with pytest.raises(BadImage, match="60000 x 60000 pixels, more than 1 megapixels"):
        pixels(RAMP, Rows=60_000, Columns=60_000)


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
