"""The Figure 1 data set: ``metadata.csv`` in Windows-1252, ``.jpg`` or ``.png`` images, letters for films."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from sources.core.addresses import raw_github
from sources.figure1 import COMMIT, REPOSITORY, TABLE
from sources.sandbox.film import Film
from sources.sandbox.packing import csv_table, mirror_path, numbered

HEADER = (
    *("patientid", "offset", "sex", "age", "finding", "survival", "temperature", "pO2 saturation", "view"),
    *("modality", "artifacts/distortion", "notes"),
)
VIEWS = {"PA": "PA", "AP": "AP", "AP_SUPINE": "AP supine", "L": "L"}


def render(films: Sequence[Film], rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yield (mirror path, content) of the table and of every film."""
    ids = _film_ids(films)
    rows = [_row(film, name, rng) for film, name in zip(films, ids, strict=True)]
    yield mirror_path(TABLE), csv_table(HEADER, rows, encoding="cp1252")
    for film, name in zip(films, ids, strict=True):
        extension = "png" if film.extension.lstrip(".").lower() == "png" else "jpg"
        yield mirror_path(raw_github(REPOSITORY, COMMIT, f"images/{name}.{extension}")), film.data


def _film_ids(films: Sequence[Film]) -> list[str]:
    """``COVID-00001`` for a patient with one film, ``COVID-00002a``, ``b``, ... for a patient with several."""
    numbers = numbered(film.patient_id for film in films)
    total = Counter(film.patient_id for film in films)
    seen: Counter[str] = Counter()
    ids = []
    for film in films:
        letter = chr(ord("a") + seen[film.patient_id]) if total[film.patient_id] > 1 else ""
        seen[film.patient_id] += 1
        ids.append(f"COVID-{numbers[film.patient_id]:05d}{letter}")
    return ids


def _row(film: Film, name: str, rng: np.random.Generator) -> dict[str, object]:
    return {
        "patientid": name,
        "offset": film.offset_days,
        "sex": film.stated_sex,
        "age": film.stated_age,
        "finding": film.finding,
        "view": VIEWS.get(film.stated_view or "", ""),
        "modality": "X-ray",
        "artifacts/distortion": "Slight from monitor" if rng.random() < 0.1 else "",
        "notes": "Drawn. Fever 38°.",
    }
