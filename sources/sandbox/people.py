"""Synthetic people: what each source shows of them, and the films that one person has at a source."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sources.sandbox.film import Film
from sources.sandbox.phantom import Exposure


@dataclass(frozen=True)
class Home:
    """What a source shows.

    Attributes:
        share: its share of all persons, relative to the other sources.
        labels: label -> (weight, the source's word for it).
        extension: extension of its files.
        views: shares of lateral films, CT slices and other pictures.
        stated: probability that it states a view, an age or a sex.
        second: probability that a person without COVID-19 has a second film.
        children: whether all persons are children.
    """

    share: float
    labels: dict[str, tuple[float, str]]
    extension: str = "jpg"
    views: tuple[float, float, float] = (0.0, 0.0, 0.0)
    stated: float = 0.8
    second: float = 0.2
    children: bool = False


COVID = {"covid": (1.0, "COVID-19")}
HOMES = {
    "radiopaedia": Home(0.10, COVID, views=(0.12, 0.10, 0.02), stated=0.9),
    "sirm": Home(0.05, COVID, views=(0.08, 0.14, 0.02), stated=0.7),
    "eurorad": Home(0.05, COVID, views=(0.08, 0.14, 0.04), stated=0.8),
    "figure1": Home(0.03, COVID, stated=0.6),
    "cohen": Home(0.14, {"covid": (0.7, "COVID-19"), "cap": (0.2, "Pneumonia"), "normal": (0.1, "No Finding")},
                  views=(0.10, 0.10, 0.0), stated=0.75),
    "twitter": Home(0.04, COVID, views=(0.0, 0.0, 0.12), stated=0.7),
    "papers": Home(0.03, COVID, stated=0.5),
    "hannover": Home(0.10, COVID, extension="png", stated=1.0),
    "instagram": Home(0.03, COVID, views=(0.0, 0.0, 0.15), stated=0.3),
    "cxnet": Home(0.03, COVID, stated=0.6),
    "pediatric": Home(0.06, {"normal": (0.6, "normal"), "cap": (0.4, "bacterial pneumonia")}, extension="jpeg",
                      stated=0.0, children=True),
    "nih": Home(0.40, {"normal": (0.8, "No Finding"), "cap": (0.2, "Pneumonia")}, extension="png", stated=1.0,
                second=0.5),
    "radiopaedia_normal": Home(0.05, {"normal": (1.0, "normal chest x-ray")}, stated=0.9),
    "tuberculosis": Home(0.06, {"normal": (0.7, "normal"), "other": (0.3, "tuberculosis")}, extension="png",
                         stated=1.0),
}  # fmt: skip
FOLLOW_UPS = (0.55, 0.25, 0.12, 0.08)  # probability of 1, 2, 3, 4 films of a COVID-19 patient
FRONTAL = ("PA", "AP", "AP_SUPINE")
FRONTAL_SHARES = (0.55, 0.35, 0.10)
LARGE_SHARE = 0.012  # share of films as large as a detector delivers them


@dataclass(frozen=True)
class Plan:
    """One file before it is drawn.

    Attributes:
        film: everything about it but data, width and height.
        anatomy_seed: seed of the person's anatomy.
        exposure: how to draw the picture.
        copy: the alteration, if the file is a copy; ``copy_seed``: seed of its parameters.
    """

    film: Film
    anatomy_seed: int
    exposure: Exposure
    copy: str | None = None
    copy_seed: int = 0


def films_of(person: int, source: str, rng: np.random.Generator) -> Iterator[Plan]:
    """One person's films at a source."""
    home = HOMES[source]
    labels = list(home.labels)
    weights = np.array([home.labels[name][0] for name in labels])
    label = labels[int(rng.choice(len(labels), p=weights / weights.sum()))]
    age = float(rng.integers(1, 6) if home.children else np.clip(round(rng.normal(58, 16)), 19, 92))
    sex = str(rng.choice(["F", "M"]))
    states = rng.random(2) < home.stated
    seed, focus = int(rng.integers(2**31)), int(rng.integers(2**31))
    count = 1 + int(rng.choice(4, p=FOLLOW_UPS)) if label == "covid" else 1 + int(rng.random() < home.second)
    worst, peak = rng.uniform(0.5, 1.0), int(rng.integers(count))
    for number in range(count):
        view = _view(home, rng)
        exposure = _exposure(label, max(0.4, worst - 0.2 * abs(number - peak)), focus, view, rng)
        name = f"{person:05d}-{number}"
        film = Film(
            film_id=f"f{name}",
            exposure_id=f"e{name}",
            source=source,
            person=f"person{person:05d}",
            patient_id=f"p{person:05d}",
            study_id=f"s{name}",
            label=label,
            finding=home.labels[label][1],
            view=view,
            stated_view=view if view != "OTHER" and rng.random() < home.stated else None,
            age=age,
            stated_age=age if states[0] else None,
            sex=sex,
            stated_sex=sex if states[1] else None,
            offset_days=int(3 * number + rng.integers(0, 3)),
            rt_pcr="positive" if label == "covid" else None,
            data=b"",
            extension=home.extension,
            width=0,
            height=0,
        )
        yield Plan(film, seed, exposure)


def _view(home: Home, rng: np.random.Generator) -> str:
    views = ("L", "CT", "OTHER", *FRONTAL)
    rest = 1 - sum(home.views)
    return str(rng.choice(views, p=[*home.views, *(share * rest for share in FRONTAL_SHARES)]))


def _exposure(label: str, severity: float, focus: int, view: str, rng: np.random.Generator) -> Exposure:
    large = rng.random() < LARGE_SHARE
    side = int(rng.integers(100, 131) if large else rng.integers(32, 50)) * 10
    height = round(side * rng.uniform(0.98, 1.22)) if view != "CT" else side
    random_seed, lung = int(rng.integers(2**31)), int(rng.choice([-1, 1]))
    return Exposure(height, side, random_seed, label, float(severity), lung, focus, view.startswith("AP"))
