"""Which of some picture files show the same: by their bytes, by their pixels, and by proof of the same exposure."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.classifiers.film_file import read_film
from pipeline.core.parallel import map_images, open_executor
from pipeline.core.params import DedupeParams, IngestParams
from pipeline.dedupe.candidates import find_candidates
from pipeline.dedupe.clusters import cluster_films
from pipeline.dedupe.films import FilmStore, MeasuredFilm, measure
from pipeline.dedupe.verdicts import prove_candidates
from pipeline.imaging.arrays import Gray
from sources.core.errors import CxnetError
from sources.core.text import counted


@dataclass(frozen=True)
class Pictures:
    """For each file, in the order given, what it shares with others; None where it shares nothing, or is not there.

    Attributes:
        bytes: hash of the file.
        pixels: hash of its pixels, as gray levels; only where the bytes of two files differ.
        exposures: a name for each group of proven copies, whose pixels differ.
        notes: how many files were not there, and how many could not be read.
    """

    bytes: list[str | None]
    pixels: list[str | None]
    exposures: list[str | None]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _File:
    """A file that was read: its hashes, and what finds copies of it; None where it cannot be read."""

    bytes: str
    pixels: str | None
    film: MeasuredFilm | None


def compare_pictures(paths: Sequence[Path | None], workers: int = 2) -> Pictures:
    """Read the files and compare them with each other; None stands for a file that was not found."""
    present = list(dict.fromkeys(path for path in paths if path is not None))
    with open_executor(workers) as executor:
        found = dict(zip(present, map_images(_read, present, executor), strict=True))
        exposures = _exposures(present, found, executor)
    missing = sum(path is None for path in paths)
    bad = sum(each.film is None for each in found.values())
    notes = [f"{counted(missing, 'film')} of the list not found in the folder"] if missing else []
    notes += [f"{counted(bad, 'file')} could not be read as pictures"] if bad else []
    files = [None if path is None else found[path] for path in paths]
    return Pictures(
        [None if each is None else each.bytes for each in files],
        [None if each is None else each.pixels for each in files],
        [None if path is None else exposures.get(path) for path in paths],
        notes,
    )


def _read(path: Path) -> _File:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    try:
        gray = read_film(path, IngestParams()).gray
    except CxnetError:
        return _File(digest, None, None)
    return _File(digest, _pixels(gray), measure(gray))


def _pixels(gray: Gray) -> str:
    return hashlib.sha256(f"{gray.shape}".encode() + gray.tobytes()).hexdigest()


def _exposures(paths: Sequence[Path], found: dict[Path, _File], executor: Executor | None) -> dict[Path, str]:
    """The name of the group of proven copies of each file that has any with other pixels."""
    by_pixels: dict[str, list[Path]] = {}
    for path in paths:
        if (pixels := found[path].pixels) is not None:
            by_pixels.setdefault(pixels, []).append(path)
    groups = list(by_pixels.values())
    if len(groups) < 2:
        return {}
    params = DedupeParams()
    with FilmStore(len(groups)) as films:
        films.extend(film for group in groups if (film := found[group[0]].film) is not None)
        verdicts = prove_candidates(films, find_candidates(films, params), params, executor)
    similarity = {pair: proven.proof.similarity for pair, proven in verdicts.proven.items()}
    cluster = cluster_films(len(groups), similarity, verdicts.refuted)
    members: dict[int, list[int]] = {}
    for number, name in enumerate(cluster):
        members.setdefault(name, []).append(number)
    return {
        path: f"copies of {groups[numbers[0]][0].name}"
        for numbers in members.values()
        if len(numbers) > 1
        for number in numbers
        for path in groups[number]
    }
