"""CSV tables as people publish them: byte-order marks, stray encodings and delimiters, short rows."""

import codecs
import csv
import io
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TypeVar

from sources.core.errors import CxnetError, MissingColumnError
from sources.core.limits import TABLE_HEADER_CHARACTERS

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
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, delimiter=_delimiter(text, required))
    try:
        names = list(reader.fieldnames or ())
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
    """The text of ``content``: UTF-16 if a byte-order mark says so, UTF-8 if it is valid, else Windows-1252.

    Some published tables contain Windows-1252's ``°``; spreadsheets save "Unicode text" as UTF-16.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        is_marked = content.startswith(codecs.BOM_UTF8)
        return content.decode("utf-8-sig" if is_marked else "cp1252", errors="replace")


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
