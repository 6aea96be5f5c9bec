"""Receipts of finished steps: what each read and wrote, so that a step is run again only if that has changed.

A receipt holds a key, which is a hash of all that the step depends on: this program's code, the step's options, and the
content of its inputs. It lists the files that the step wrote with their hashes. If a step is run again and writes the
same bytes, the steps after it are not.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from upath import UPath

from sources.core.storage import is_local, write_json

BLOCK_BYTES = 1 << 20
NOT_HASHED = {"cli", "curate", "profiles", "__pycache__"}  # folders that change no step's result


@dataclass(frozen=True)
class Receipt:
    """What a finished step did.

    Attributes:
        key: hash of all that the step depended on.
        outputs: path below the root -> ``size``, ``stamp`` and ``sha256`` of each file that it wrote.
        summary: the step's line of text.
    """

    key: str
    outputs: dict[str, dict[str, Any]]
    summary: str

    @property
    def content(self) -> dict[str, str]:
        """Path -> hash of each file that the step wrote."""
        return {path: entry["sha256"] for path, entry in self.outputs.items()}


class Receipts:
    """The receipts below ``folder``, one JSON file per step.

    Args:
        root: folder or bucket that holds all inputs and outputs.
    """

    def __init__(self, folder: UPath, root: UPath) -> None:
        self._folder, self._root = folder, root

    def current(self, step: str, key: str, outputs: Iterable[UPath]) -> Receipt | None:
        """The receipt of a step that has nothing to do: equal key, and every output as it was written; else None."""
        receipt = self._read(step)
        if receipt is None or receipt.key != key:
            return None
        present = dict(self._files(outputs))
        if present.keys() != receipt.outputs.keys():
            return None
        unchanged = (_is_unchanged(path, receipt.outputs[name]) for name, path in present.items())
        return receipt if all(unchanged) else None

    def write(self, step: str, key: str, outputs: Iterable[UPath], summary: str) -> Receipt:
        """Record that a step has finished."""
        entries = {name: _describe(path) for name, path in self._files(outputs)}
        receipt = Receipt(key, entries, summary)
        write_json(self._folder / f"{step}.json", vars(receipt))
        return receipt

    def _read(self, step: str) -> Receipt | None:
        try:
            return Receipt(**json.loads((self._folder / f"{step}.json").read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):  # damaged, or of another version: the step is run again
            return None

    def _files(self, places: Iterable[UPath]) -> Iterator[tuple[str, UPath]]:
        """(path below the root, file) of every file that is, or is below, one of ``places``."""
        for place in places:
            for path in _files_at(place):
                if not path.name.startswith("."):
                    yield path.path.removeprefix(self._root.path).lstrip("/"), path


def key_of(options: Mapping[str, Any], inputs: Mapping[str, str | None]) -> str:
    """The key of a step with these options, and with the hashes of its inputs."""
    depends_on = {"code": code_hash(), "options": options, "inputs": inputs}
    return hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()


def content_of(path: UPath) -> str | None:
    """A hash of a file's content; None if there is no file."""
    return _describe(path)["sha256"] if path.is_file() else None


@cache
def code_hash() -> str:
    """A hash of the code and the shipped data behind the stages: another version runs them again."""
    digest = hashlib.sha256()
    for package in ("pipeline", "sources"):
        root = Path(str(files(package)))
        for path in sorted(root.rglob("*")):
            below = path.relative_to(root)
            if path.is_file() and not NOT_HASHED.intersection(below.parts):
                digest.update(f"{package}/{below}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files_at(place: UPath) -> list[UPath]:
    """``place`` if it is a file, or all files below it, sorted."""
    if is_local(place):
        found = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
        return sorted(found, key=str)
    place.fs.invalidate_cache()
    return [place.with_segments(f"{place.protocol}://{path}") for path in sorted(place.fs.find(place.path))]


def _describe(path: UPath) -> dict[str, Any]:
    return {"size": _size(path), "stamp": _stamp(path), "sha256": _hash(path)}


def _is_unchanged(path: UPath, entry: Mapping[str, Any]) -> bool:
    """Is a file as the entry of a receipt describes it? It is read only if its time of change differs."""
    if _size(path) != entry["size"]:
        return False
    return _stamp(path) == entry["stamp"] or _hash(path) == entry["sha256"]


def _size(path: UPath) -> int:
    return int(path.stat().st_size)


def _stamp(path: UPath) -> str:
    """Something that changes when the file does."""
    if is_local(path):
        return str(path.stat().st_mtime_ns)
    info = path.fs.info(path.path)
    return str(info.get("ETag") or info.get("LastModified") or info.get("mtime"))


def _hash(path: UPath) -> str:
    """sha256 of a file's content; of a bucket's object, the stamp: it need not be downloaded for that."""
    if not is_local(path):
        return _stamp(path)
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
