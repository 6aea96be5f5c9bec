"""The pediatric data set: one zip whose member names hold all facts, with stray files of an operating system."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from sources.pediatric import ARCHIVE
from sources.sandbox.film import Film
from sources.sandbox.packing import mirror_path, numbered, zip_archive

TEST_EVERY = 5  # one patient in so many is in test/


def render(films: Sequence[Film], rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yield (mirror path, content) of the archive."""
    members = dict(zip(_members(films, rng), (film.data for film in films), strict=True))
    junk = {"chest_xray/.DS_Store": b"\0" * 16, "__MACOSX/chest_xray/train/NORMAL/._IM-0001-0001.jpeg": b"\0" * 16}
    yield mirror_path(ARCHIVE), zip_archive(junk | dict(sorted(members.items())))


def _members(films: Sequence[Film], rng: np.random.Generator) -> list[str]:
    """A path per film; patients are numbered from 1 in train/, and from 1 in test/."""
    order = numbered(film.patient_id for film in films)
    split = {patient: "test" if number % TEST_EVERY == 0 else "train" for patient, number in order.items()}
    number = {part: numbered(patient for patient in order if split[patient] == part) for part in ("train", "test")}
    seen: Counter[str] = Counter()
    paths = []
    for count, film in enumerate(films, start=1):
        part, patient = split[film.patient_id], film.patient_id
        seen[patient] += 1
        paths.append(f"chest_xray/{part}/{_name(film, number[part][patient], seen[patient], count)}.jpeg")
    return paths


def _name(film: Film, patient: int, film_of_patient: int, count: int) -> str:
    if film.label == "normal":
        prefix = "NORMAL2-" if patient % 2 else ""
        return f"NORMAL/{prefix}IM-{patient:04d}-{film_of_patient:04d}"
    cause = "virus" if "vir" in film.finding.lower() else "bacteria"
    return f"PNEUMONIA/person{patient}_{cause}_{count}"
