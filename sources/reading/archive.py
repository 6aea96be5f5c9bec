"""Members of zip and tar archives, read in place: nothing is unpacked to disk, and a hostile archive does no harm."""

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from upath import UPath

from sources.core.errors import CxnetError
from sources.core.limits import ARCHIVE_MEMBERS, MEMBER_BYTES, MEMBER_TEXT_BYTES
from sources.reading.tables import decode

DAMAGED = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError),
    *(RuntimeError, NotImplementedError, ValueError),
)


def member_names(path: Path | UPath) -> list[str]:
    """The names of all plain files in an archive, in its order.

    Raises:
        CxnetError: the archive is damaged, or has more than two million members.
    """
    return [name for name, _ in _entries(path, None, 0)]


def read_members(
    path: Path | UPath, wanted: Collection[str], limit: int = MEMBER_BYTES, skip_damaged: bool = False
) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of each wanted member, in the archive's order.

    Absolute paths, paths with ``..``, links and devices count as absent; so does a member that unpacks to more than
    ``limit`` bytes.

    Args:
        skip_damaged: leave out a damaged member of a zip archive instead of raising an error.

    Raises:
        CxnetError: the archive is damaged.
    """
    for name, content in _entries(path, wanted, limit, skip_damaged):
        if content is not None:
            yield name, content


def read_texts(path: Path | UPath, wanted: Collection[str]) -> dict[str, str]:
    """Name -> text of some small members; one that is too long or damaged is left out.

    Raises:
        CxnetError: the archive itself is damaged.
    """
    members = read_members(path, wanted, MEMBER_TEXT_BYTES, skip_damaged=True)
    return {name: decode(content) for name, content in members}


def is_inside(name: str) -> bool:
    """Does a member's path stay inside the archive?"""
    place = PurePosixPath(name.replace("\\", "/"))
    return not (place.is_absolute() or ".." in place.parts or name[1:2] == ":" or "\0" in name)


def _entries(
    path: Path | UPath, wanted: Collection[str] | None, limit: int, skip_damaged: bool = False
) -> Iterator[tuple[str, bytes | None]]:
    """Name and content of each wanted plain file; without ``wanted``, the names alone."""
    try:
        with path.open("rb") as file:
            is_zip = zipfile.is_zipfile(file)
            entries = _zipped(file, wanted, limit, skip_damaged) if is_zip else _tarred(file, wanted, limit)
            for count, entry in enumerate(entries):
                if count == ARCHIVE_MEMBERS:
                    raise CxnetError(
                        f"{path} has more than {ARCHIVE_MEMBERS:,} members; it is not an archive of films."
                    )
                yield entry
    except DAMAGED as error:
        raise CxnetError(f"{path} is a damaged archive ({error}); delete it and fetch again.") from error


def _zipped(
    file: IO[bytes], wanted: Collection[str] | None, limit: int, skip_damaged: bool
) -> Iterator[tuple[str, bytes | None]]:
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            is_link = (entry.external_attr >> 28) == 0o12
            if entry.is_dir() or is_link or not is_inside(entry.filename):
                continue
            if wanted is None:
                yield entry.filename, None
            elif entry.filename in wanted and entry.file_size <= limit:
                yield entry.filename, _zip_member(archive, entry, limit, skip_damaged)


def _zip_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int, skip_damaged: bool) -> bytes | None:
    try:
        with archive.open(entry) as member:
            return _bounded(member, limit)
    except DAMAGED:
        if not skip_damaged:
            raise
        return None


def _tarred(file: IO[bytes], wanted: Collection[str] | None, limit: int) -> Iterator[tuple[str, bytes | None]]:
    file.seek(0)
    with tarfile.open(fileobj=file, mode="r|*") as stream:
        for entry in stream:
            if not entry.isreg() or not is_inside(entry.name):
                continue
            if wanted is None:
                yield entry.name, None
            elif entry.name in wanted and entry.size <= limit and (member := stream.extractfile(entry)):
                yield entry.name, _bounded(member, limit)


def _bounded(member: IO[bytes], limit: int) -> bytes | None:
    """The content, or None if it is larger than ``limit``, whatever its header says."""
    content = member.read(limit + 1)
    return content if len(content) <= limit else None
