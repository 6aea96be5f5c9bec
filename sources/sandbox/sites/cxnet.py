"""The COVID-CXNet collection: labels in file names, a table for some of the files, and GitHub's listing of all."""

import hashlib
import json
from collections.abc import Iterator, Sequence

import numpy as np

from sources.core.addresses import raw_github
from sources.cxnet import COMMIT, FOLDER, LISTING, REPOSITORY, TABLE
from sources.sandbox.film import Film
from sources.sandbox.packing import csv_table, mirror_path

HEADER = (
    *("filename", "patient_id", "sex", "age", "view", "label", "pcr_test", "survival", "location"),
    *("admission_offset", "symptom_offset", "also_had_ct", "has_fever", "has_cough", "has_dyspnea", "has_diarrhea"),
    *("spo2", "other_symptoms", "medical_background", "opacification", "other", "is_bilateral", "url"),
)
FIRST_ROW = 260  # the real table begins at this file
SEXES = {"F": "female", "M": "male"}
VIEWS = {"PA": "PA", "AP": "AP", "AP_SUPINE": "AP"}


def render(films: Sequence[Film], rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yield (mirror path, content) of the table, the listing and every film."""
    names = _names(films)
    rows = [_row(film, name, rng) for film, name in zip(films, names, strict=True) if int(name[:3]) >= FIRST_ROW]
    yield mirror_path(TABLE), csv_table(HEADER, rows, encoding="utf-8-sig")
    yield mirror_path(LISTING), _listing(dict(zip(names, (film.data for film in films), strict=True)))
    for film, name in zip(films, names, strict=True):
        yield mirror_path(raw_github(REPOSITORY, COMMIT, f"{FOLDER}/{name}")), film.data


def _names(films: Sequence[Film]) -> list[str]:
    """Numbers from 1 for films without any stated fact, and from 260 for films with a row in the table."""
    names = []
    following = {False: 1, True: FIRST_ROW}  # the next number without and with facts
    for film in films:
        number = following[_has_facts(film)]
        following[_has_facts(film)] += 1
        child = "p" if film.stated_age is not None and film.stated_age < 18 else ""
        clear = "-" if "no abnormality" in film.finding else ""
        names.append(f"{number:03d}{child}{clear}.{film.extension.lstrip('.')}")
    return names


def _has_facts(film: Film) -> bool:
    stated = (film.stated_age, film.stated_sex, film.stated_view, film.offset_days, film.rt_pcr)
    return any(value is not None for value in stated)


def _row(film: Film, name: str, rng: np.random.Generator) -> dict[str, object]:
    stem, _, extension = name.rpartition(".")
    return {
        "filename": f"{stem}.{extension.swapcase()}" if rng.random() < 0.08 else name,
        "patient_id": film.patient_id,
        "sex": SEXES.get(film.stated_sex or "", ""),
        "age": film.stated_age,
        "view": VIEWS.get(film.stated_view or "", ""),
        "label": "COVID-19",
        "pcr_test": film.rt_pcr,
        "admission_offset": film.offset_days,
        "also_had_ct": int(rng.integers(0, 2)),
        "url": f"https://example.org/case/{film.patient_id}",
    }


def _listing(files: dict[str, bytes]) -> bytes:
    """The answer of GitHub's tree API."""
    entries = [{"path": FOLDER, "mode": "040000", "type": "tree", "sha": "0" * 40}]
    for name, data in sorted(files.items()):
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
        entries.append({"path": f"{FOLDER}/{name}", "mode": "100644", "type": "blob", "sha": blob})
    return json.dumps({"sha": COMMIT, "tree": entries, "truncated": False}, indent=1).encode()
