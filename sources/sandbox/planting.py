"""Plant problems: copies at other sources, films with defects, odd file formats, wrong facts.

Every function maps plans to plans, and records what it planted in the film's ``duplicate_kind`` or ``defect``.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sources.sandbox import alter
from sources.sandbox.people import FRONTAL, HOMES, Plan

COPY_TO = ("cohen", "cxnet", "figure1")  # collections that copy films of other sources
COPY_FROM = ("radiopaedia", "sirm", "eurorad", "hannover", "cohen", "twitter")
COPIED_SHARE, COPIED_TWICE = 0.3, 0.2
NO_DEFECTS = ("tuberculosis", "pediatric")
FILMS_PER_DEFECT = 400  # one more film of each defect per so many files
ODD_FORMATS = ("wide", "colour", "exif", "gif", "dicom", "monochrome1", "frames", "wrong_extension")
ODD_EXTENSIONS = {"wide": "png", "gif": "gif", "dicom": "dcm", "monochrome1": "dcm", "frames": "dcm"}
ODD_HOME = "cohen"  # the collection whose table may name a file of any format
WRONG_LABEL, WRONG_AGE = "wrong_label", "wrong_age"
WRONG_LABELS = 3  # films
WRONG_BY_YEARS = 30.0


def with_copies(plans: Sequence[Plan], sources: Sequence[str], rng: np.random.Generator) -> list[Plan]:
    """Add copies: collections show films of other sources, under patient ids of their own."""
    kinds = list(alter.COPIES)
    copies: list[Plan] = []
    for plan in plans:
        film = plan.film
        targets = [
            name for name in COPY_TO if name in sources and name != film.source and film.label in HOMES[name].labels
        ]
        if film.source not in COPY_FROM or film.view not in FRONTAL or rng.random() >= COPIED_SHARE:
            continue
        times = 1 + int(rng.random() < COPIED_TWICE)
        for target in rng.permutation(targets)[:times]:
            copies.append(_copy(plan, str(target), kinds[len(copies) % len(kinds)], rng))
    return [*plans, *copies]


def _copy(plan: Plan, target: str, kind: str, rng: np.random.Generator) -> Plan:
    film, home = plan.film, HOMES[target]
    if kind == "bytes" and film.extension != home.extension:
        kind = "reencoded"
    copy = replace(
        film,
        film_id=f"{film.film_id}-{target}",
        source=target,
        patient_id=f"q{film.person[-5:]}",
        finding=home.labels[film.label][1],
        stated_view=film.view if rng.random() < home.stated else None,
        stated_age=film.age if rng.random() < home.stated else None,
        extension=home.extension,
        duplicate_kind=kind,
    )
    return replace(plan, film=copy, copy=kind, copy_seed=int(rng.integers(2**31)))


def with_wrong_facts(plans: Sequence[Plan], rng: np.random.Generator) -> list[Plan]:
    """Give a few copies another label than their first film has, and one follow-up an impossible age."""
    changed = list(plans)
    copies = [place for place, plan in enumerate(plans) if plan.copy and plan.film.source == ODD_HOME]
    for place in sorted(rng.permutation(copies)[:WRONG_LABELS]):
        film = plans[place].film
        words = [word for label, (_, word) in HOMES[ODD_HOME].labels.items() if label != film.label]
        changed[place] = replace(plans[place], film=replace(film, finding=words[0], defect=WRONG_LABEL))
    aged = [
        place
        for place, plan in enumerate(plans)
        if plan.film.source == ODD_HOME and plan.copy is None and plan.film.stated_age is not None
        if plan.film.view in FRONTAL and not plan.film.film_id.endswith("-0")
    ]
    for place in rng.permutation(aged)[:1]:
        film = plans[place].film
        younger = film.age - WRONG_BY_YEARS if film.age > 60 else film.age + WRONG_BY_YEARS
        changed[place] = replace(plans[place], film=replace(film, stated_age=younger, defect=WRONG_AGE))
    return changed


def with_defects(plans: Sequence[Plan], rng: np.random.Generator) -> list[Plan]:
    """Give every defect to at least one film; films that have copies stay intact."""
    defects = [*alter.DEFECTS, *alter.UNREADABLE]
    free = [place for place in _untouched(plans) if plans[place].film.source not in NO_DEFECTS]
    rounds = max(1, len(plans) // FILMS_PER_DEFECT)
    changed = list(plans)
    for number, place in enumerate(sorted(rng.permutation(free)[: len(defects) * rounds])):
        film = replace(plans[place].film, defect=defects[number % len(defects)])
        changed[place] = replace(plans[place], film=film)
    return changed


def with_odd_formats(plans: Sequence[Plan], rng: np.random.Generator) -> list[Plan]:
    """Give every odd format to one file, in the collection whose table may name any file."""
    free = [place for place in _untouched(plans) if plans[place].film.source == ODD_HOME]
    changed = list(plans)
    for kind, place in zip(ODD_FORMATS, sorted(rng.permutation(free)[: len(ODD_FORMATS)]), strict=False):
        film = replace(plans[place].film, defect=kind, extension=ODD_EXTENSIONS.get(kind, "jpg"))
        changed[place] = replace(plans[place], film=film)
    return changed


def _untouched(plans: Sequence[Plan]) -> list[int]:
    """Positions of frontal films without copies and without a planted problem."""
    copies = Counter(plan.film.exposure_id for plan in plans)
    return [
        place
        for place, plan in enumerate(plans)
        if plan.film.view in FRONTAL and plan.film.defect is None and copies[plan.film.exposure_id] == 1
    ]
