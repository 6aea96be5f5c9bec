"""The rows of a table file, whatever its format: CSV and its relatives, JSON, Excel, Parquet, also compressed.

Every reader yields rows of stripped texts, the names of the columns among the first, and never keeps more than a few.
"""

import bz2
import csv
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import chain, islice
from statistics import median_low
from typing import IO, Any

from sources.core.errors import CxnetError
from sources.core.formats import image_format
from sources.core.limits import CELL_CHARACTERS, TABLE_BYTES
from sources.own.body import HEADER_ROWS
from sources.own.columns import Columns
from sources.own.json_rows import json_rows
from sources.own.sheets import excel_rows, parquet_rows
from sources.reading.tables import encoding_of

Cells = Sequence[str]
SAMPLE_CHARACTERS = 100_000
DELIMITERS = ",;\t|"
_SEPARATOR = re.compile(r'"?sep=(.)"?[\r\n]*')
_OPEN: dict[bytes, Callable[[Any], Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
_OTHERS = {
    b"\xd0\xcf\x11\xe0": "is an old Excel file (.xls), or one with a password; save it as .xlsx or CSV",
    b"SQLite format 3": "is a SQLite database; save its table as CSV",
    b"\x89HDF": "is an HDF5 file; save its table as CSV",
    b"%PDF": "is a PDF document; save its table as CSV",
    b"$FL2": "is an SPSS file; save it as CSV",
    b"<stata_dta>": "is a Stata file; save it as CSV",
    b"\x93NUMPY": "is a NumPy array; save it as CSV",
    b"7z\xbc\xaf": "is a 7-Zip archive; unpack it",
    b"Rar!": "is a RAR archive; unpack it",
    b"(\xb5/\xfd": "is compressed by zstd; unpack it",
}


def rows_of(file: IO[bytes], where: str, columns: Columns, layers: int = 2) -> Generator[Cells, None, None]:
    """The rows of a table, without empty ones.

    Args:
        file: can be read from any place (``seek``).
        where: name of the table, for messages.
        columns: those that the caller needs. They choose what separates the cells of a CSV table, and the sheet of
            an Excel file; of a Parquet file, nothing else is read.
        layers: how often it may be compressed.

    Raises:
        CxnetError: it is no table that can be read; the message says how to save it.
    """
    head = file.read(512)
    file.seek(0)
    for magic, unpack in _OPEN.items():
        if head.startswith(magic):
            with unpack(file) as inner:
                yield from _unpacked(inner, where, columns, layers - 1)
            return
    for magic, message in _OTHERS.items():
        if head.startswith(magic):
            raise CxnetError(f"{where} {message}.")
    if image_format(head) and not head.startswith(b"BM"):
        raise CxnetError(f"{where} is an image, not a table.")
    if head.startswith(b"PK\x03\x04"):
        yield from _zip_rows(file, where, columns, layers - 1)
    elif head.startswith(b"PAR1"):
        yield from parquet_rows(file, where, columns)
    else:
        yield from _text_rows(file, where, columns)


def _unpacked(file: IO[bytes], where: str, columns: Columns, layers: int) -> Iterator[Cells]:
    if layers < 0:
        raise CxnetError(f"{where} is compressed several times; save the table as CSV or .xlsx.")
    try:
        size = 0
        while block := file.read(1 << 20):
            size += len(block)
            if size > TABLE_BYTES:
                raise CxnetError(f"{where} unpacks to more than {TABLE_BYTES >> 20:,} MB; split it.")
        file.seek(0)
        yield from rows_of(file, where, columns, layers)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise CxnetError(f"{where} is damaged ({error}); copy it again.") from error


def _zip_rows(file: IO[bytes], where: str, columns: Columns, layers: int) -> Iterator[Cells]:
    """An Excel file, or the one table in a zip archive."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = set(archive.namelist())
            size = sum(entry.file_size for entry in archive.infolist())
            plain = [name for name in names if not name.endswith("/") and "__MACOSX" not in name]
            if size > TABLE_BYTES:
                raise CxnetError(f"{where} unpacks to more than {TABLE_BYTES >> 20:,} MB; split it.")
            if "xl/workbook.xml" not in names:
                if len(plain) != 1 or "mimetype" in names:
                    what = "an OpenDocument file" if "mimetype" in names else f"an archive of {len(plain):,} files"
                    raise CxnetError(f"{where} is {what}; save the table as CSV or .xlsx.")
                with archive.open(plain[0]) as member:
                    yield from _unpacked(member, where, columns, layers)
                return
        yield from excel_rows(file, where, columns)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, zlib.error) as error:
        raise CxnetError(f"{where} cannot be unpacked ({error}); save the table as CSV or .xlsx.") from error


def _text_rows(file: IO[bytes], where: str, columns: Columns) -> Iterator[Cells]:
    encoding = encoding_of(file)
    text = io.TextIOWrapper(file, encoding, errors="replace", newline="")  # type: ignore[arg-type]
    try:
        sample = text.read(SAMPLE_CHARACTERS) + next(_lines(text, where), "")
        start = sample.lstrip()[:64].lower()
        if start.startswith(("<!doctype", "<html", "<?xml")):
            raise CxnetError(f"{where} is a page of markup, not a table; save the table as CSV or .xlsx.")
        if "\x00" in sample:
            raise CxnetError(f"{where} is no text; save the table as CSV (UTF-8) or .xlsx.")
        if start.startswith("{") or start.startswith("[{") or re.match(r"\[\s*\{", start):
            yield from json_rows(sample, text, where, columns, _lines)
        else:
            yield from _csv_rows(sample, text, where, columns)
    finally:
        text.detach()


def _csv_rows(sample: str, rest: IO[str], where: str, columns: Columns) -> Iterator[Cells]:
    csv.field_size_limit(CELL_CHARACTERS)  # for the whole program; the same number everywhere
    separator = _SEPARATOR.match(sample.lstrip("\ufeff"))
    skipped = 0
    if separator:
        first, sample = sample[: sample.find(separator[0]) + len(separator[0])], sample.lstrip("\ufeff")
        sample, skipped = sample[separator.end() :], len(first.splitlines())
    delimiter = separator[1] if separator else _delimiter(sample, columns)
    lines = chain(_lines(io.StringIO(sample, newline=""), where), _lines(rest, where))
    reader = csv.reader(lines, strict=True, delimiter=delimiter)
    try:
        for row in reader:
            if any(row):
                yield row
    except csv.Error as error:
        line = reader.line_num + skipped
        raise CxnetError(
            f"{where}, line {line:,}: this is no readable CSV ({error}); save the table as CSV (UTF-8) or .xlsx."
        ) from error


def _lines(text: IO[str], where: str) -> Iterator[str]:
    """The lines of a text, without the marks of byte order that stand between tables put one below the other.

    Raises:
        CxnetError: one is longer than a cell may be.
    """
    for line in iter(lambda: text.readline(CELL_CHARACTERS), ""):
        if len(line) == CELL_CHARACTERS:
            raise CxnetError(f"{where} has a line of more than {CELL_CHARACTERS:,} characters; save it again as CSV.")
        yield line.removeprefix("\ufeff")


def _delimiter(sample: str, columns: Columns) -> str:
    """What separates the cells: the first that gives the wanted columns, else that which gives most columns."""
    widths = {}
    for delimiter in DELIMITERS:
        rows = _sample_rows(sample, delimiter)
        if any(map(columns.are_in, rows)):
            return delimiter
        widths[delimiter] = median_low(map(len, rows)) if rows else 0  # a title has fewer cells
    return max(widths, key=lambda delimiter: widths[delimiter])


def _sample_rows(sample: str, delimiter: str) -> list[list[str]]:
    """The first rows; the last of the sample may be cut."""
    rows: list[list[str]] = []
    try:
        reader = csv.reader(io.StringIO(sample, newline=""), strict=True, delimiter=delimiter)
        rows.extend(islice((row for row in reader if any(row)), HEADER_ROWS))
    except csv.Error:
        pass
    return rows
