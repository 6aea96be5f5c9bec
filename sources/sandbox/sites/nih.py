"""NIH ChestX-ray14: two of the twelve archives, and the label table, which also lists films of other archives.

The table is gzipped, as in the pinned public copy, and mixes what its copies differ in: ages as ``57`` and ``057Y``.
"""

import gzip
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from sources.nih import ARCHIVES, NORMAL, PINNED_TABLE, PNEUMONIA
from sources.sandbox.film import Film
from sources.sandbox.packing import csv_table, mirror_path, numbered, tar_gz

HEADER = (  # of 2020: commas in two names split them, and one ends the line
    *("Image Index", "Finding Labels", "Follow-up #", "Patient ID", "Patient Age", "Patient Sex"),
    *("View Position", "OriginalImage[Width", "Height]", "OriginalImagePixelSpacing[x", "y]", ""),
)
OTHER_FINDINGS = ("Effusion|Mass", "Hernia", "Cardiomegaly", "Edema|Effusion")
VIEWS = {"PA": "PA", "AP": "AP", "AP_SUPINE": "AP"}


def render(films: Sequence[Film], rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yield (mirror path, content) of the table and of the first two archives, with half of the films each."""
    numbers, seen = numbered(film.patient_id for film in films), Counter[str]()
    members, rows = {}, []
    for film in films:
        row = _row(film, numbers[film.patient_id], seen[film.patient_id])
        seen[film.patient_id] += 1
        members[f"images/{row['Image Index']}"] = film.data
        rows.append(row)
    rows += [_row_without_film(len(numbers) + 1 + n, rng) for n in range(len(films) // 5 + 2)]
    table = csv_table(HEADER, sorted(rows, key=lambda row: str(row["Image Index"])))
    yield mirror_path(PINNED_TABLE), gzip.compress(table, mtime=0)
    names = sorted(members)
    for address, half in zip(ARCHIVES, np.array_split(names, 2), strict=False):
        yield mirror_path(address), tar_gz({str(name): members[str(name)] for name in half})


def _row(film: Film, patient: int, follow_up: int) -> dict[str, object]:
    return {
        "Image Index": f"{patient:08d}_{follow_up:03d}.png",
        "Finding Labels": _findings(film),
        "Follow-up #": follow_up,
        "Patient ID": patient,
        "Patient Age": _age(film.stated_age, old=patient % 2 == 0),
        "Patient Sex": film.stated_sex,
        "View Position": VIEWS.get(film.stated_view or "", ""),
        "OriginalImage[Width": film.width,
        "Height]": film.height,
        "OriginalImagePixelSpacing[x": 0.143,
        "y]": 0.143,
    }


def _age(years: float | None, old: bool) -> str:
    if years is None:
        return ""
    return f"{years:03.0f}Y" if old else f"{years:g}"


def _findings(film: Film) -> str:
    """The label in the words of the data set."""
    if film.label == "normal":
        return NORMAL
    if film.label == "cap":
        return film.finding if PNEUMONIA & set(film.finding.split("|")) else "Pneumonia"
    return film.finding


def _row_without_film(patient: int, rng: np.random.Generator) -> dict[str, object]:
    """A film that the table lists and no archive here holds, as for most of the real 112,120 films."""
    finding = str(rng.choice([*OTHER_FINDINGS, NORMAL, "Infiltration"]))
    return {
        "Image Index": f"{patient:08d}_000.png",
        "Finding Labels": finding,
        "Follow-up #": 0,
        "Patient ID": patient,
        "Patient Age": int(rng.integers(18, 90)),
        "Patient Sex": str(rng.choice(["F", "M"])),
        "View Position": "PA",
        "OriginalImage[Width": 2992,
        "Height]": 2991,
        "OriginalImagePixelSpacing[x": 0.143,
        "y]": 0.143,
    }
