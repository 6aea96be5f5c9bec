"""Alterations of synthetic films: copies of one exposure as other sources show it, defects, file formats.

Each alteration maps a picture, uint8 (H, W), to another one. Its key in :data:`COPIES` or :data:`DEFECTS` names it in
the sandbox's truth tables.
"""

import io
from collections.abc import Callable

import cv2
import numpy as np

Gray = np.ndarray  # uint8 (H, W)
Alter = Callable[[Gray, np.random.Generator], Gray]


def same(picture: Gray, rng: np.random.Generator) -> Gray:
    """Unchanged pixels."""
    return picture


def resized(picture: Gray, rng: np.random.Generator) -> Gray:
    """Scaled to 55 to 85 % of the size."""
    factor = rng.uniform(0.55, 0.85)
    return cv2.resize(picture, None, None, factor, factor, cv2.INTER_AREA)


def cropped(picture: Gray, rng: np.random.Generator) -> Gray:
    """Cropped to 62 to 88 % of the width and height."""
    height, width = picture.shape
    rows, columns = (round(side * rng.uniform(0.62, 0.88)) for side in (height, width))
    top, left = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
    return picture[top : top + rows, left : left + columns]


def annotated(picture: Gray, rng: np.random.Generator) -> Gray:
    """With an arrow, a letter and a line of text."""
    result = picture.copy()
    height, width = result.shape
    tip = (int(width * rng.uniform(0.25, 0.75)), int(height * rng.uniform(0.4, 0.7)))
    cv2.arrowedLine(
        result, (tip[0] - width // 8, tip[1] - height // 10), tip, 255, max(2, width // 130), cv2.LINE_AA, 0, 0.35
    )
    cv2.putText(
        result, "A", (width // 16, height - height // 16), cv2.FONT_HERSHEY_SIMPLEX, width / 350, 255, 2, cv2.LINE_AA
    )
    return burned_text(result, rng)


def contrast(picture: Gray, rng: np.random.Generator) -> Gray:
    """A different tone curve."""
    curve = (np.arange(256) / 255) ** rng.uniform(0.6, 0.8) * rng.uniform(225, 250)
    return cv2.LUT(picture, curve.astype(np.uint8))


def mirrored(picture: Gray, rng: np.random.Generator) -> Gray:
    """Left and right swapped."""
    return np.ascontiguousarray(picture[:, ::-1])


def inverted(picture: Gray, rng: np.random.Generator) -> Gray:
    """The negative."""
    return 255 - picture


def rotated_90(picture: Gray, rng: np.random.Generator) -> Gray:
    """Rotated by 90 degrees clockwise."""
    return np.ascontiguousarray(np.rot90(picture, -1))


def rotated_180(picture: Gray, rng: np.random.Generator) -> Gray:
    """Upside down."""
    return np.ascontiguousarray(np.rot90(picture, 2))


def bordered(picture: Gray, rng: np.random.Generator) -> Gray:
    """With black borders of 8 to 18 % per side."""
    height, width = picture.shape
    rows, columns = int(height * rng.uniform(0.08, 0.18)), int(width * rng.uniform(0.08, 0.18))
    return cv2.copyMakeBorder(picture, rows, rows, columns, columns, cv2.BORDER_CONSTANT, value=(0.0,))


def burned_text(picture: Gray, rng: np.random.Generator) -> Gray:
    """With lines of text burned into a corner."""
    result = picture.copy()
    height, width = result.shape
    for line, words in enumerate(("PORTABLE AP", "ERECT 14:3" + str(int(rng.integers(10))), "kV 85 mAs 2.5")):
        place = (width // 40, height // 16 + line * height // 18)
        cv2.putText(result, words, place, cv2.FONT_HERSHEY_SIMPLEX, width / 900, 255, max(1, width // 380), cv2.LINE_AA)
    return result


def blurred(picture: Gray, rng: np.random.Generator) -> Gray:
    """Out of focus."""
    return cv2.GaussianBlur(picture, (0, 0), picture.shape[1] / 110)


def upscaled(picture: Gray, rng: np.random.Generator) -> Gray:
    """Enlarged from a thumbnail."""
    small = cv2.resize(picture, None, None, 0.2, 0.2, cv2.INTER_AREA)
    return cv2.resize(small, picture.shape[::-1], interpolation=cv2.INTER_CUBIC)


def few_levels(picture: Gray, rng: np.random.Generator) -> Gray:
    """Reduced to 12 gray levels."""
    return (picture // 22 * 22).astype(np.uint8)


def black(picture: Gray, rng: np.random.Generator) -> Gray:
    """All black."""
    return np.zeros_like(picture)


def tiny(picture: Gray, rng: np.random.Generator) -> Gray:
    """Shrunk to an icon."""
    return cv2.resize(picture, (40, 44), interpolation=cv2.INTER_AREA)


COPIES: dict[str, Alter] = {
    "bytes": same,
    "reencoded": same,
    "resized": resized,
    "cropped": cropped,
    "annotated": annotated,
    "contrast": contrast,
    "mirrored": mirrored,
    "inverted": inverted,
}
DEFECTS: dict[str, Alter] = {  # defects of the picture
    "rotated_90": rotated_90,
    "rotated_180": rotated_180,
    "inverted": inverted,
    "mirrored": mirrored,
    "border": bordered,
    "text": burned_text,
    "blur": blurred,
    "upscaled": upscaled,
    "few_levels": few_levels,
    "black": black,
    "tiny": tiny,
}
UNREADABLE = ("truncated", "html", "empty")  # defects of the file: it does not decode


def jpeg(picture: Gray, quality: int = 90) -> bytes:
    """A gray JPEG."""
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def png(picture: np.ndarray) -> bytes:
    """A PNG with 8 or 16 bits per pixel."""
    return cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 4])[1].tobytes()


def wide(picture: Gray, rng: np.random.Generator) -> np.ndarray:
    """12-bit values in the upper bits of 16, as detectors deliver them: uint16 (H, W)."""
    noise = rng.integers(0, 16, picture.shape)
    return ((picture.astype(np.uint16) << 4) + noise).astype(np.uint16) << 4


def color_jpeg(picture: Gray) -> bytes:
    """A JPEG with three equal channels."""
    return cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()


def turned_by_exif(picture: Gray) -> bytes:
    """A JPEG stored sideways, with the EXIF orientation that turns it upright."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(np.rot90(picture, 1)))
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: rotate by 90 degrees clockwise
    target = io.BytesIO()
    image.save(target, "JPEG", quality=92, exif=exif)
    return target.getvalue()


def animated_gif(picture: Gray) -> bytes:
    """A GIF with two frames."""
    from PIL import Image

    frames = [Image.fromarray(picture), Image.fromarray(255 - picture)]
    target = io.BytesIO()
    frames[0].save(target, "GIF", save_all=True, append_images=frames[1:], duration=500)
    return target.getvalue()


def dicom(pictures: np.ndarray, marker: str, photometric: str) -> bytes:
    """A DICOM file with one or more frames, uint8 (H, W) or (N, H, W), and ``marker`` in every patient tag."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = UID("1.2.826.0.1.3680043.8.498.1")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)  # type: ignore[arg-type]
    file.SOPClassUID, file.SOPInstanceUID = SecondaryCaptureImageStorage, meta.MediaStorageSOPInstanceUID
    file.PatientName = file.PatientID = file.InstitutionName = file.ReferringPhysicianName = marker
    file.PatientBirthDate, file.Modality = "19500101", "DX"
    file.Rows, file.Columns = pictures.shape[-2:]
    if pictures.ndim == 3:
        file.NumberOfFrames = len(pictures)
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, photometric
    file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 8, 8, 7, 0
    file.PixelData = np.ascontiguousarray(pictures, np.uint8).tobytes()
    target = io.BytesIO()
    file.save_as(target, enforce_file_format=True)
    return target.getvalue()
