"""Read lists of films with their splits, in any of the usual forms.

CSV files (comma, semicolon, tab, bar or blanks) with a row per film that states its file or id, its split and perhaps
its patient; the lists of COVIDx (patient, file, class, source; one file per split, such as ``train.txt``); and folders
whose first level are the splits.
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from sources.core.errors import CxnetError, UsageError
from sources.core.text import counted

MAX_BYTES = 500_000_000
SAMPLE = 20_000  # characters that tell the separator
FILE_NAMES = (
    "file",
    "filename",
    "path",
    "image",
    "imagepath",
    "filepath",
    "imageindex",
    "imageid",
    "img",
    "id",
    "dicom",
)
PATIENT_NAMES = ("patient", "patientid", "pid", "subject", "subjectid", "case", "caseid")
SPLIT_NAMES = ("split", "set", "partition", "subset", "fold", "usage", "dataset", "phase")
SPLITS = {"training": "train", "validation": "val", "valid": "val", "dev": "val", "testing": "test"}
FROM_NAMES = (  # patients in the names of files of well-known sets
    re.compile(r"^(?P<patient>person\d+)_(?:bacteria|virus)_\d+", re.IGNORECASE),  # Kermany's films of children
    re.compile(r"^(?P<patient>\d{8})_\d{3}\.png$"),  # NIH ChestX-ray14
    re.compile(r"(?:^|/)(?P<patient>patient\d+)/", re.IGNORECASE),  # CheXpert
    re.compile(r"(?:^|/)(?P<patient>p\d{8})/", re.IGNORECASE),  # MIMIC-CXR
)
PICTURE = re.compile(r"\.(?:png|jpe?g|dcm|dicom|tiff?|bmp|webp)$", re.IGNORECASE)


@dataclass(frozen=True)
class SplitList:
    """A list that was read.

    Attributes:
        rows: file, patient, split, and ``line``, the cells as they were.
        header: the names of the columns; empty if there are none.
        notes: what a person should know about how it was read.
    """

    rows: pd.DataFrame
    header: list[str]
    notes: list[str]

    @property
    def split_column(self) -> int | None:
        """The index of the column that states the split."""
        return _column([_plain(name) for name in self.header], SPLIT_NAMES)


def read_split(files: Sequence[Path]) -> SplitList:
    """Read one list with a column for the split, one list per split, or a folder whose first level are the splits.

    Raises:
        UsageError: a file does not exist, or states no split.
        CxnetError: a file is not readable.
    """
    if len(files) == 1 and files[0].is_dir():
        return SplitList(_read_folder(files[0]), ["file", "split"], [])
    parts, notes, header = [], list[str](), list[str]()
    for path in files:
        split = path.stem if len(files) > 1 else None
        rows, header, more = _read_list(path, split)
        parts.append(rows)
        notes += more
    return SplitList(pd.concat(parts, ignore_index=True), header, notes)


def _read_folder(folder: Path) -> pd.DataFrame:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and PICTURE.search(path.name)]
    below = [path.relative_to(folder).as_posix() for path in paths]
    below = [name for name in below if "/" in name]
    if not below:
        raise UsageError(f"{folder} holds no folder of films for each split, such as {folder}/train.")
    splits = [plain_split(name.split("/")[0]) for name in below]
    lines = [[name, split] for name, split in zip(below, splits, strict=True)]
    return pd.DataFrame({"file": below, "patient": None, "split": splits, "line": lines}, dtype=object)


def _read_list(path: Path, split: str | None) -> tuple[pd.DataFrame, list[str], list[str]]:
    lines = _lines(path)
    header, body = (lines[0], lines[1:]) if _is_header(lines[0]) else ([], lines)
    if not body:
        raise UsageError(f"{path} has no rows.")
    width = len(header) or max(map(len, body))
    short = sum(len(cells) < width for cells in body)
    notes = [f"{path.name}: {counted(short, 'row')} with too few cells left out"] if short else []
    body = [cells for cells in body if len(cells) >= width]
    if not body:
        raise UsageError(f"{path}: no row has as many cells as the first line; it is no list of films.")
    names = [_plain(name) for name in header]
    file = _column(names, FILE_NAMES)
    patient, place = _column(names, PATIENT_NAMES), _column(names, SPLIT_NAMES)
    if not header:  # the form of COVIDx: patient, file, class, source
        file = next((at for at, cell in enumerate(body[0]) if PICTURE.search(cell)), None)
        patient = 0 if file not in (0, None) else None
    if file is None:
        raise UsageError(f"{path} names no file or id; expected a column called {', '.join(FILE_NAMES[:5])} or so.")
    if place is None and split is None:
        raise UsageError(
            f"{path} states no split; expected a column called {', '.join(SPLIT_NAMES[:4])}, or one list per split: "
            "train.csv test.csv."
        )
    rows = {
        "file": [cells[file].strip() for cells in body],
        "patient": [(cells[patient].strip() or None) if patient is not None else None for cells in body],
        "split": [plain_split(cells[place]) if place is not None else plain_split(str(split)) for cells in body],
        "line": body,
    }
    return pd.DataFrame(rows, dtype=object), header, notes


def _lines(path: Path) -> list[list[str]]:
    """The cells of every row."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CxnetError(f"{path} is larger than {MAX_BYTES:,} bytes; no list of films is.")
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CxnetError(f"{path} is not readable text ({error}); save the list as CSV in UTF-8.") from None
    first = text[:SAMPLE].split("\n", 1)[0]
    separator = max(",;\t|", key=first.count)
    if first.count(separator):
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
        except csv.Error as error:
            raise CxnetError(f"{path} is no readable CSV ({error}).") from None
    else:
        rows = [line.split() for line in text.splitlines()]
    rows = [cells for cells in rows if any(cell.strip() for cell in cells)]
    if not rows:
        raise UsageError(f"{path} is empty.")
    return rows


def _is_header(cells: list[str]) -> bool:
    return not any(PICTURE.search(cell) for cell in cells) and any(
        _plain(cell) in (*FILE_NAMES, *PATIENT_NAMES, *SPLIT_NAMES) for cell in cells
    )


def _column(names: list[str], known: Sequence[str]) -> int | None:
    """The index of the first known name, in the order of ``known``."""
    return next((names.index(name) for name in known if name in names), None)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def plain_split(word: str) -> str:
    """The usual word for a split."""
    plain = word.strip().lower()
    return SPLITS.get(plain, plain) or "without a split"


def patient_in(name: str) -> str | None:
    """The patient in the name of a file of a well-known set."""
    for pattern in FROM_NAMES:
        if match := pattern.search(name) or pattern.search(PurePosixPath(name).name):
            return match["patient"].lower()
    return None
