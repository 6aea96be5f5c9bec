"""Every file of the folder of field cases gives what its README says."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.decoding.contract import BadImage
from pipeline.decoding.decode import Decoded, decode

SIDES = 30  # columns of padding at either side
REFUSED = {"pixels_one_row_short.dcm": "truncated DICOM file", "film.heic": "damaged HEIC file (header)"}
WARNED = {
    "rescale_slope_zero.dcm": ("rescale slope of 0 ignored",),
    "voilut_empty_item_window.dcm": ("VOI LUT ignored: empty or damaged",),
    "jpeg_without_end_marker.jpg": ("JPEG file without an end-of-image marker",),
}
TOLERANCES = {"voilut_first736": 3, "jpeg": 8, "phone_mpo": 8}  # gray levels; others: 1
BY_CORRELATION = {"padding_far_below_nowindow.dcm", "rgb16_with_12_bits.tif"}
FILM_A = ("dcm", "bare")
CASES = [
    *("bare/IM000001", "bare/IM000002", "dcm/highbit15_stored12.dcm", "dcm/mono2_presentation_inverse.dcm"),
    *("dcm/no_preamble_explicit.dcm", "dcm/no_transfer_syntax_explicit.dcm", "dcm/overlay_in_bit12_j2k.dcm"),
    *("dcm/overlay_in_bit12_native_ok.dcm", "dcm/padding0_mono1.dcm", "dcm/padding_far_below_nowindow.dcm"),
    *("dcm/pixels_one_row_short.dcm", "dcm/rescale_slope_zero.dcm", "dcm/voilut_8bit_packed.dcm"),
    *("dcm/voilut_empty_item_window.dcm", "dcm/voilut_said12_used12_ok.dcm", "dcm/voilut_said16_used12.dcm"),
    *("dcm/voilut_said16_used12_mono1.dcm", "dcm/window_decimal_comma.dcm", "other_formats/film.dcm.gz"),
    *("other_formats/film.heic", "other_formats/film.jp2", "other_formats/film.npy", "pic/film_then_thumbnail.tif"),
    *("pic/gray16_alpha.tif", "pic/jpeg_without_end_marker.jpg", "pic/phone_mpo.jpg", "pic/rgb16_with_12_bits.tif"),
    "pic/white_is_zero_16.tif",
]


@pytest.fixture(scope="module")
def cases(real: Callable[[str], Path]) -> Path:
    return real("cases")


def reference(cases: Path, name: str) -> np.ndarray:
    letter = "a" if name.startswith(FILM_A) or name.endswith(".dcm.gz") else "b"
    return cv2.imread(str(cases / "reference" / f"film_{letter}.png"), cv2.IMREAD_UNCHANGED)


@pytest.mark.parametrize("name", CASES)
def test_a_case_gives_its_film_or_its_reason(cases, name):
    path = cases / name
    if path.name in REFUSED:
        with pytest.raises(BadImage) as caught:
            decode(path.read_bytes(), max_megapixels=1)
        assert str(caught.value) == REFUSED[path.name]
        return
    decoded = decode(path.read_bytes(), max_megapixels=1)
    assert decoded.warnings == WARNED.get(path.name, ()) and not decoded.display_suspect
    compare(decoded, reference(cases, name), path.name)


def compare(decoded: Decoded, film: np.ndarray, name: str) -> None:
    gray = decoded.gray.astype(int)
    if name.startswith("padding"):
        assert not gray[:, :SIDES].any() and not gray[:, -SIDES:].any()
        gray, film = gray[:, SIDES:-SIDES], film[:, SIDES:-SIDES]
    if name in BY_CORRELATION:
        assert np.corrcoef(gray.ravel(), film.ravel())[0, 1] > 0.99
        assert len(np.unique(gray)) > 200
    else:
        tolerance = next((levels for start, levels in TOLERANCES.items() if name.startswith(start)), 1)
        assert np.abs(gray - film).max() <= tolerance


def test_no_case_is_left_out(cases):
    folders = ("bare", "dcm", "other_formats", "pic")
    there = {str(path.relative_to(cases)) for folder in folders for path in (cases / folder).iterdir()}
    assert there == set(CASES)
