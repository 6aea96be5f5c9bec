"""All synthetic people, their examinations and their files, with the truth about them.

``plan_films`` decides who has which films at which source, and ``draw_films`` draws them. The same seed gives the same
bytes for any number of processes.
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace

import numpy as np

from sources.sandbox import alter
from sources.sandbox.anatomy import Anatomy, draw_anatomy
from sources.sandbox.film import Film
from sources.sandbox.other_views import ct_axial, ct_coronal, lateral, picture_of_another_kind
from sources.sandbox.people import HOMES, Plan, films_of
from sources.sandbox.phantom import Exposure, frontal
from sources.sandbox.planting import with_copies, with_defects, with_odd_formats, with_wrong_facts

MARKER = "NOBODY^SANDBOX"  # in every patient tag of the synthetic DICOM files
FILES_PER_PERSON = 1.62  # on average, copies included


def draw_films(
    seed: int, films: int, sources: Sequence[str] = tuple(HOMES), executor: Executor | None = None
) -> list[Film]:
    """About ``films`` files shown by ``sources``, sorted by ``film_id``."""
    plans = plan_films(seed, films, sources)
    if executor is None:
        return [draw_film(plan) for plan in plans]
    return list(executor.map(draw_film, plans, chunksize=8))


def plan_films(seed: int, films: int, sources: Sequence[str] = tuple(HOMES)) -> list[Plan]:
    """The plans of these files, with copies, defects, odd formats and wrong facts."""
    rng = np.random.default_rng(seed)
    homes = [name for name in HOMES if name in sources]
    persons = max(len(homes), round(films / FILES_PER_PERSON))
    shares = np.array([HOMES[name].share for name in homes])
    owners = rng.choice(len(homes), persons, p=shares / shares.sum())
    owners[: len(homes)] = np.arange(len(homes))  # every source shows someone, even in a small sandbox
    plans = [plan for person in range(persons) for plan in films_of(person, homes[owners[person]], rng)]
    plans = with_wrong_facts(with_copies(plans, homes, rng), rng)
    plans = with_odd_formats(with_defects(plans, rng), rng)
    return sorted(plans, key=lambda plan: plan.film.film_id)


def draw_film(plan: Plan) -> Film:
    """Draw and encode one file."""
    film = plan.film
    anatomy = draw_anatomy(np.random.default_rng(plan.anatomy_seed), film.age, film.sex)
    picture, lungs = _picture(anatomy, film.view, plan.exposure)
    rng = np.random.default_rng(plan.copy_seed)
    if plan.copy is not None:
        picture = alter.COPIES[plan.copy](picture, rng)
    if film.defect in alter.DEFECTS:
        picture = alter.DEFECTS[film.defect](picture, rng)
    data = encode(picture, plan, rng)
    height, width = (0, 0) if film.defect in alter.UNREADABLE else picture.shape
    mask = alter.png(lungs) if film.source == "tuberculosis" and lungs is not None and plan.copy is None else None
    return replace(film, data=data, width=width, height=height, lung_mask=mask)


def encode(picture: np.ndarray, plan: Plan, rng: np.random.Generator) -> bytes:
    """The encoded file, with its planted defect or odd format."""
    defect = plan.film.defect
    if defect == "empty":
        return b""
    if defect == "html":
        return b"<!doctype html><html><body>Sign in to see this image.</body></html>"
    odd = {
        "wide": lambda: alter.png(alter.wide(picture, rng)),
        "colour": lambda: alter.color_jpeg(picture),
        "exif": lambda: alter.turned_by_exif(picture),
        "gif": lambda: alter.animated_gif(picture),
        "dicom": lambda: alter.dicom(picture, MARKER, "MONOCHROME2"),
        "monochrome1": lambda: alter.dicom(255 - picture, MARKER, "MONOCHROME1"),
        "frames": lambda: alter.dicom(np.stack([picture, picture[::-1]]), MARKER, "MONOCHROME2"),
        "wrong_extension": lambda: alter.png(picture),
    }
    if defect in odd:
        return odd[defect]()
    quality = 78 if plan.copy == "reencoded" else 92
    data = alter.png(picture) if plan.film.extension == "png" else alter.jpeg(picture, quality)
    return data[: len(data) // 2] if defect == "truncated" else data


def _picture(anatomy: Anatomy, view: str, exposure: Exposure) -> tuple[np.ndarray, np.ndarray | None]:
    """The picture, and the mask of its lungs if it is a frontal film."""
    if view == "L":
        return lateral(anatomy, exposure), None
    if view == "CT":
        return (ct_axial if exposure.side < 0 else ct_coronal)(anatomy, exposure), None
    if view == "OTHER":
        return picture_of_another_kind(anatomy, exposure), None
    return frontal(anatomy, exposure)
