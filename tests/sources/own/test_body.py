"""Which row of a table names its columns, and which rows are no films: names that stand again, sums below the films."""

import codecs
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.core.errors import CxnetError, MissingColumnError, UsageError
from sources.own.body import plain_cell
from sources.own.columns import looks_like_data
from sources.own.table import read_table

NAMES = {"item_id": "file", "label": "finding"}
NUMBERED = {"item_id": "column_1", "label": "column_2"}


def read(text, names=NAMES):
    return read_table(io.BytesIO(text.encode()), names, "t")


def column(text, name="item_id", names=NAMES):
    return read(text, names).cells[name]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_table_without_names_of_columns_has_numbered_ones_and_loses_no_row(delimiter):
    text = "a.png,COVID-19\nb.png,normal\n".replace(",", delimiter)
    assert read(text, NUMBERED).cells == {"item_id": ["a.png", "b.png"], "label": ["COVID-19", "normal"]}
    assert read("column_1,column_2\na.png,x\n", NUMBERED).cells["item_id"] == ["a.png"]  # they may be real names


def test_a_name_that_such_a_table_lacks_is_explained():
    with pytest.raises(MissingColumnError, match=r"A table without names of columns has column_1, column_2, \.\.\.$"):
        read("a.png,COVID-19\nb.png,normal\n")


@pytest.mark.parametrize(
    ("row", "is_data"),
    [
        (["a.png", "COVID"], True),
        (["x/a.dcm", "finding"], True),
        (["https://site.org/7", "finding"], True),
        (["12", "0", "1", "covid"], True),
        (["0", "1", "2"], False),
        (["", "0", "1"], False),
        (["picture", "diagnosis"], False),
        (["name", "2020", "side"], False),
        ([], False),
    ],
)
def test_facts_of_a_film_are_no_names(row, is_data):
    assert looks_like_data(row) is is_data


@pytest.mark.parametrize(
    "again", ["file,finding,pid", "\ufefffile,finding,pid", " file , finding,pid,,", '"file","finding","pid"']
)
def test_names_that_stand_again_are_no_film_and_are_counted(again):
    table = read(f"file,finding,pid\na,x,1\n{again}\nb,y,2\n{again}\n")
    assert table.cells == {"item_id": ["a", "b"], "label": ["x", "y"]}
    assert table.notes == ["2 rows with the names of the columns again left out."]


def test_a_mark_of_byte_order_between_two_parts_is_no_part_of_a_name():
    part = codecs.BOM_UTF8 + b'"file","finding"\n"a.png","x"\n'
    table = read_table(io.BytesIO(part + part), NAMES, "t")
    assert table.cells["item_id"] == ["a.png", "a.png"]


def test_parts_with_their_columns_in_another_order_are_one_sentence():
    with pytest.raises(CxnetError, match=r"^t: row 2 names the columns again, in another order; put"):
        read("file,finding\na,x\nfinding,file\ny,b\n")


def test_a_film_may_be_called_like_a_column():
    assert column("file,finding\nfile,x\nfinding,y\n") == ["file", "finding"]
    assert column("file\nfile\n", names={"item_id": "file"}) == ["file"]


@pytest.mark.parametrize(
    "row",
    ["Total,12", "total: 12,", "Sum,", ",", "Grand total,3", "12 rows,", "(12 rows affected),", "Average: 40,"],
)
def test_rows_that_count_the_others_are_known(row):
    assert read(f"file,finding\na,x\n{row}\nb,y\n").sums == ({1} if row != "," else frozenset())


def test_a_sum_may_stand_in_a_column_that_is_not_read():
    assert read("no,file,finding\n1,a,x\nTotal,,1\n").sums == {1}
    assert read("no,file,finding\nTotal,a,x\n").sums == frozenset()


@pytest.mark.parametrize("name", ["total.png", "total1", "N12", "sum_of_lungs.png", "mean/a.png", "12", "count 3.png"])
def test_names_of_films_are_no_sums(name):
    assert read(f"file,finding\n{name},x\n").sums == frozenset()


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ('="f00.png"', "f00.png"),
        ('="007"', "007"),
        ('="a ""b"" c"', 'a "b" c'),
        ('="', '="'),
        ("\u00a0a.png\u00a0", "a.png"),
        ("\ufeffa.png", "a.png"),
        ("a\u200b.png\u200d", "a.png"),
        ("p\u00a01", "p 1"),
        ("größe", "größe"),
    ],
)
def test_what_nobody_means_is_no_part_of_a_cell(written, plain):
    assert plain_cell(written) == plain


@given(st.text(max_size=20))
def test_a_plain_cell_stays_as_it_is(text):
    once = plain_cell(text)
    assert once == once.strip() and (once.startswith('="') or plain_cell(once) == once)


def test_columns_that_differ_only_by_case_or_blanks():
    assert column("col,Col,finding\na,b,x\n", names={"item_id": "Col"}) == ["b"]
    assert column("col,Col,finding\na,b,x\n", names={"item_id": "col"}) == ["a"]
    for header in ("col,col ", "COL,Col", "col,\u200bcol"):
        with pytest.raises(UsageError, match="t has the column 'col' 2 times; rename all but one"):
            read(f"{header}\na,b\n", {"item_id": "col"})


def test_a_line_without_end_is_one_sentence(monkeypatch):
    monkeypatch.setattr("sources.own.table_rows.CELL_CHARACTERS", 200_000)
    for start in ("file,finding\n", '{"file": 1}\n'):
        with pytest.raises(CxnetError, match=r"^t has a line of more than 200,000 characters; save it again"):
            read(start + "a" * 500_000)
