"""CSV tables as people publish them: marks of byte order, stray encodings and delimiters, short rows; and archives."""

import codecs
import csv
import io
import math
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from sources.core.errors import CxnetError, MissingColumnError

T = TypeVar("T")
Row = dict[str, str]

DELIMITERS = ",;\t"
HEADER_LIMIT = 100_000  # characters
TEXT_LIMIT = 64 * 1024  # bytes of one clinical reading; real ones have about a hundred


def read_rows(content: bytes, required: Sequence[str], where: str) -> list[Row]:
    """The rows of a CSV table as dictionaries of stripped strings; an absent cell is ``""``.

    Args:
        content: the file, in UTF-8 (with or without a byte-order mark), UTF-16 (with one) or Windows-1252.
        required: columns that the caller cannot do without; they tell which of ``, ; tab`` parts the cells.
        where: address or path of the table, for the message.

    Raises:
        CxnetError: it is not a CSV table.
        MissingColumnError: one of ``required`` is missing.
    """
    text = decode(content)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, delimiter=_delimiter(text, required))
    try:
        names = list(reader.fieldnames or ())
        rows = [_clean(row, names) for row in reader]
    except csv.Error as error:
        raise CxnetError(f"{where} is not a readable CSV table ({error}); fetch it again.") from error
    missing = [name for name in required if name not in {name.strip() for name in names}]
    if missing:
        raise MissingColumnError(
            f"{where} has no column {', '.join(map(repr, missing))} (it has: {_shown(names)}): "
            "another file, or a new layout."
        )
    return rows


def decode(content: bytes) -> str:
    """The text of ``content``: UTF-16 where it is marked as that, UTF-8 where it is that, else Windows-1252.

    Some published tables mix Windows-1252's ``°`` in; spreadsheets save "Unicode text" as UTF-16.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        is_marked = content.startswith(codecs.BOM_UTF8)
        return content.decode("utf-8-sig" if is_marked else "cp1252", errors="replace")


def raw_github(repository: str, commit: str, path: str) -> str:
    """Address of the file ``path`` of a GitHub repository at a fixed commit."""
    return f"https://raw.githubusercontent.com/{repository}/{commit}/{quote(path)}"


def zip_members(path: str | Path, where: str) -> list[str]:
    """The names of the files in a zip archive, as they stand in it.

    Raises:
        CxnetError: it is not a readable zip archive; ``where`` is its address, for the message.
    """
    with _opened(path, where) as archive:
        return [entry.filename for entry in archive.infolist() if not entry.is_dir()]


def zip_texts(path: str | Path, members: Sequence[str], where: str) -> dict[str, str]:
    """The texts of some small files in a zip archive; one that is too long or damaged is left out.

    Raises:
        CxnetError: the archive itself is not readable.
    """
    texts = {}
    with _opened(path, where) as archive:
        for member in members:
            with suppress(*_DAMAGED):
                texts[member] = decode(_bounded(archive, member))
    return texts


def number(text: str) -> float | None:
    """The finite number that ``text`` is, or None (blank, ``?``, ``inf``, words)."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def is_child(age: float | None) -> bool | None:
    """Is a patient of this age (years) below 18? None where the age is unknown."""
    return None if age is None else age < 18


def distinct(entries: Sequence[T], key: Callable[[T], str], tie: Callable[[T], str]) -> Iterator[tuple[str, T]]:
    """Each entry with an id of its own: its ``key``, and where that occurred before, ``key#tie`` (then ``#2``, ...)."""
    taken: set[str] = set()
    counts: Counter[str] = Counter()
    for entry in entries:
        name = key(entry)
        counts[name] += 1
        if name in taken:
            name = f"{name}#{tie(entry)}"
        while name in taken:  # the count never goes back, so a thousand equal rows cost a thousand steps
            name = f"{key(entry)}#{counts[key(entry)]}"
            counts[key(entry)] += 1
        taken.add(name)
        yield name, entry


def _delimiter(text: str, required: Sequence[str]) -> str:
    """What parts the cells: the comma, or what spreadsheets write elsewhere where only that gives the columns."""
    header = text[:HEADER_LIMIT].splitlines()[:1]
    for delimiter in DELIMITERS:
        with suppress(csv.Error):
            names = next(csv.reader(header, delimiter=delimiter), [])
            if set(required) <= {name.strip() for name in names}:
                return delimiter
    return DELIMITERS[0]


_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, KeyError)


@contextmanager
def _opened(path: str | Path, where: str) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(Path(path))
    except (*_DAMAGED, OSError) as error:
        raise CxnetError(f"{where} is not a readable zip archive ({error}); fetch it again.") from error
    with archive:
        yield archive


def _bounded(archive: zipfile.ZipFile, member: str) -> bytes:
    """The content of a member; the declared size is not believed."""
    with archive.open(member) as file:
        content = file.read(TEXT_LIMIT + 1)
    if len(content) > TEXT_LIMIT:
        raise ValueError(f"{member} is longer than {TEXT_LIMIT} bytes")
    return content


def _clean(row: dict[str | None, str | list[str] | None], names: Sequence[str]) -> Row:
    """A row without the cells beyond the header, every value a stripped string."""
    return {name.strip(): str(row.get(name) or "").strip() for name in names}


def _shown(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:12])
    return shown + (", ..." if len(names) > 12 else "") if names else "none"
