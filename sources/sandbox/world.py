"""The people, their examinations and their files: everything that the drawn sources show, with the truth about it.

``plan_world`` decides who is where (numbers only), ``build_world`` draws it. The same seed gives the same bytes,
whatever the number of processes.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np

from sources.sandbox import alter
from sources.sandbox.anatomy import draw_anatomy
from sources.sandbox.film import Film
from sources.sandbox.other_views import ct_axial, ct_coronal, figure, lateral
from sources.sandbox.phantom import Exposure, frontal

MARKER = "NOBODY^SANDBOX"  # in every patient tag of the drawn DICOM files


@dataclass(frozen=True)
class Home:
    """How a source takes part: share of all persons, labels with their weights and words, what else it shows.

    Attributes:
        share: of the persons; ``labels``: label -> (weight, the source's word).
        extension: of its files; ``views``: share of laterals and of CT slices among its examinations.
        told: how often it states view, age and sex; ``children``: are they all children.
    """

    share: float
    labels: dict[str, tuple[float, str]]
    extension: str = "jpg"
    views: tuple[float, float] = (0.0, 0.0)
    told: float = 0.8
    children: bool = False


COVID = {"covid": (1.0, "COVID-19")}
HOMES = {
    "radiopaedia": Home(0.10, COVID, views=(0.10, 0.08), told=0.9),
    "sirm": Home(0.06, COVID, views=(0.05, 0.10), told=0.7),
    "eurorad": Home(0.05, COVID, views=(0.05, 0.12), told=0.8),
    "figure1": Home(0.04, COVID, told=0.6),
    "cohen": Home(0.14, {"covid": (0.7, "COVID-19"), "cap": (0.2, "Pneumonia"), "normal": (0.1, "No Finding")},
                  views=(0.08, 0.06), told=0.75),
    "twitter": Home(0.04, COVID, told=0.7),
    "papers": Home(0.04, COVID, told=0.5),
    "hannover": Home(0.10, COVID, extension="png", told=1.0),
    "instagram": Home(0.03, COVID, told=0.3),
    "cxnet": Home(0.04, COVID, told=0.6),
    "pediatric": Home(0.08, {"normal": (0.6, "normal"), "cap": (0.4, "bacterial pneumonia")}, extension="jpeg",
                      told=0.0, children=True),
    "nih": Home(0.24, {"normal": (0.78, "No Finding"), "cap": (0.22, "Pneumonia")}, extension="png", told=1.0),
    "radiopaedia_normal": Home(0.04, {"normal": (1.0, "normal chest x-ray")}, told=0.9),
    "tuberculosis": Home(0.06, {"normal": (0.75, "normal"), "other": (0.25, "tuberculosis")}, extension="png",
                         told=1.0),
}  # fmt: skip
COPY_TO = ("cohen", "cxnet", "figure1")  # collections that take over other sources' films
COPY_FROM = ("radiopaedia", "sirm", "eurorad", "hannover", "cohen", "twitter")
COPIED_SHARE = 0.22
FOLLOW_UPS = (0.5, 0.25, 0.15, 0.1)  # chance of 1, 2, 3, 4 films of a covid patient
FILES_PER_PERSON = 1.52  # about, copies included
ODD_FORMATS = ("wide", "colour", "exif", "gif", "dicom", "monochrome1", "frames", "wrong_extension")
ODD_HOME = "cohen"  # the collection whose table may name any file


@dataclass(frozen=True)
class Plan:
    """One file before it is drawn: the facts of its :class:`Film` without bytes, and how to draw them.

    Attributes:
        film: without data, width, height; ``anatomy_seed`` is the person's.
        exposure: how the picture is drawn; ``copy``: how it is altered on the way; ``copy_seed``.
    """

    film: Film
    anatomy_seed: int
    exposure: Exposure
    copy: str | None = None
    copy_seed: int = 0


def build_world(
    seed: int, films: int, sources: Sequence[str] = tuple(HOMES), executor: Executor | None = None
) -> list[Film]:
    """About ``films`` files that ``sources`` show, sorted by ``film_id``."""
    plans = plan_world(seed, films, sources)
    if executor is None:
        return [draw_film(plan) for plan in plans]
    return list(executor.map(draw_film, plans, chunksize=8))


def plan_world(seed: int, films: int, sources: Sequence[str] = tuple(HOMES)) -> list[Plan]:
    """Who has which films where, and which copies, defects and odd files there are."""
    rng = np.random.default_rng(seed)
    persons = max(12, round(films / FILES_PER_PERSON))
    homes = [name for name in HOMES if name in sources]
    shares = np.array([HOMES[name].share for name in homes])
    owners = rng.choice(len(homes), persons, p=shares / shares.sum())
    plans = [plan for person in range(persons) for plan in _person(person, homes[owners[person]], rng)]
    plans += _copies(plans, [name for name in COPY_TO if name in homes], rng)
    plans = _with_defects(plans, rng)
    return sorted(_with_odd_formats(plans, rng), key=lambda plan: plan.film.film_id)


def draw_film(plan: Plan) -> Film:
    """Draw one file."""
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
    """The file as its source shows it, with whatever is wrong with it."""
    defect = plan.film.defect
    if defect == "empty":
        return b""
    if defect == "html":
        return b"<!doctype html><html><body>Sign in to see this image.</body></html>"
    odd = {
        "wide": lambda: alter.png(alter.wide(picture, rng)),
        "colour": lambda: alter.colour_jpeg(picture),
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


def _picture(anatomy, view: str, exposure: Exposure) -> tuple[np.ndarray, np.ndarray | None]:  # type: ignore[no-untyped-def]
    if view == "L":
        return lateral(anatomy, exposure), None
    if view == "CT":
        return (ct_axial if exposure.side < 0 else ct_coronal)(anatomy, exposure), None
    if view == "OTHER":
        return figure(exposure), None
    return frontal(anatomy, exposure)


def _person(person: int, source: str, rng: np.random.Generator) -> Iterator[Plan]:
    """One person's films at the source where they live."""
    home = HOMES[source]
    labels = list(home.labels)
    weights = np.array([home.labels[name][0] for name in labels])
    label = labels[int(rng.choice(len(labels), p=weights / weights.sum()))]
    age = float(rng.integers(1, 6) if home.children else np.clip(round(rng.normal(58, 16)), 19, 92))
    sex = str(rng.choice(["F", "M"]))
    knows = rng.random(2) < home.told
    seed, focus = int(rng.integers(2**31)), int(rng.integers(2**31))
    count = 1 + int(rng.choice(4, p=FOLLOW_UPS)) if label == "covid" else 1 + int(rng.random() < 0.2)
    worst, peak = rng.uniform(0.5, 1.0), int(rng.integers(count))
    for number in range(count):
        view = _view(home, rng)
        exposure = _exposure(label, max(0.25, worst - 0.2 * abs(number - peak)), focus, view, rng)
        name = f"{person:05d}-{number}"
        yield Plan(
            Film(
                film_id=f"f{name}",
                exposure_id=f"e{name}",
                source=source,
                person=f"person{person:05d}",
                patient_id=f"p{person:05d}",
                study_id=f"s{name}",
                label=label,
                finding=home.labels[label][1],
                view=view,
                stated_view=view if rng.random() < home.told else None,
                age=age,
                stated_age=age if knows[0] else None,
                sex=sex,
                stated_sex=sex if knows[1] else None,
                offset_days=int(3 * number + rng.integers(0, 3)),
                rt_pcr="positive" if label == "covid" else None,
                data=b"",
                extension=home.extension,
                width=0,
                height=0,
            ),
            seed,
            exposure,
        )


def _view(home: Home, rng: np.random.Generator) -> str:
    lateral_share, ct_share = home.views
    draw = rng.random()
    if draw < lateral_share:
        return "L"
    if draw < lateral_share + ct_share:
        return "CT"
    return str(rng.choice(["PA", "AP"], p=[0.6, 0.4]))


def _exposure(label: str, severity: float, focus: int, view: str, rng: np.random.Generator) -> Exposure:
    side = 320 + int(rng.integers(0, 17)) * 10
    height = round(side * rng.uniform(0.98, 1.22)) if view != "CT" else side
    random_seed, lung = int(rng.integers(2**31)), int(rng.choice([-1, 1]))
    return Exposure(height, side, random_seed, label, float(severity), lung, focus, view.startswith("AP"))


def _copies(plans: Sequence[Plan], collections: Sequence[str], rng: np.random.Generator) -> list[Plan]:
    """Films that a collection takes over from where they were first shown, under its own patient ids."""
    kinds = list(alter.COPIES)
    copies: list[Plan] = []
    for plan in plans:
        film = plan.film
        targets = [name for name in collections if name != film.source]
        wanted = film.source in COPY_FROM and film.view in ("PA", "AP") and rng.random() < COPIED_SHARE
        if not (wanted and targets):
            continue
        target = targets[int(rng.integers(len(targets)))]
        kind = kinds[len(copies) % len(kinds)]
        if kind == "bytes" and film.extension != HOMES[target].extension:
            kind = "reencoded"
        home = HOMES[target]
        copies.append(
            Plan(
                replace(
                    film,
                    film_id=f"{film.film_id}c",
                    source=target,
                    patient_id=f"q{film.person[-5:]}",
                    finding=home.labels[film.label][1] if film.label in home.labels else film.finding,
                    stated_view=film.view if rng.random() < home.told else None,
                    stated_age=film.age if rng.random() < home.told else None,
                    extension=home.extension,
                    duplicate_kind=kind,
                ),
                plan.anatomy_seed,
                plan.exposure,
                kind,
                int(rng.integers(2**31)),
            )
        )
    return copies


def _with_defects(plans: Sequence[Plan], rng: np.random.Generator) -> list[Plan]:
    """Every defect on at least one film, and on about 1 in 130 films beyond the first hundreds."""
    defects = [*alter.DEFECTS, *alter.UNREADABLE]
    free = [
        index
        for index, plan in enumerate(plans)
        if plan.copy is None
        and plan.film.view in ("PA", "AP")
        and plan.film.source not in ("tuberculosis", "pediatric")
    ]
    rounds = max(1, len(plans) // 400)
    chosen = rng.permutation(free)[: len(defects) * rounds]
    changed = list(plans)
    for place, index in enumerate(sorted(chosen)):
        plan = changed[index]
        changed[index] = replace(plan, film=replace(plan.film, defect=defects[place % len(defects)]))
    return changed


def _with_odd_formats(plans: Sequence[Plan], rng: np.random.Generator) -> list[Plan]:
    """One file of every odd format, in the collection whose table names any file."""
    free = [
        index
        for index, plan in enumerate(plans)
        if plan.film.source == ODD_HOME
        and plan.film.defect is None
        and plan.copy is None
        and plan.film.view in ("PA", "AP")
    ]
    extensions = {"wide": "png", "gif": "gif", "dicom": "dcm", "monochrome1": "dcm", "frames": "dcm"}
    changed = list(plans)
    for kind, index in zip(ODD_FORMATS, sorted(rng.permutation(free)[: len(ODD_FORMATS)]), strict=False):
        plan = changed[index]
        changed[index] = replace(plan, film=replace(plan.film, defect=kind, extension=extensions.get(kind, "jpg")))
    return changed
