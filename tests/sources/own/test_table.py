import bz2
import codecs
import datetime
import gc
import gzip
import io
import json
import lzma
import sys
import tracemalloc
import zipfile

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.core.errors import CxnetError, MissingColumnError, UsageError
from sources.own.table import read_table

NAMES = {"item_id": "file", "label": "finding"}
ROWS = [("file", "pid", "finding"), ("a.png", "7", "COVID-19"), ("größe b.png", "", "No finding")]
WANTED = {"item_id": ["a.png", "größe b.png"], "label": ["COVID-19", "No finding"]}


def read(content, names=NAMES, groups=()):
    return read_table(io.BytesIO(content), names, "t", groups)


def text(delimiter=",", ending="\n", rows=ROWS):
    return "".join(delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in row) + ending for row in rows)


def excel(rows, title="Sheet", **more):
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    for name, other in more.items():
        sheet = book.create_sheet(name)
        for row in other:
            sheet.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def parquet(columns):
    content = io.BytesIO()
    pq.write_table(pa.table(columns), content)
    return content.getvalue()


def zipped(**members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_", "."), data)
    return content.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_what_programs_save_as_text_is_read(delimiter, encoding, ending):
    assert read(text(delimiter, ending).encode(encoding)).cells == WANTED


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"'])
def test_a_line_that_names_the_separator_is_no_row(line):
    for start in (b"", codecs.BOM_UTF8):
        assert read(start + f"{line}\r\n{text(';')}".encode()).cells == WANTED
    assert read(f"sep=^\n{text('^')}".encode()).cells == WANTED


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, lambda data: zipped(t_csv=data)])
def test_a_compressed_table_is_read(pack):
    assert read(pack(text().encode())).cells == WANTED
    assert read(pack(excel(ROWS))).cells == WANTED


def test_an_excel_table_is_read_with_whole_numbers_and_dates_as_they_look():
    rows = [
        ("file", "finding", "age", "when", "flag", "empty"),
        (12, "COVID-19", 61.0, datetime.datetime(2020, 3, 1), True, None),
        ("a", "x", 1.5, datetime.datetime(2020, 3, 1, 9, 30), False, "#N/A"),
    ]
    names = {"a": "file", "b": "age", "c": "when", "d": "flag", "e": "empty"}
    assert read(excel(rows), names).cells == {
        "a": ["12", "a"],
        "b": ["61", "1.5"],
        "c": ["2020-03-01", "2020-03-01T09:30:00"],
        "d": ["true", "false"],
        "e": ["", "#N/A"],
    }


def test_the_sheet_with_the_columns_is_read_below_its_title():
    rows = [("Films of the clinic",), (), *ROWS]
    assert read(excel([("notes",), ("x",)], Films=rows)).cells == WANTED


def merged(rows, *ranges, title="films"):
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    for cells in ranges:
        book.active.merge_cells(cells)
    return book


def saved(book):
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def test_a_merged_cell_holds_for_all_of_its_rows():
    rows = [("Films of the clinic",), ("pid", "file", "finding"), ("7", "a", "x"), (None, "b", None), (None, "c", "y")]
    rows += [(None, None, None), ("8", "d", "z"), (None, "e", "")]
    names = {"item_id": "file", "patient_id": "pid", "label": "finding"}
    book = merged(rows, "A1:C1", "A3:A6", "C3:C4", "A7:A8")
    assert read(saved(book), names).cells == {
        "item_id": ["a", "b", "c", "d", "e"],
        "patient_id": ["7", "7", "7", "8", "8"],
        "label": ["x", "x", "y", "z", ""],
    }


def test_names_of_columns_may_be_merged_too():
    rows = [("file", "finding"), (None, None), ("a", "x"), ("b", "y")]
    assert read(saved(merged(rows, "A1:A2", "B1:B2"))).cells == {"item_id": ["a", "b"], "label": ["x", "y"]}


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6))
def test_every_row_of_a_merged_cell_has_its_value(heights):
    rows, ranges, patients = [("pid", "file")], [], []
    for patient, height in enumerate(heights):
        first = len(rows) + 1
        rows += [(f"p{patient}" if film == 0 else None, f"{patient}-{film}") for film in range(height)]
        ranges += [f"A{first}:A{first + height - 1}"] if height > 1 else []
        patients += [f"p{patient}"] * height
    assert read(saved(merged(rows, *ranges)), {"item_id": "file", "patient_id": "pid"}).cells["patient_id"] == patients


def test_hidden_sheets_come_last_and_further_sheets_with_films_are_named():
    book = merged([("file", "finding"), ("old", "x")], title="draft")
    for title in ("films", "more"):
        sheet = book.create_sheet(title)
        for row in [("file", "finding"), (title, "y")]:
            sheet.append(row)
    book["draft"].sheet_state = "hidden"
    book.active = 1
    table = read(saved(book))
    assert table.cells["item_id"] == ["films"]
    assert table.notes == ["only the sheet 'films' is read, and not 'more', 'draft'; put all films into one sheet."]


