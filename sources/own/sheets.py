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
from sources.own.columns import Columns

Cells = Sequence[str]
BATCH = 20_000


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
        best = None
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # what programs write there is not reliable
            rows = list(islice(_sheet_rows(sheet), first))
            if any(map(columns.are_in, rows)):
                best = sheet
                break
            best = best if best is not None or not rows else sheet
        if best is not None:
            yield from _sheet_rows(best)
    except CxnetError:
        raise
    except Exception as error:  # openpyxl raises whatever its parsers do
        raise CxnetError(
            f"{where} is a damaged Excel file ({type(error).__name__}: {error}); save the table again, as .xlsx or CSV."
        ) from error


def _sheet_rows(sheet: Any) -> Iterator[Cells]:
    for row in sheet.iter_rows(values_only=True):
        if any(value is not None for value in row):
            yield [text_of(value) for value in row]


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
