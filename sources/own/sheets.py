"""Rows of Excel and Parquet files, as texts."""

import datetime
import json
import warnings
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from sources.core.errors import CxnetError
from sources.core.text import visible
from sources.own.columns import Columns
from sources.own.merges import Merge, merged_rows

Cells = Sequence[str]
BATCH = 20_000
NAMED = 5  # sheets that a message names


def text_of(value: Any) -> str:
    """A cell as a person would type it: whole numbers without a point, dates as in ISO 8601."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return "|".join(map(text_of, value))
    return json.dumps(value, default=str) if isinstance(value, dict) else str(value)


def excel_rows(file: IO[bytes], where: str, columns: Columns, first: int = 20) -> Iterator[Cells]:
    """The rows of the first sheet whose ``first`` rows hold the wanted columns, else of the first sheet with rows.

    Raises:
        CxnetError: the file is damaged.
    """
    from openpyxl import load_workbook

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of colours and menus that are of no use here
            book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        sheets = sorted(book.worksheets, key=lambda sheet: bool(sheet.sheet_state != "visible"))
        filled, fitting = [], []
        for sheet in sheets:
            sheet.reset_dimensions()  # what programs write there is not reliable
            rows = list(islice(_sheet_rows(sheet, ()), first))
            filled.extend([sheet] if rows else [])
            fitting.extend([sheet] if any(map(columns.are_in, rows)) else [])
        if len(fitting) > 1:
            columns.notes.append(_about_sheets(fitting[0].title, [sheet.title for sheet in fitting[1:]]))
        for sheet in (fitting or filled)[:1]:
            yield from _sheet_rows(sheet, merged_rows(book, sheet))
    except CxnetError:
        raise
    except Exception as error:  # openpyxl raises whatever its parsers do
        raise CxnetError(
            f"{where} is a damaged Excel file ({type(error).__name__}: {error}); save the table again, as .xlsx or CSV."
        ) from error


def _about_sheets(read: str, others: Sequence[str]) -> str:
    named = ", ".join(f"'{visible(title)}'" for title in others[:NAMED])
    more = ", ..." if len(others) > NAMED else ""
    return f"only the sheet '{visible(read)}' is read, and not {named}{more}; put all films into one sheet."


def _sheet_rows(sheet: Any, merges: Sequence[Merge]) -> Iterator[Cells]:
    """The rows that are not empty; what stands in a merged cell holds for each of its rows."""
    waiting, open_merges = sorted(merges, reverse=True), list[tuple[Merge, Any]]()
    for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
        if not any(value is not None for value in row):
            continue
        while waiting and waiting[-1].first < number:
            waiting.pop()
        open_merges = [(merge, value) for merge, value in open_merges if number <= merge.last]
        values = list(row)
        values += [None] * (1 + max((merge.column for merge, _ in open_merges), default=-1) - len(values))
        for merge, value in open_merges:
            values[merge.column] = value
        while waiting and waiting[-1].first == number:
            merge = waiting.pop()
            open_merges.append((merge, values[merge.column] if merge.column < len(values) else None))
        yield [text_of(value) for value in values]


def parquet_rows(file: IO[bytes], where: str, columns: Columns) -> Iterator[Cells]:
    """The names of the columns, then the rows; cells of columns that are not wanted are empty.

    Raises:
        CxnetError: the file is damaged.
    """
    try:
        with pq.ParquetFile(file, page_checksum_verification=True) as table:
            names = table.schema_arrow.names
            yield names
            read = [name for name in names if columns.is_wanted(name)]
            for batch in table.iter_batches(BATCH, columns=read):
                texts = {name: [text_of(value) for value in batch.column(name).to_pylist()] for name in read}
                empty = [""] * batch.num_rows
                yield from zip(*(texts.get(name, empty) for name in names), strict=True)
    except (pa.ArrowException, OSError, UnicodeDecodeError, KeyError) as error:
        raise CxnetError(f"{where} is a damaged Parquet file ({error}); save the table again.") from error
