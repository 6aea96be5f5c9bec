"""The Hannover repository: ``data.csv``, whose offsets count from the film, and ``png/<image id>.png``."""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np

from sources.core.addresses import raw_github
from sources.hannover import COMMIT, NORMAL_BEFORE_DAYS, REPOSITORY, TABLE
from sources.sandbox.film import Film
from sources.sandbox.packing import csv_table, mirror_path

LABORATORY = ("crp", "d-dimer", "factor_xii", "ldh", "lymphocytes", "neutrophils", "pco2", "po2")
HEADER = (
    *("patient_id", "image_id", "sex", "age", "size", "weight", "admission_offset", "icu_admission_offset"),
    *("icu_release_offset", "death_offset", "modality", "projection"),
    *(f"{test}_{part}" for test in LABORATORY for part in ("offset", "val")),
)
PROJECTIONS = {"PA": "pa", "AP": "ap", "AP_SUPINE": "ap"}


def render(films: Sequence[Film], rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yield (mirror path, content) of the table and of every film."""
    rows = [_row(film, rng) for film in films]
    yield mirror_path(TABLE), csv_table(HEADER, rows)
    for film in films:
        yield mirror_path(raw_github(REPOSITORY, COMMIT, f"png/{image_id(film)}.png")), film.data


def image_id(film: Film) -> str:
    """Eight hex digits, as on the real site."""
    return _hex(film.film_id)


def _row(film: Film, rng: np.random.Generator) -> dict[str, object]:
    row: dict[str, object] = {
        "patient_id": _hex(film.patient_id),
        "image_id": image_id(film),
        "sex": (film.stated_sex or "").lower(),
        "age": film.stated_age,  # redacted on the real site
        "admission_offset": _admission_offset(film),
        "modality": str(rng.choice(["CR", "DX"], p=[0.85, 0.15])),
        "projection": PROJECTIONS.get(film.stated_view or "", ""),
    }
    if rng.random() < 0.7:
        row |= {"crp_offset": "0.0", "crp_val": str(rng.choice(["-inf", "12.0", "140.0", "inf"]))}
    return row


def _admission_offset(film: Film) -> int | None:
    """Days from the film to the admission; a normal film lies far enough before it to count as normal."""
    offset = None if film.offset_days is None else -film.offset_days
    if film.label == "normal" and (offset is None or offset <= NORMAL_BEFORE_DAYS):
        return NORMAL_BEFORE_DAYS + 8
    return offset


def _hex(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:8]
