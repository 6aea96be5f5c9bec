"""The rows of a table in JSON: one object per line, a list of objects, or one object that holds the table.

One object holds a table in several ways, and pandas' ``DataFrame.to_json`` writes most of them: by column
(``{"file": {"0": "a.png"}}``, ``{"file": ["a.png"]}``), by row (``{"a.png": {"finding": "..."}}``), split
(``{"columns": [...], "data": [[...]]}``), or as the one list of objects in it (``{"data": [{...}]}``).
"""

import io
import json
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import IO, Any

from sources.core.errors import CxnetError
from sources.own.columns import Columns
from sources.own.sheets import text_of

JSON_BYTES = 256 << 20  # of a table that is not one object per line
_HINT = "save one object per line (JSON lines), or a CSV table."
Lines = Callable[[IO[str], str], Iterator[str]]
Object = dict[str, Any]


def json_rows(sample: str, rest: IO[str], where: str, columns: Columns, lines: Lines) -> Iterator[Sequence[str]]:
    """The rows of a table in JSON; its columns are the keys of the first thousand objects.

    Args:
        sample: the first characters.
        rest: what follows them.
        where: name of the table, for messages.
        columns: those that the caller needs; they tell whether one object holds columns or rows.
        lines: cuts a text into lines of a bounded length.

    Raises:
        CxnetError: it is not JSON, too large, or holds no table.
    """
    objects = _objects(sample, rest, where, columns, lines)
    first = list(islice(objects, 1000))
    names = list(dict.fromkeys(key for entry in first for key in entry))
    yield names
    for entry in chain(first, objects):
        yield [text_of(entry.get(name)) for name in names]


def _objects(sample: str, rest: IO[str], where: str, columns: Columns, lines: Lines) -> Iterator[Object]:
    if _is_whole(sample):
        whole = sample + rest.read(JSON_BYTES)
        if len(whole) > JSON_BYTES:
            raise CxnetError(f"{where} is one JSON text of more than {JSON_BYTES >> 20} MB; save one object per line.")
        value = _parsed(whole.strip("\ufeff"), where, "the table")
        entries = value if isinstance(value, list) else _entries(value, where, columns)
        yield from (_object(entry, where, "an entry") for entry in entries)
        return
    for number, line in enumerate(chain(lines(io.StringIO(sample), where), lines(rest, where)), 1):
        if line.strip():
            yield _object(_parsed(line, where, f"line {number:,}"), where, f"line {number:,}")


def _is_whole(sample: str) -> bool:
    """Is this the start of one JSON text, not of one object per line?"""
    found = [line for line in sample.lstrip("\ufeff \t\r\n").splitlines() if line.strip()]
    if found[0].startswith("["):
        return True
    if len(found) == 1:
        return True  # one line, or the start of one that is longer than the sample
    return found[0].strip() == "{" or not found[1].lstrip().startswith("{")


def _entries(value: Object, where: str, columns: Columns) -> list[Any]:
    """The rows of a table that is one object; an object that holds no table is a row itself."""
    inner = list(value.values())
    if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):
        return _split(value["columns"], value["data"], where)
    if columns.are_in(list(value)) and not all(isinstance(each, dict | list) for each in inner):
        return [value]
    if inner and all(isinstance(each, list) for each in inner) and not _holds_objects(inner):
        return _by_column({name: dict(enumerate(cells)) for name, cells in value.items()}, where)
    if inner and all(isinstance(each, dict) for each in inner):
        is_by_column = columns.are_in(list(value)) or all(key.isdecimal() for key in inner[0])
        return _by_column(value, where) if is_by_column else _by_row(value)
    lists = [each for each in inner if isinstance(each, list) and _holds_objects([each])]
    if len(lists) == 1:
        return lists[0]
    if lists:
        raise CxnetError(f"{where} holds {len(lists):,} lists of objects, not one table; {_HINT}")
    return [value]


def _holds_objects(lists: list[list[Any]]) -> bool:
    return any(isinstance(entry, dict) for each in lists for entry in each[:1])


def _split(names: list[Any], data: list[Any], where: str) -> list[Object]:
    if not all(isinstance(row, list) and len(row) == len(names) for row in data):
        raise CxnetError(f"{where}: a row under 'data' does not have {len(names):,} cells, as 'columns' says; {_HINT}")
    return [dict(zip(map(str, names), row, strict=True)) for row in data]


def _by_column(value: dict[str, dict[Any, Any]], where: str) -> list[Object]:
    keys = list(next(iter(value.values())))
    for name, cells in value.items():
        if len(cells) != len(keys):
            raise CxnetError(f"{where}: column {name!r} has {len(cells):,} cells, another one {len(keys):,}; {_HINT}")
    return [{name: cells.get(key) for name, cells in value.items()} for key in keys]


def _by_row(value: dict[str, Object]) -> list[Object]:
    """Rows by their name, which becomes a column of its own: ``file`` where all names end like files, else ``key``."""
    name = "file" if all("." in key for key in value) else "key"
    return [{name: key} | row for key, row in value.items()]


def _parsed(text: str, where: str, part: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CxnetError(f"{where}: {part} is not JSON ({error}); {_HINT}") from error


def _object(value: Any, where: str, part: str) -> Object:
    if isinstance(value, dict):
        return value
    raise CxnetError(f"{where}: {part} is no JSON object; {_HINT}")
