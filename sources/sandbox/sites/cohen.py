"""Cohen's collection: ``metadata.csv`` with its traps, oddly spelled file names, and rows without a file."""

from collections.abc import Iterator, Sequence

import numpy as np

from sources.cohen import COMMIT, REPOSITORY, TABLE
from sources.core.addresses import raw_github
from sources.sandbox.film import Film
from sources.sandbox.packing import csv_table, mirror_path

HEADER = (
    *("patientid", "offset", "sex", "age", "finding", "survival", "intubated", "intubation_present", "went_icu"),
    *("in_icu", "needed_supplemental_O2", "extubated", "temperature", "pO2_saturation", "leukocyte_count"),
    *("neutrophil_count", "lymphocyte_count", "view", "modality", "date", "location", "folder", "filename", "doi"),
    *("url", "license", "clinical_notes", "other_notes", "", "RT_PCR_positive"),
)
VIEWS = {"PA": "PA", "AP": "AP", "AP_SUPINE": "AP Supine", "L": "L", "CT": "Axial"}
LICENCES = (
    *("CC BY", "CC BY 3.0", "CC BY 4.0", "CC BY-SA", "CC BY-NC-SA", "CC BY-NC-SA 4.0", "CC BY-NC-ND"),
    *("CC BY-NC-ND 4.0", "Apache 2.0"),
)
RT_PCR = {"positive": "Y", "negative": "N"}


def render(films: Sequence[Film], rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yield (mirror path, content) of the table and of every film; two rows of the table have no file."""
    names = [_file_name(film, rng) for film in films]
    rows = [_row(film, name, rng) for film, name in zip(films, names, strict=True)]
    yield mirror_path(TABLE), csv_table(HEADER, [*rows, *_without_file()])
    for film, name in zip(films, names, strict=True):
        yield mirror_path(raw_github(REPOSITORY, COMMIT, f"images/{name}")), film.data


def _file_name(film: Film, rng: np.random.Generator) -> str:
    """A name as people give them: sometimes with a space or an upper-case extension."""
    extension = film.extension.lstrip(".")
    style = rng.random()
    stem = f"{film.film_id} day" if style < 0.1 else film.film_id
    return f"{stem}.{extension.upper() if style > 0.9 else extension}"


def _row(film: Film, name: str, rng: np.random.Generator) -> dict[str, object]:
    is_ct = film.view == "CT"
    return {
        "patientid": film.patient_id,
        "offset": film.offset_days,
        "sex": film.stated_sex,
        "age": film.stated_age,
        "finding": film.finding,
        "view": VIEWS.get(film.stated_view or "", ""),
        "modality": "CT" if is_ct else "X-ray",
        "date": "2020",
        "folder": "images",
        "filename": name,
        "url": f"https://example.org/case/{film.patient_id}",
        "license": str(rng.choice([*LICENCES, ""])),
        "clinical_notes": 'drawn, "not" photographed',
        "other_notes": "Credit to the sandbox",
        "RT_PCR_positive": RT_PCR.get(film.rt_pcr or "", ""),
    }


def _without_file() -> list[dict[str, object]]:
    common: dict[str, object] = {"patientid": "900", "finding": "COVID-19", "url": "https://example.org/case/900"}
    return [
        common | {"modality": "CT", "view": "Axial", "folder": "volumes", "filename": "coronacases_org_001.nii"},
        common | {"modality": "X-ray", "view": "PA", "folder": "images", "filename": "gone.jpg"},
    ]
