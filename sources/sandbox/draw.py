"""Draw the sandbox: a synthetic copy of every source in the layout of a mirror, and ``truth/`` about every file."""

import csv
import hashlib
import importlib
import io
import json
import os
import pkgutil
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from sources.core.processes import process_pool
from sources.core.storage import atomic_folder
from sources.sandbox import sites
from sources.sandbox.film import Film
from sources.sandbox.people import FRONTAL, HOMES
from sources.sandbox.population import draw_films
from sources.sandbox.version import code_version
from sources.transport.mirror import INDEXES

SITE_OF = {"radiopaedia_normal": "radiopaedia"}  # one site serves both sources
RECEIPT = "sandbox.json"
FILM_COLUMNS = (
    *("source", "film_id", "sha256", "exposure_id", "person", "patient_id", "label", "finding", "view", "stated_view"),
    *("age", "sex", "offset_days", "rt_pcr", "width", "height", "extension", "duplicate_kind", "defect"),
)


def draw(folder: Path, seed: int, films: int) -> None:
    """Write about ``films`` synthetic files into ``folder``, unless its receipt shows that it already holds them.

    The folder is replaced at once: an interruption leaves the old sandbox or none.

    Raises:
        CxnetError: ``folder`` cannot be written.
    """
    receipt = {"seed": seed, "films": films, "code": code_version()}
    if _is_current(folder, receipt):
        return
    renders = site_modules()
    sources = [name for name in HOMES if SITE_OF.get(name, name) in renders]
    with process_pool(os.cpu_count() or 1, _one_thread) as pool:
        drawn = draw_films(seed, films, sources, pool)
    with atomic_folder(folder) as new:
        target = Path(new.path)
        for path, content in _rendered(drawn, renders, seed):
            place = _free_place(target / path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        _write_truth(target / "truth", drawn)
        (target / RECEIPT).write_text(json.dumps(receipt, sort_keys=True) + "\n", encoding="utf-8")


def site_modules() -> dict[str, Any]:
    """The ``render`` function of every site module, by name."""
    names = sorted(entry.name for entry in pkgutil.iter_modules(sites.__path__))
    return {name: importlib.import_module(f"{sites.__name__}.{name}").render for name in names}


def truth_rows(films: Sequence[Film]) -> Iterator[dict[str, object]]:
    """The truth about every file."""
    for film in films:
        facts = {name: getattr(film, name) for name in FILM_COLUMNS if name != "sha256"}
        yield {**facts, "sha256": hashlib.sha256(film.data).hexdigest()}


def duplicate_pairs(films: Sequence[Film]) -> Iterator[dict[str, object]]:
    """All pairs of readable files of one exposure, and how the second differs from the first."""
    groups: defaultdict[str, list[Film]] = defaultdict(list)
    for film in films:
        if film.width:
            groups[film.exposure_id].append(film)
    for group in groups.values():
        for first, second in combinations(group, 2):
            kinds = [film.duplicate_kind for film in (first, second) if film.duplicate_kind]
            yield _pair(first, second, "+".join(kinds))


def follow_up_pairs(films: Sequence[Film]) -> Iterator[dict[str, object]]:
    """All pairs of frontal films of one person from different exposures: not duplicates, however alike."""
    groups: defaultdict[str, list[Film]] = defaultdict(list)
    for film in films:
        if film.width and film.view in FRONTAL:
            groups[film.person].append(film)
    for group in groups.values():
        for first, second in combinations(group, 2):
            if first.exposure_id != second.exposure_id:
                yield _pair(first, second, "follow-up")


def _pair(first: Film, second: Film, kind: str) -> dict[str, object]:
    names = {
        "a_source": first.source,
        "a_film_id": first.film_id,
        "b_source": second.source,
        "b_film_id": second.film_id,
    }
    digests = {"a_sha256": hashlib.sha256(first.data).hexdigest(), "b_sha256": hashlib.sha256(second.data).hexdigest()}
    return {**names, **digests, "kind": kind}


def _rendered(films: Sequence[Film], renders: dict[str, Any], seed: int) -> Iterator[tuple[str, bytes]]:
    """Path and content of every file of every site."""
    by_site: defaultdict[str, list[Film]] = defaultdict(list)
    for film in films:
        by_site[SITE_OF.get(film.source, film.source)].append(film)
    for name, group in sorted(by_site.items()):
        yield from renders[name](group, np.random.default_rng([seed, zlib.crc32(name.encode())]))


def _free_place(path: Path) -> Path:
    """``path``, or the index inside it if a folder has this name; a file where a folder must be moves inside it."""
    for parent in path.parents:
        if parent.is_file():
            content = parent.read_bytes()
            parent.unlink()
            parent.mkdir()
            (parent / INDEXES[0]).write_bytes(content)
    return path / INDEXES[0] if path.is_dir() else path


def _write_truth(folder: Path, films: Sequence[Film]) -> None:
    folder.mkdir(parents=True)
    _write_csv(folder / "films.csv", FILM_COLUMNS, truth_rows(films))
    columns = ("a_source", "a_film_id", "a_sha256", "b_source", "b_film_id", "b_sha256", "kind")
    _write_csv(folder / "pairs.csv", columns, duplicate_pairs(films))
    _write_csv(folder / "hard_non_duplicates.csv", columns, follow_up_pairs(films))


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[dict[str, object]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")


def _one_thread() -> None:
    """Limit OpenCV to one thread, as there is one process per core."""
    import cv2

    cv2.setNumThreads(1)


def _is_current(folder: Path, receipt: dict[str, object]) -> bool:
    """Whether ``folder`` holds what ``receipt`` describes."""
    try:
        return bool(json.loads((folder / RECEIPT).read_text(encoding="utf-8")) == receipt)
    except (OSError, ValueError):
        return False
