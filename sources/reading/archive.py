"""Members of zip and tar archives, in place: nothing is unpacked, and a hostile archive harms nobody."""

import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from upath import UPath

from sources.core.errors import CxnetError

MOST_MEMBERS = 2_000_000
DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError)


def member_names(path: Path | UPath) -> frozenset[str]:
    """The names of all plain files in an archive that stay inside it.

    Raises:
        CxnetError: the archive is damaged, or has more than two million members.
    """
    return frozenset(name for name, _ in _entries(path, None, 0))


def read_members(path: Path | UPath, wanted: Collection[str], limit: int = 1 << 30) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of each wanted member, in the archive's order.

    Absolute paths, paths with ``..``, links and devices are passed over as if they were absent; so is a member that
    unpacks to more than ``limit`` bytes.

    Raises:
        CxnetError: the archive is damaged.
    """
    for name, content in _entries(path, wanted, limit):
        if content is not None:
            yield name, content


def is_inside(name: str) -> bool:
    """Does a member's path stay inside the archive?"""
    place = PurePosixPath(name.replace("\\", "/"))
    return not (place.is_absolute() or ".." in place.parts or name[1:2] == ":" or "\0" in name)


def _entries(path: Path | UPath, wanted: Collection[str] | None, limit: int) -> Iterator[tuple[str, bytes | None]]:
    """Name and content of each wanted plain file; without ``wanted``, the names alone."""
    try:
        with path.open("rb") as file:
            entries = _zipped(file, wanted, limit) if zipfile.is_zipfile(file) else _tarred(file, wanted, limit)
            for count, entry in enumerate(entries):
                if count == MOST_MEMBERS:
                    raise CxnetError(f"{path} has more than {MOST_MEMBERS:,} members; it is no archive of films.")
                yield entry
    except DAMAGED as error:
        raise CxnetError(f"{path} is a damaged archive ({error}); delete it and fetch again.") from error


def _zipped(file, wanted: Collection[str] | None, limit: int) -> Iterator[tuple[str, bytes | None]]:  # type: ignore[no-untyped-def]
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            is_link = (entry.external_attr >> 28) == 0o12
            if entry.is_dir() or is_link or not is_inside(entry.filename):
                continue
            if wanted is None:
                yield entry.filename, None
            elif entry.filename in wanted and entry.file_size <= limit:
                with archive.open(entry) as member:
                    yield entry.filename, _bounded(member, limit)


def _tarred(file, wanted: Collection[str] | None, limit: int) -> Iterator[tuple[str, bytes | None]]:  # type: ignore[no-untyped-def]
    file.seek(0)
    with tarfile.open(fileobj=file, mode="r|*") as stream:
        for entry in stream:
            if not entry.isreg() or not is_inside(entry.name):
                continue
            if wanted is None:
                yield entry.name, None
            elif entry.name in wanted and entry.size <= limit and (member := stream.extractfile(entry)):
                yield entry.name, _bounded(member, limit)


def _bounded(member, limit: int) -> bytes | None:  # type: ignore[no-untyped-def]
    """The content, or None for one that is larger than its header says it is."""
    content = member.read(limit + 1)
    return content if len(content) <= limit else None
