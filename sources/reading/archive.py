"""Members of zip and tar archives, read in place: nothing is unpacked to disk, and a hostile archive does no harm."""

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from upath import UPath

from sources.core.errors import CxnetError
from sources.core.formats import HEAD_BYTES
from sources.core.limits import (
    ARCHIVE_DIRECTORY_BYTES,
    ARCHIVE_GROWTH,
    ARCHIVE_MEMBERS,
    ARCHIVE_SPARE_BYTES,
    MEMBER_BYTES,
    MEMBER_TEXT_BYTES,
    TAR_HEADER_BYTES,
)
from sources.reading.tables import decode

DAMAGED = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError),
    *(RuntimeError, NotImplementedError, ValueError),
)
ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
ENTRY, ENTRY_BYTES = b"PK\x01\x02", 46  # of the directory of a zip archive, without names
LONG_HEADERS = (  # of a tar archive: they have a body of any size, which is read into memory
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
)
LEAVES = "its path leaves the archive"
LINK = "it is a link"


class ArchiveError(CxnetError):
    """An archive that cannot be read; ``reason`` is the message without the path and the full stop."""

    def __init__(self, path: Path | UPath, reason: str, remedy: str = "") -> None:
        super().__init__(f"{path} {reason}{remedy}.")
        self.reason = reason


class _HeaderError(Exception):
    """The headers of an archive are hostile; the text says how."""


@dataclass(frozen=True)
class Member:
    """A file in an archive.

    Attributes:
        name: as the archive writes it.
        problem: why it cannot be read, or None.
        head: its first :data:`HEAD_BYTES`, where they were requested.
    """

    name: str
    problem: str | None = None
    head: bytes | None = None


@dataclass(frozen=True)
class _Entry:
    name: str
    size: int
    problem: str | None
    open: Callable[[], IO[bytes] | None]


def list_members(path: Path | UPath, needs_head: Callable[[str], bool] = lambda name: False) -> Iterator[Member]:
    """Every file in an archive, in its order, also those that cannot be read. Folders and devices are left out.

    Args:
        needs_head: whether the first bytes of the member of this name are wanted.

    Raises:
        ArchiveError: the archive is damaged or hostile.
    """
    for entry in _entries(path):
        problem, head = entry.problem, None
        if problem is None and entry.size > MEMBER_BYTES:
            problem = f"it is larger than {MEMBER_BYTES >> 20:,} MB"
        elif problem is None and needs_head(entry.name):
            try:
                head = _bytes_of(entry, HEAD_BYTES, cut=True)
            except DAMAGED as error:
                problem = f"it is damaged ({error})"
        yield Member(entry.name, problem, head)


def member_names(path: Path | UPath) -> list[str]:
    """The names of all files in an archive that can be read, in its order.

    Raises:
        ArchiveError: the archive is damaged or hostile.
    """
    return [entry.name for entry in _entries(path) if entry.problem is None]


def read_members(
    path: Path | UPath, wanted: Collection[str], limit: int = MEMBER_BYTES, skip_damaged: bool = False
) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of each wanted member, in the archive's order.

    Members that :func:`member_names` leaves out count as absent; so does one that unpacks to more than ``limit`` bytes.

    Args:
        skip_damaged: leave out a damaged member of a zip archive instead of raising an error.

    Raises:
        ArchiveError: the archive is damaged or hostile.
    """
    for entry in _entries(path):
        if entry.name not in wanted or entry.problem is not None or entry.size > limit:
            continue
        try:
            content = _bytes_of(entry, limit)
        except DAMAGED as error:
            if not skip_damaged or isinstance(error, tarfile.TarError):
                raise _damaged(path, error) from error
            continue
        if content is not None:
            yield entry.name, content


def read_texts(path: Path | UPath, wanted: Collection[str]) -> dict[str, str]:
    """Name -> text of some small members; one that is too long or damaged is left out.

    Raises:
        ArchiveError: the archive itself is damaged or hostile.
    """
    members = read_members(path, wanted, MEMBER_TEXT_BYTES, skip_damaged=True)
    return {name: decode(content) for name, content in members}


def is_inside(name: str) -> bool:
    """Does a member's path stay inside the archive?"""
    place = PurePosixPath(name.replace("\\", "/"))
    return not (place.is_absolute() or ".." in place.parts or name[1:2] == ":" or "\0" in name)


def is_hidden(name: str) -> bool:
    """Is a member hidden, or a leftover of an operating system (``__MACOSX/``, ``._film.png``)?"""
    parts = name.split("/")
    return "__MACOSX" in parts or any(part.startswith(".") and part not in (".", "..") for part in parts)


