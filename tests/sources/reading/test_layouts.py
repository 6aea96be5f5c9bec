import json
import re

import pytest
from any_json import JSON as ANY_JSON
from hypothesis import given
from hypothesis import strategies as st

from sources.core.errors import CxnetError, MissingColumnError
from sources.core.layouts import ARCHIVE, JSON, TABLE, Layout
from sources.core.source import registry
from sources.reading.layouts import shown_fields, table_rows

PEOPLE = Layout("people", "2026-11", "people", {"name": "Name", "sex": "Sex|Gender"}, {"age": "Age (years)"}, TABLE)
VIEWER = Layout(
    "viewer", "2026-11", "json", {"frame": "study.series[].frames[].id", "kind": "study.modality"}, kind=JSON
)
PAGE = Layout("page", "2026-11", "/case", {"figure": "div.figure"}, {"age": "p.age"})


@pytest.mark.parametrize(
    "content",
    [b"Name,Sex\na,F\n", b"name;GENDER\na;F\n", b"\xef\xbb\xbfname\tgender\t\na\tF\t\n", b"x,Gender,Name\n1,F,a\n"],
)
def test_columns_are_found_whatever_the_header(content):
    assert table_rows(content, PEOPLE, "people.csv") == [{"name": "a", "sex": "F"}]


def test_a_missing_column_has_its_usual_name_in_the_message():
    with pytest.raises(MissingColumnError, match=r"people.csv has no column 'Sex' \(it has: 'Name', 'Age'\)"):
        table_rows(b"Name,Age\na,1\n", PEOPLE, "people.csv")


def test_the_fields_that_a_page_an_answer_or_a_table_shows():
    assert shown_fields(PEOPLE, b"gender,AGE years\n") == {"sex", "age"}
    assert shown_fields(PAGE, b"<div class='figure'></div><p>40</p>") == {"figure"}
    answer = {"study": {"modality": "CT", "series": [{"frames": []}, {"frames": [{"id": 3}]}]}}
    assert shown_fields(VIEWER, json.dumps(answer).encode()) == {"frame", "kind"}
    answer["study"] |= {"modality": "", "series": [{"frames": [{"id": None}]}]}
    assert shown_fields(VIEWER, json.dumps(answer).encode()) == set()


@given(st.binary(max_size=300) | ANY_JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_show_some_fields_or_none(content):
    for layout in (PEOPLE, VIEWER, PAGE, Layout("zip", "2026-11", "zip", {}, kind=ARCHIVE)):
        assert shown_fields(layout, content) <= {*layout.fields, *layout.facts}
    for prefix in (b"", b"\x1f\x8b", b"name,sex\n"):
        try:
            table_rows(prefix + content, PEOPLE, "people.csv")
        except CxnetError as error:
            assert "people.csv" in str(error)


@pytest.mark.parametrize("name", list(registry()))
def test_the_layouts_of_a_source_can_be_tried_on_anything(name):
    for layout in registry()[name].layouts:
        assert shown_fields(layout, b"<html>") == set()
        assert re.fullmatch(r"20\d\d(?:-\d\d)?", layout.seen)
