import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.core.errors import CxnetError
from sources.reading.tables import MissingColumnError, distinct, number, read_rows


def test_byte_order_mark_and_spaces_are_no_part_of_a_column_or_value():
    table = b"\xef\xbb\xbfname , age\n a.png,7 \n"
    assert read_rows(table, ["name", "age"], "t.csv") == [{"name": "a.png", "age": "7"}]


def test_a_table_in_windows_1252_is_read():
    assert read_rows(b"note\nfever 38\xb0\n", ["note"], "t.csv") == [{"note": "fever 38°"}]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_what_spreadsheets_save_is_read(delimiter, encoding, ending):
    table = ending.join(delimiter.join(cells) for cells in (("a", "größe"), ("1", "3")))
    assert read_rows(table.encode(encoding), ["a", "größe"], "t.csv") == [{"a": "1", "größe": "3"}]


def test_one_stray_byte_costs_no_column_of_a_marked_table():
    assert read_rows(b"\xef\xbb\xbfa,b\n1,\xb0C\n", ["a"], "t.csv") == [{"a": "1", "b": "\N{REPLACEMENT CHARACTER}C"}]


def test_a_comma_in_the_header_decides_where_another_delimiter_gives_no_column():
    assert read_rows(b"a;x,b\n1;2,3\n", ["b"], "t.csv") == [{"a;x": "1;2", "b": "3"}]


def test_short_rows_are_blank_and_cells_beyond_the_header_are_dropped():
    assert read_rows(b"a,b\n1\n1,2,3\n", ["a"], "t.csv") == [{"a": "1", "b": ""}, {"a": "1", "b": "2"}]


def test_a_missing_column_is_named_with_those_that_are_there():
    with pytest.raises(MissingColumnError, match=r"t\.csv has no column 'age' \(it has: 'name', 'sex'\)"):
        read_rows(b"name,sex\n", ["name", "age"], "t.csv")


def test_an_html_page_is_not_a_table():
    with pytest.raises(CxnetError, match="has no column 'age'"):
        read_rows(b"<!doctype html><p>Sign in</p>", ["age"], "t.csv")


@given(st.binary(max_size=400))
def test_any_bytes_are_rows_or_one_clear_error(content):
    try:
        rows = read_rows(content, ["a"], "t.csv")
    except CxnetError as error:
        assert "t.csv" in str(error)
    else:
        assert all(isinstance(value, str) for row in rows for value in row.values())


@pytest.mark.parametrize(
    "text, value", [("3", 3.0), ("-4", -4.0), ("2.5", 2.5), ("", None), ("?", None), ("-inf", None), ("nan", None)]
)
def test_only_finite_numbers_count(text, value):
    assert number(text) == value


def test_a_second_entry_of_one_key_gets_its_tie_and_a_third_a_number():
    entries = [("a", "1"), ("a", "2"), ("a", "2"), ("b", "1")]
    named = [name for name, _ in distinct(entries, key=lambda e: e[0], tie=lambda e: e[1])]
    assert named == ["a", "a#2", "a#3", "b"]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["1", "2", ""])), max_size=30))
def test_distinct_names_are_distinct_and_keep_the_order(entries):
    named = list(distinct(entries, key=lambda e: e[0], tie=lambda e: e[1]))
    assert [entry for _, entry in named] == entries
    assert len({name for name, _ in named}) == len(entries)