def test_a_title_above_a_csv_table_is_passed_over():
    assert read(("Films of the clinic\n\n" + text()).encode()).cells == WANTED


def test_parquet_is_read_column_by_column():
    columns = {
        "file": ["a.png", "größe b.png"],
        "finding": pa.array(["COVID-19", "No finding"]).dictionary_encode(),
        "age": [61.0, None],
        "labels": [["x", "y"], []],
        "unwanted": [b"\0" * 100] * 2,
    }
    table = read(parquet(columns), NAMES | {"age": "age", "finding": "labels"})
    assert table.cells == WANTED | {"age": ["61", ""], "finding": ["x|y", ""]}


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_json_is_read_one_object_per_line_or_as_a_list(ending):
    entries = [dict(zip(ROWS[0], row, strict=True)) for row in ROWS[1:]]
    lines = ending.join(map(json.dumps, entries)) + ending
    assert read(lines.encode()).cells == WANTED
    assert read(json.dumps(entries, indent=1).encode()).cells == WANTED
    del entries[1]["finding"]
    assert read(json.dumps(entries).encode()).cells["label"] == ["COVID-19", ""]


FRAME = pd.DataFrame(ROWS[1:], columns=list(ROWS[0]))
NAMED = {row[0]: {"pid": row[1], "finding": row[2]} for row in ROWS[1:]}
JSON_TABLES = {
    **{orient: FRAME.to_json(orient=orient) for orient in ("columns", "index", "split", "table", "records")},
    "lists": json.dumps(FRAME.to_dict("list")),
    "named": json.dumps(NAMED),
    "one list": json.dumps({"made": "2026", "films": FRAME.to_dict("records")}),
}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("form", JSON_TABLES)
def test_one_json_object_holds_a_table_by_column_by_row_or_as_a_list(form, indent):
    content = json.dumps(json.loads(JSON_TABLES[form]), indent=indent)
    assert read(content.encode()).cells == WANTED
    assert read(b"\xef\xbb\xbf" + content.encode() + b"\n").cells == WANTED


def test_one_film_in_json_is_one_row():
    film = json.dumps({"file": "a.png", "finding": "COVID-19", "boxes": [1, 2]}, indent=1)
    assert read(film.encode()).cells == {"item_id": ["a.png"], "label": ["COVID-19"]}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"file": ["a.png"], "finding": ["x", "y"]}, "column 'finding' has 2 cells, another one 1"),
        ({"columns": ["file", "finding"], "data": [["a.png"]]}, "does not have 2 cells, as 'columns' says"),
        ({"images": [{"file": "a"}], "boxes": [{"x": 1}], "made": 1}, "holds 2 lists of objects, not one table"),
    ],
)
def test_an_object_that_holds_no_table_is_refused_in_one_sentence(value, message):
    with pytest.raises(CxnetError, match=message):
        read(json.dumps(value).encode())


def test_numbers_truth_and_lists_in_json_are_texts():
    line = json.dumps({"file": 12, "finding": ["a", "b"], "x": 1.0, "y": True, "z": None, "w": {"k": 1}})
    names = {"a": "file", "b": "finding", "c": "x", "d": "y", "e": "z", "f": "w"}
    assert [cells[0] for cells in read(line.encode(), names).cells.values()] == [
        "12",
        "a|b",
        "1",
        "true",
        "",
        '{"k": 1}',
    ]


def test_a_cell_may_be_long():
    rows = [*ROWS, ("c.png", "7 " * 200_000, "x")]
    assert read(text(rows=rows).encode()).cells["label"][2] == "x"


def test_a_cell_without_end_is_one_sentence_with_its_line():
    with pytest.raises(CxnetError, match=r"^t, line 4: this is no readable CSV \(.*\); save the table as CSV"):
        read(b'file,finding\na,b\nc,"d\ne,f\n')


def test_names_of_columns_may_differ_in_case_and_spaces():
    table = read(b" File ,FINDING,Patient_ID\na,b,c\n", NAMES | {"patient_id": "patient id"})
    assert table.cells == {"item_id": ["a"], "label": ["b"], "patient_id": ["c"]}
    assert read(b"file,File,finding\na,b,c\n").cells["item_id"] == ["a"]  # an exact name goes before


def test_a_column_that_is_there_twice_is_one_sentence_if_it_is_needed():
    with pytest.raises(UsageError, match="t has the column 'file' 2 times; rename all but one"):
        read(b"file,x,file,finding\na,b,c,d\n")
    assert read(b"file,x,x,finding\na,b,c,d\n").cells["label"] == ["d"]


