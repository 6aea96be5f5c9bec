"""What is no chest film ends as a row with the right reason: never as a crash, never as a silent frontal film."""

import io
import zipfile

import cv2
import numpy as np
import pandas as pd
import pytest
from phantoms import film, page_of_text
from PIL import Image
from project import Project
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage
from sklearn.datasets import load_sample_images


def encoded(picture: np.ndarray, extension: str = ".png") -> bytes:
    return cv2.imencode(extension, picture)[1].tobytes()


def animated_gif() -> bytes:
    frames = [Image.fromarray(film(seed)) for seed in (1, 2, 3)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def dicom(frames: int) -> bytes:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    data = Dataset()
    data.file_meta = meta
    data.SOPClassUID, data.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3"
    data.Rows, data.Columns, data.NumberOfFrames = 400, 380, frames
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation = 7, 0
    data.PixelData = b"".join(film(seed).tobytes() for seed in range(frames))
    file = io.BytesIO()
    data.save_as(file, enforce_file_format=True)
    return file.getvalue()


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("film.png", encoded(film(4)))
    return file.getvalue()


def forty_levels() -> bytes:
    return encoded((film(5) // 7).astype(np.uint16) * 1600)


BAD = {  # name -> bytes, stage that excludes it, what the reason says
    "black.png": (encoded(np.zeros((400, 380), np.uint8)), "ingest", "blank: all black"),
    "white.png": (encoded(np.full((400, 380), 255, np.uint8)), "ingest", "blank: all white"),
    "dot.png": (encoded(np.zeros((1, 1), np.uint8)), "ingest", "1 x 1 pixels"),
    "strip.png": (encoded(np.tile(film(6)[:20], (1, 53))[:, :20000]), "ingest", "20000 x 20 pixels"),
    "photo.jpg": (encoded(load_sample_images().images[0], ".jpg"), "views", "not a chest film"),
    "flower.jpg": (encoded(load_sample_images().images[1], ".jpg"), "views", "not a chest film"),
    "page.png": (encoded(page_of_text()), "views", "not a chest film"),
    "twice.png": (encoded(np.hstack([film(7), film(7)])), "views", "not a chest film"),
    "above.png": (encoded(np.vstack([film(8), film(8)])), "views", "not a chest film"),
    "moving.gif": (animated_gif(), "ingest", "animated or with several pages"),
    "frames.dcm": (dicom(3), "ingest", "DICOM file with 3 frames"),
    "empty.png": (b"", None, "empty"),
    "cut.jpg": (encoded(film(9), ".jpg")[:4000], "ingest", "truncated"),
    "page.jpg": (b"<!doctype html><title>Not found</title>", None, "a web page"),
    "archive.png": (zipped(), None, "not an image"),
}


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> pd.DataFrame:
    project = Project(tmp_path_factory.mktemp("bad"))
    for name, (data, _, _) in BAD.items():
        project.add(name, data)
    for seed in range(20, 24):
        project.add(f"film-{seed}.png", encoded(film(seed)), "normal")
    project.add("one.dcm", dicom(1), "normal")
    project.add("levels.png", forty_levels())
    found = project.build()
    assert "Traceback" not in project.output
    return found


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_a_row_that_says_why(rows, name):
    _, stage, why = BAD[name]
    row = rows.loc[name]
    assert row["status"] == "excluded"
    assert why in row["reason"]
    assert stage is None or row["excluded_by"] == stage


def test_good_films_beside_them_are_kept(rows):
    good = rows.loc[[f"film-{seed}.png" for seed in range(20, 24)] + ["one.dcm"]]
    assert (good["status"] == "kept").all() and (good["view_class"] == "frontal").all()


def test_a_film_of_few_gray_levels_is_flagged(rows):
    row = rows.loc["levels.png"]
    assert row["bit_depth"] == 16 and row["gray_levels"] <= 40
    assert "few_levels" in list(row["flags"])
