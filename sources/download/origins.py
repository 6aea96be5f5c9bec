"""The folder of a source holds what one origin answered; what other origins answered waits in ``other_origins/`` there.

So no profile replaces what another one has fetched. Every entry is moved by a rename, and the receipt, which names the
origin, leaves last and comes back first: after a kill in between, the next fetch goes on.
"""

import re
from collections.abc import Iterable
from pathlib import Path

WAITING = "other_origins"
RECEIPT = "fetch.json"
STAYING = (WAITING, ".lock")


def place_of(folder: Path, origin: str) -> Path:
    """Where the files of an origin wait while ``folder`` holds those of another one."""
    return folder / WAITING / re.sub(r"[^A-Za-z0-9]+", "-", origin).strip("-")


def set_aside(folder: Path, origin: str) -> Path:
    """Move all that ``folder`` holds to the place of ``origin``, which is returned."""
    place = place_of(folder, origin)
    place.mkdir(parents=True, exist_ok=True)
    entries = [entry for entry in folder.iterdir() if entry.name not in STAYING]
    _move(sorted(entries, key=lambda entry: entry.name == RECEIPT), place)
    return place


def bring_back(folder: Path, origin: str) -> None:
    """Move what waits for ``origin`` back into ``folder``."""
    place = place_of(folder, origin)
    _move(sorted(place.iterdir(), key=lambda entry: entry.name != RECEIPT), folder)
    place.rmdir()
    if not any(place.parent.iterdir()):
        place.parent.rmdir()


def _move(entries: Iterable[Path], target: Path) -> None:
    for entry in entries:
        if entry.is_dir() and (target / entry.name).is_dir():  # files are named by their content
            _move(list(entry.iterdir()), target / entry.name)
            entry.rmdir()
        else:
            entry.replace(target / entry.name)
