"""How films are divided to train and to test: the project's way, the paper's way, and one source held out at a time.

``grouped`` keeps patients and copies together, and validation films choose the epoch. ``paper`` divides at random, and
its test films choose the epoch too (section 4 of the paper says so); its figures are too good. ``sources`` tests on the
films of a source that no training film comes from, which shows what a model is worth elsewhere.
"""

from dataclasses import dataclass, replace

import numpy as np

from pipeline.core.balance import SPLITS
from pipeline.core.experiments import ExperimentParams, Protocol
from pipeline.prepare.arrays import Arrays
from sources.core.text import counted
from training.core.data import Ints, LabeledFilms, select

PAPER_SEED, PAPER_TEST = 18, 0.2  # of the paper's division
LEAST = 20  # films of a source that is held out


@dataclass(frozen=True)
class Division:
    """Films to learn from, to choose the epoch and to test on.

    Attributes:
        protocol: how they were divided.
        held_out: the source that all test films come from, and no other film; None for other protocols.
        train, val, test: the films.
    """

    protocol: Protocol
    held_out: str | None
    train: LabeledFilms
    val: LabeledFilms
    test: LabeledFilms

    def __str__(self) -> str:
        return self.protocol if self.held_out is None else f"{self.protocol} without {self.held_out}"


def divide(arrays: Arrays, options: ExperimentParams) -> tuple[list[Division], dict[str, str]]:
    """All divisions that the experiment asks for, ``grouped`` first.

    Returns:
        The divisions, and the sources that cannot be held out with the reason.
    """
    first = grouped(arrays, options)
    divisions: list[Division] = [first]
    reasons: dict[str, str] = {}
    if "paper" in options.protocols:
        divisions.append(as_the_paper(_together(arrays, options)))
    if "sources" in options.protocols:
        everything = _together(arrays, options)
        for source in sorted({str(name) for name in _texts(everything, "source")}):
            held_out = hold_out(first, everything, source)
            reason = _reason(held_out)
            if reason is None:
                divisions.append(held_out)
            else:
                reasons[source] = reason
    return divisions, reasons


def grouped(arrays: Arrays, options: ExperimentParams) -> Division:
    """The division of the split stage."""
    return Division("grouped", None, *(select(arrays, [split], options.classes, options.films) for split in SPLITS))


def as_the_paper(films: LabeledFilms) -> Division:
    """A fifth of the films, drawn without regard to patients, classes and sources, tests and validates."""
    order = np.random.default_rng(PAPER_SEED).permutation(len(films))
    tested = round(PAPER_TEST * len(films))
    test = _subset(films, np.sort(order[:tested]))
    return Division("paper", None, _subset(films, np.sort(order[tested:])), test, test)


def hold_out(first: Division, everything: LabeledFilms, source: str) -> Division:
    """Test on all films of ``source``; learn from ``first`` without them and without other films of their groups."""
    test = _subset(everything, np.flatnonzero(_texts(everything, "source") == source))
    groups = set(test.rows["group_id"].dropna())

    def others(films: LabeledFilms) -> LabeledFilms:
        same = (_texts(films, "source") == source) | films.rows["group_id"].isin(groups).to_numpy(bool)
        return _subset(films, np.flatnonzero(~same))

    return Division("sources", source, others(first.train), others(first.val), test)


def _reason(division: Division) -> str | None:
    """Why a source cannot be held out; None if it can."""
    if len(division.test) < LEAST:
        return f"it has only {counted(len(division.test), 'film')}"
    for split, films in (("train", division.train), ("val", division.val)):
        for name, count in films.counts().items():
            if count == 0:
                return f"without it, split '{split}' has no '{name}' film"
    return None


def _together(arrays: Arrays, options: ExperimentParams) -> LabeledFilms:
    return select(arrays, SPLITS, options.classes, options.films)


def _subset(films: LabeledFilms, places: Ints) -> LabeledFilms:
    rows = films.rows.iloc[places].reset_index(drop=True)
    return replace(films, rows=rows, positions=films.positions[places], targets=films.targets[places])


def _texts(films: LabeledFilms, column: str) -> "np.ndarray[tuple[int], np.dtype[np.str_]]":
    return films.rows[column].to_numpy(str)