def _entries(path: Path | UPath) -> Iterator[_Entry]:
    """Every file of an archive; what is wrong with the archive is one kind of error."""
    try:
        with path.open("rb") as file:
            entries = _zipped(file) if zipfile.is_zipfile(file) else _tarred(file)
            for count, entry in enumerate(entries):
                if count == ARCHIVE_MEMBERS:
                    raise _HeaderError(f"has more than {ARCHIVE_MEMBERS:,} members")
                yield entry
    except _HeaderError as error:
        raise ArchiveError(path, str(error), "; it is not an archive of films") from error
    except DAMAGED as error:
        raise _damaged(path, error) from error


def _damaged(path: Path | UPath, error: BaseException) -> ArchiveError:
    return ArchiveError(path, f"is a damaged archive ({error})", "; delete it and fetch again")


def _zipped(file: IO[bytes]) -> Iterator[_Entry]:
    _check_directory(file)
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                yield _Entry(info.filename, info.file_size, _zip_problem(info), partial(archive.open, info))


def _zip_problem(info: zipfile.ZipInfo) -> str | None:
    if (info.external_attr >> 28) == 0o12:
        return LINK
    if not is_inside(info.filename):
        return LEAVES
    if info.flag_bits & 1:
        return "it is encrypted; unpack the archive"
    if info.compress_type not in ZIP_METHODS:
        return f"it is compressed by method {info.compress_type}, which is not supported; unpack the archive"
    return None


def _check_directory(file: IO[bytes]) -> None:
    """Check the size of a zip archive's directory and its entries before ``zipfile`` reads all of it into memory.

    Raises:
        _HeaderError: there are more than :data:`ARCHIVE_MEMBERS`, or names and comments fill too many bytes.
    """
    size = file.seek(0, 2)
    tail_size = min(size, (1 << 16) + 22)
    file.seek(size - tail_size)
    tail = file.read(tail_size)
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or end + 22 > len(tail):
        return  # zipfile will complain
    (length,), at = struct.unpack_from("<L", tail, end + 12), size - tail_size + end
    wide = tail.rfind(b"PK\x06\x06", 0, end)
    if wide >= 0 and wide + 56 <= len(tail):
        (length,), at = struct.unpack_from("<Q", tail, wide + 40), size - tail_size + wide
    if length > ARCHIVE_DIRECTORY_BYTES:
        raise _HeaderError(f"has a directory of more than {ARCHIVE_DIRECTORY_BYTES // 1_000_000:,} MB")
    file.seek(max(0, at - length))  # as zipfile does: where the directory says that it begins may be wrong
    count, end_of_directory = 0, at
    while file.tell() + ENTRY_BYTES <= end_of_directory:
        head = file.read(ENTRY_BYTES)
        if head[:4] != ENTRY:
            return
        file.seek(sum(struct.unpack_from("<3H", head, 28)), 1)
        count += 1
        if count > ARCHIVE_MEMBERS:
            raise _HeaderError(f"has more than {ARCHIVE_MEMBERS:,} members")


def _tarred(file: IO[bytes]) -> Iterator[_Entry]:
    most = ARCHIVE_SPARE_BYTES + ARCHIVE_GROWTH * file.seek(0, 2)
    file.seek(0)
    with tarfile.open(fileobj=file, mode="r|*", tarinfo=_bounded_headers()) as stream:
        while (entry := stream.next()) is not None:
            vars(stream)["members"] = []  # tarfile keeps every header of a stream
            if entry.offset_data + entry.size > most:
                raise _HeaderError(f"unpacks to more than {ARCHIVE_GROWTH} times its size")
            if entry.isreg() or entry.issym() or entry.islnk():
                problem = LINK if not entry.isreg() else None if is_inside(entry.name) else LEAVES
                yield _Entry(entry.name, entry.size, problem, partial(stream.extractfile, entry))


def _bounded_headers() -> type[tarfile.TarInfo]:
    """A class of tar headers for one archive, which refuses long headers before their body is read into memory."""

    class Header(tarfile.TarInfo):
        total = 0

        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "Header":
            header = super().frombuf(buf, encoding, errors)
            if header.type in LONG_HEADERS:
                if header.type == tarfile.XGLTYPE:
                    cls.total += header.size
                if max(header.size, cls.total) > TAR_HEADER_BYTES:
                    raise _HeaderError(f"has a header of more than {TAR_HEADER_BYTES >> 10:,} kB")
            if header.type == tarfile.GNUTYPE_SPARSE:
                raise _HeaderError("holds a sparse file, whose map may be of any size")
            return header

        def _proc_gnusparse_10(self, *_: object) -> None:
            raise _HeaderError("holds a sparse file, whose map may be of any size")

    return Header


def _bytes_of(entry: _Entry, limit: int, cut: bool = False) -> bytes | None:
    """The content, whatever its header says; if it is larger than ``limit``, its start (``cut``) or None."""
    member = entry.open()
    if member is None:
        return None
    with member:
        content = member.read(limit + 1)
    return content[:limit] if cut else content if len(content) <= limit else None