def test_a_missing_column_is_named_with_those_that_are_there():
    with pytest.raises(MissingColumnError, match=r"^t has no column 'finding' \(it has: 'file', 'age'\)\.$"):
        read(b"file;age\na;1\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old", "is an old Excel file .*; save it as .xlsx or CSV"),
        (b"SQLite format 3\0", "is a SQLite database; save its table as CSV"),
        (b"%PDF-1.4", "is a PDF document; save its table as CSV"),
        (b"\x89PNG\r\n\x1a\n", "is an image, not a table"),
        (b"<!DOCTYPE html><html>", "is a page of markup, not a table; save"),
        (b"\x00\x01\x02\x03 binary", "is no text; save the table as CSV"),
        (zipped(a_csv=b"", b_csv=b""), "is an archive of 2 files; save the table as CSV"),
        (zipped(mimetype=b"application/vnd.oasis.opendocument.spreadsheet"), "is an OpenDocument file; save"),
        (gzip.compress(gzip.compress(gzip.compress(b"file,finding"))), "is compressed several times; save"),
        (gzip.compress(b"file,finding\n" * 999)[:40], "is damaged .*; copy it again"),
        (excel(ROWS)[:3000], "cannot be unpacked .*; save the table as CSV or .xlsx"),
        (b"PAR1 cut", "is a damaged Parquet file .*; save the table again"),
        (b'{"file": 1}\n{"file": ', "line 2 is not JSON .*; save one object per line"),
        (b'[{"file": 1}, 2]', "an entry is no JSON object; save one object per line"),
        (b'{\n "file": 1,\n', "the table is not JSON"),
    ],
)
def test_what_is_no_table_is_one_sentence_that_says_what_to_do(content, message):
    with pytest.raises(CxnetError, match=f"^t:? {message}"):
        read(content)


def test_a_million_columns_are_refused_quickly_and_few_are_kept():
    header = b"file,finding," + b",".join(b"c%d" % number for number in range(1_000_000))
    with pytest.raises(CxnetError, match="t has 1,000,002 columns; a table may have 16,384"):
        read(header + b"\n" + b"," * 1_000_001 + b"\n")
    wide = b"file,finding," + b",".join(b"c%d" % number for number in range(16_000)) + b"\n"
    row = b"a,b" + b",1" * 16_000 + b"\n"
    tracemalloc.start()
    assert read(wide + row * 300).rows == 300
    assert tracemalloc.get_traced_memory()[1] < 30_000_000
    tracemalloc.stop()


def test_a_table_that_unpacks_without_end_is_refused(monkeypatch):
    monkeypatch.setattr("sources.own.table_rows.TABLE_BYTES", 1_000_000)
    for content in (gzip.compress(bytes(3_000_000)), zipped(t_csv=bytes(3_000_000))):
        with pytest.raises(CxnetError, match=r"t unpacks to more than \d+ MB; split it"):
            read(content)


def test_too_many_rows_are_refused(monkeypatch):
    monkeypatch.setattr("sources.own.table.TABLE_ROWS", 3)
    with pytest.raises(CxnetError, match="t has more than 3 rows; split it"):
        read(b"file,finding\n" + b"a,b\n" * 4)


def test_rows_may_be_short_empty_or_long():
    assert read(b"file,x,finding\na\n\n,,\nb,1,c,too,many\n").cells == {"item_id": ["a", "b"], "label": ["", "c"]}


def test_commands_to_a_terminal_are_written_out():
    table = read('file,finding\na,\x1b]0;OWNED\x07\x1b[2J\u202ex\nb,"two\nlines"\n'.encode())
    assert table.cells["label"] == [r"\x1b]0;OWNED\x07\x1b[2J\u202ex", "two\nlines"]


def test_a_group_of_columns_is_read_where_the_table_has_all_of_it():
    groups = ({"l": "x", "t": "y"}, {"l": "x_min", "t": "y_min"})
    assert read(b"file,finding,x_min,y_min\na,b,1,2\n", groups=groups).cells["t"] == ["2"]
    assert "t" not in read(b"file,finding,x,y_min\na,b,1,2\n", groups=groups).cells
    assert read(parquet({"file": ["a"], "finding": ["b"], "x": [1], "y": [2]}), groups=groups).cells["l"] == ["1"]


@given(st.binary(max_size=400))
def test_any_bytes_are_rows_or_one_clear_error(content):
    for start in (b"", b"file,finding\n", b"PK\x03\x04", b"\x1f\x8b\x08", b'{"file": ', b"PAR1", b"sep="):
        try:
            table = read(start + content)
        except CxnetError as error:
            assert str(error).startswith("t")
        else:
            assert all(len(cells) == table.rows for cells in table.cells.values())


@pytest.mark.parametrize(
    ("content", "message"),
    [("file,file\na.png,b.png\n", "2 times"), ("other,age\n" + "a.png,1\n" * 30, "has no column 'file'")],
)
def test_a_refused_table_leaves_no_reader_behind(tmp_path, monkeypatch, content, message):
    ignored = []
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)
    path = tmp_path / "t.csv"
    path.write_text(content)
    with pytest.raises(CxnetError, match=message), path.open("rb") as file:
        read_table(file, {"item_id": "file"}, "t")
    gc.collect()
    assert ignored == []
