"""Reading by a layout (``sources/core/layouts.py``): tables whatever their header, and which fields a page shows."""

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from sources.core.errors import CxnetError
from sources.core.layouts import ARCHIVE, JSON, TABLE, Layout
from sources.core.limits import PUBLISHED_TABLE_BYTES, TABLE_HEADER_CHARACTERS
from sources.reading.html import soup
from sources.reading.tables import DELIMITERS, Row, decode, read_rows

GZIP = b"\x1f\x8b"


def table_rows(content: bytes, layout: Layout, where: str) -> list[Row]:
    """The rows of a published table, gzipped or not, by the names that ``layout`` gives its columns.

    Copies of one table differ in case, spaces and signs of their header, and sometimes in a word.

    Args:
        where: address or path of the table, for messages.

    Raises:
        CxnetError: it is damaged, too large, or another table.
    """
    table = unpacked(content, where)
    header = _header(table, layout)
    names = {column: _one_of(stated, header) or stated.split("|")[0] for column, stated in layout.fields.items()}
    rows = read_rows(table, tuple(names.values()), where)
    return [{column: row[name] for column, name in names.items()} for row in rows]


def unpacked(content: bytes, where: str) -> bytes:
    """``content``, decompressed if it is gzipped.

    Raises:
        CxnetError: it is damaged, or too large.
    """
    if not content.startswith(GZIP):
        return content
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            plain = file.read(PUBLISHED_TABLE_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise CxnetError(f"{where} is a damaged gzip file ({error}); fetch it again.") from None
    if len(plain) > PUBLISHED_TABLE_BYTES:
        raise CxnetError(f"{where} expands to more than {PUBLISHED_TABLE_BYTES // 1_000_000} MB; it is another file.")
    return plain


def shown_fields(layout: Layout, content: bytes) -> set[str]:
    """The fields and facts of ``layout`` that a page, an answer or a table shows, whatever its bytes are."""
    stated = {**layout.fields, **layout.facts}
    if layout.kind == ARCHIVE:
        return set()
    if layout.kind == TABLE:
        with suppress(CxnetError):
            header = _header(unpacked(content, layout.name), layout)
            return {field for field, names in stated.items() if _one_of(names, header)}
        return set()
    if layout.kind == JSON:
        with suppress(ValueError, RecursionError):
            answer = json.loads(content)
            return {field for field, paths in stated.items() if any(_has(answer, path) for path in paths.split("|"))}
        return set()
    tree = soup(content.decode("utf-8", "replace"))
    return {field for field, selector in stated.items() if tree.select_one(selector) is not None}


def _header(table: bytes, layout: Layout) -> dict[str, str]:
    """Plain word of each column -> its name in the table; the delimiter is the one that gives most of the layout."""
    line = decode(table[:TABLE_HEADER_CHARACTERS]).splitlines()[:1]
    best: dict[str, str] = {}
    most = -1
    for delimiter in DELIMITERS:
        with suppress(csv.Error):
            names = next(csv.reader(line, delimiter=delimiter), [])
            header = {_word(name): name.strip() for name in reversed(names)}
            count = sum(_one_of(stated, header) is not None for stated in layout.fields.values())
            if count > most:
                best, most = header, count
    return best


def _one_of(stated: str, header: Mapping[str, str]) -> str | None:
    """The name in a header of the column that ``stated`` names (``Patient Sex|Patient Gender``), or None."""
    return next((header[word] for name in stated.split("|") if (word := _word(name)) in header), None)


def _word(name: str) -> str:
    return re.sub(r"[\W_]", "", name.lower())


def _has(answer: Any, path: str) -> bool:
    """Is there anything at a path such as ``study.series[].frames[].id``?"""
    return any(value not in (None, "", [], {}) for value in _values(answer, path.split(".")))


def _values(value: Any, steps: list[str]) -> Iterator[Any]:
    if not steps:
        yield value
        return
    name, is_list = steps[0].removesuffix("[]"), steps[0].endswith("[]")
    inner = value.get(name) if isinstance(value, Mapping) and name else value if not name else None
    for entry in (inner if isinstance(inner, list) else []) if is_list else [inner]:
        yield from _values(entry, steps[1:])
