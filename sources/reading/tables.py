"""CSV tables as people publish them: byte-order marks, stray encodings and delimiters, short rows."""

import codecs
import csv
import io
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import IO, TypeVar

from sources.core.errors import CxnetError, MissingColumnError
from sources.core.limits import CELL_CHARACTERS, TABLE_COLUMNS, TABLE_HEADER_CHARACTERS

T = TypeVar("T")
Row = dict[str, str]

DELIMITERS = ",;\t"


def read_rows(content: bytes, required: Sequence[str], where: str) -> list[Row]:
    """The rows of a CSV table as dictionaries of stripped strings; an absent cell is ``""``.

    Args:
        content: the file, in UTF-8 (with or without a byte-order mark), UTF-16 (with one) or Windows-1252.
        required: columns that the caller needs; they also decide which of ``, ; tab`` separates the cells.
        where: address or path of the table, for error messages.

    Raises:
        CxnetError: the content is not a CSV table.
        MissingColumnError: one of ``required`` is missing.
    """
    text = decode(content)
    csv.field_size_limit(CELL_CHARACTERS)  # for the whole program; the same number everywhere
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, delimiter=_delimiter(text, required))
    try:
        names = list(reader.fieldnames or ())
        if len(names) > TABLE_COLUMNS:
            raise CxnetError(f"{where} has {len(names):,} columns, more than a table of films: another file.")
        rows = [_clean(row, names) for row in reader]
    except csv.Error as error:
        raise CxnetError(f"{where} is not a readable CSV table ({error}); fetch it again.") from error
    missing = [name for name in required if name not in {name.strip() for name in names}]
    if missing:
        raise MissingColumnError(
            f"{where} has no column {', '.join(map(repr, missing))} (it has: {_listed(names)}): "
            "it is another file, or has a new layout."
        )
    return rows


def decode(content: bytes) -> str:
    """The text of ``content``, in the encoding that :func:`encoding_of` finds; never fails."""
    return content.decode(encoding_of(io.BytesIO(content)), errors="replace")


def encoding_of(file: IO[bytes]) -> str:
    """The encoding of a text file: UTF-16 or UTF-8 by its byte-order mark, UTF-8 if it is valid, else Windows-1252.

    Some published tables contain Windows-1252's ``°``; spreadsheets save "Unicode text" as UTF-16, programs without a
    byte-order mark. The file is read in pieces, and is at its start again afterwards.
    """
    head = file.read(4096)
    file.seek(0)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    for encoding, zeros, others in (("utf-16-le", head[1::2], head[::2]), ("utf-16-be", head[::2], head[1::2])):
        if zeros.count(0) > 0.4 * len(zeros) > 0 and others.count(0) == 0:
            return encoding
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while block := file.read(1 << 20):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    finally:
        file.seek(0)
    return "utf-8"


def number(text: str) -> float | None:
    """The finite number that ``text`` is, or None (blank, ``?``, ``inf``, words)."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def distinct(entries: Sequence[T], key: Callable[[T], str], tie: Callable[[T], str]) -> Iterator[tuple[str, T]]:
    """Each entry with a unique id: its ``key``; if that is taken, ``key#tie``; if that is taken too, ``key#2``, ..."""
    taken: set[str] = set()
    counts: Counter[str] = Counter()
    for entry in entries:
        name = key(entry)
        counts[name] += 1
        if name in taken:
            name = f"{name}#{tie(entry)}"
        while name in taken:  # the count only grows, so that a thousand equal rows take a thousand steps
            name = f"{key(entry)}#{counts[key(entry)]}"
            counts[key(entry)] += 1
        taken.add(name)
        yield name, entry


def _delimiter(text: str, required: Sequence[str]) -> str:
    """What separates the cells: the comma, unless only another delimiter yields the required columns."""
    header = text[:TABLE_HEADER_CHARACTERS].splitlines()[:1]
    for delimiter in DELIMITERS:
        with suppress(csv.Error):
            names = next(csv.reader(header, delimiter=delimiter), [])
            if set(required) <= {name.strip() for name in names}:
                return delimiter
    return DELIMITERS[0]


def _clean(row: dict[str | None, str | list[str] | None], names: Sequence[str]) -> Row:
    """A row without the cells beyond the header, every value a stripped string."""
    return {name.strip(): str(row.get(name) or "").strip() for name in names}


def _listed(names: Sequence[str]) -> str:
    """The first column names, for a message."""
    listed = ", ".join(repr(name[:40]) for name in names[:12])
    return listed + (", ..." if len(names) > 12 else "") if names else "none"
