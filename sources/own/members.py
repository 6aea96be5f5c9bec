"""Archives in a folder are read as folders: the images in them are entries, without unpacking anything."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from upath import UPath

from sources.own.kinds import Kind, kind_by_name, kind_of, word_for
from sources.reading.archive import ArchiveError, Member, is_hidden, list_members, read_members


def member_entries(path: Path | UPath, passed_over: Counter[str]) -> Iterator[tuple[str, str | None, str | None]]:
    """(place inside the archive, problem, member) of every image in an archive.

    An archive that cannot be read is one entry with the place "". Other files are counted in ``passed_over``.
    """
    seen: set[str] = set()
    try:
        for member in list_members(path, lambda name: kind_by_name(name) is None):
            place = _place(member.name)
            if is_hidden(place):
                continue
            if place in seen or _kind(member) is not Kind.IMAGE:
                kind = word_for(PurePosixPath(place).name)
                passed_over["repeated member of an archive" if place in seen else f"{kind} in archives"] += 1
                continue
            seen.add(place)
            yield place, member.problem, None if member.problem else member.name
    except ArchiveError as error:
        yield "", error.reason, None
    except OSError as error:
        yield "", f"the file cannot be read ({error.strerror or type(error).__name__})", None


def read_member(path: Path | UPath, place: str, limit: int) -> bytes | None:
    """The content of the member at ``place``; None if there is none, or if it is larger than ``limit``.

    Raises:
        ArchiveError: the archive is damaged.
    """
    names = [member.name for member in list_members(path) if _place(member.name) == place]
    return next((content for _, content in read_members(path, names, limit)), None)


def _kind(member: Member) -> Kind:
    name = PurePosixPath(_place(member.name)).name
    if member.head is None:  # its name decides, or it cannot be read: then it may be an image
        return kind_by_name(name) or Kind.IMAGE
    head = member.head
    return kind_of(name, lambda: head)


def _place(name: str) -> str:
    """A member's name as a path: archives of Windows have backslashes, those of ``tar .`` begin with ``./``."""
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))
