"""Decisions of people: checked line by line, applied to the rows, waiting for films that are absent."""

import csv
import hashlib

import pandas as pd
import pytest
from handmade import film, table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from upath import UPath

from pipeline.core.decisions import read_decisions
from pipeline.core.replay import apply, brought_back, effect
from pipeline.core.tables import exclude
from sources.core.errors import UsageError

HEADER = "image_id,decision,field,value,who,when,why\n"
ONE = hashlib.sha256(b"cohen/1").hexdigest()
TWO = hashlib.sha256(b"cohen/2").hexdigest()


def decide(tmp_path, *lines):
    """The decisions of lines like ``<image_id>,set,label,cap`` (who, when and why are added)."""
    path = UPath(tmp_path) / "decisions.csv"
    path.write_text(HEADER + "".join(f"{line},ana,2020-06-24,looked at it\n" for line in lines), encoding="utf-8")
    return read_decisions(path)


def outcome(rows, item_id):
    row = rows[rows["item_id"] == item_id].iloc[0]
    return None if pd.isna(row["excluded_by"]) else (row["excluded_by"], row["reason"])


def test_no_file_and_an_empty_file_decide_nothing(tmp_path):
    assert read_decisions(UPath(tmp_path) / "absent.csv") == []
    assert decide(tmp_path) == []


def test_a_label_is_replaced_on_that_film_alone(tmp_path):
    rows = apply(table([film(), film(item_id="2")]), decide(tmp_path, f"{ONE},set,label,cap"))
    assert rows["label"].tolist() == ["cap", "covid"]


def test_a_lateral_film_that_is_frontal_comes_back(tmp_path):
    rows = table([film(view="L", excluded_by="views", reason="lateral")])
    rows = apply(rows, decide(tmp_path, f"{ONE},set,view,AP"))
    assert rows[["view", "view_source"]].iloc[0].tolist() == ["AP", "review"]
    assert outcome(rows, "1") is None


def test_a_view_decided_lateral_excludes_the_film(tmp_path):
    rows = apply(table([film()]), decide(tmp_path, f"{ONE},set,view,L"))
    assert outcome(rows, "1") == ("manifest", "view L by a person: ana, looked at it")


def test_the_reason_names_the_person_and_an_earlier_exclusion_is_kept(tmp_path):
    rows = table([film(), film(item_id="2", excluded_by="dedupe", reason="copy")])
    rows = apply(rows, decide(tmp_path, f"{ONE},exclude,,", f"{TWO},exclude,,"))
    assert outcome(rows, "1") == ("manifest", "excluded by a person: ana, looked at it")
    assert outcome(rows, "2") == ("dedupe", "copy")


@pytest.mark.parametrize(("stage", "back"), [("dedupe", True), ("views", True), ("ingest", False)])
def test_keep_brings_back_an_excluded_film_unless_it_has_no_picture(tmp_path, stage, back):
    rows = apply(table([film(excluded_by=stage, reason="why")]), decide(tmp_path, f"{ONE},keep,,"))
    assert (outcome(rows, "1") is None) == back


def test_keep_brings_back_one_of_two_byte_identical_rows(tmp_path):
    twin = {"image_id": ONE, "excluded_by": "views", "reason": "lateral"}
    rows = apply(table([film(**twin), film(item_id="2", **twin)]), decide(tmp_path, f"{ONE},keep,,"))
    assert outcome(rows, "1") is None
    assert outcome(rows, "2") == ("views", "lateral")
    rows = apply(table([film(**twin), film(item_id="2", image_id=ONE)]), decide(tmp_path, f"{ONE},keep,,"))
    assert outcome(rows, "1") == ("views", "lateral")


def test_a_film_declared_no_copy_comes_back(tmp_path):
    copy = film(excluded_by="dedupe", reason="copy", cluster_id="c", duplicate_of="cohen/2", similarity=0.9)
    rows = apply(table([copy, film(item_id="2", cluster_id="c")]), decide(tmp_path, f"{ONE},set,duplicate_of,"))
    assert outcome(rows, "1") is None
    assert rows.loc[0, ["cluster_id", "duplicate_of", "similarity"]].isna().all()
    assert rows.loc[1, "cluster_id"] == "c"


@pytest.mark.parametrize("clusters", [(None, None), ("a", None), (None, "b"), ("a", "b")])
def test_a_film_declared_a_copy_is_excluded_and_shares_a_cluster(tmp_path, clusters):
    rows = table([film(cluster_id=clusters[0]), film(item_id="2", cluster_id=clusters[1])])
    rows = apply(rows, decide(tmp_path, f"{ONE},set,duplicate_of,cohen/2"))
    assert outcome(rows, "1") == ("manifest", "copy by a person: ana, looked at it (of cohen/2)")
    assert outcome(rows, "2") is None
    assert rows["cluster_id"].notna().all()
    assert rows["cluster_id"].nunique() == 1


def test_the_last_line_on_a_subject_counts(tmp_path):
    lines = [f"{ONE},set,label,cap", f"{ONE},exclude,,", f"{ONE},set,label,normal", f"{ONE},keep,,"]
    decided = decide(tmp_path, *lines)
    rows = apply(table([film()]), decided)
    assert rows["label"].tolist() == ["normal"]
    assert outcome(rows, "1") is None
    assert brought_back(rows, decided).tolist() == [True]
    assert brought_back(rows, decide(tmp_path, f"{ONE},keep,,", f"{ONE},exclude,,")).tolist() == [False]


def test_decisions_on_absent_films_change_nothing(tmp_path):
    rows = table([film(item_id="7"), film(item_id="2")])
    lines = [f"{ONE},exclude,,", f"{TWO},set,duplicate_of,cohen/99"]
    assert apply(rows, decide(tmp_path, *lines)).equals(rows)


def test_rows_without_an_image_do_not_change(tmp_path):
    rows = table([film(), film(item_id="2", image_id=None)])
    rows = exclude(rows, rows["image_id"].isna(), "ingest", "no bytes")
    rows = apply(rows, decide(tmp_path, f"{ONE},set,label,cap"))
    assert outcome(rows, "2") == ("ingest", "no bytes")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"{ONE},drop,,,ana,2020-06-24,why", "line 2: decision 'drop' is not one of: set, exclude, keep"),
        (f"{ONE},set,colour,red,ana,2020-06-24,why", "field 'colour' is not one of: label, view, duplicate_of"),
        (f"{ONE},set,label,covid19,ana,2020-06-24,why", "label 'covid19' is not one of: normal, cap, covid, other"),
        (f"{ONE},set,view,,ana,2020-06-24,why", "view '' is not one of: PA"),
        (f"{ONE},set,duplicate_of,x,ana,2020-06-24,why", "does not look like <source>/<item_id>"),
        (f"{ONE},keep,label,covid,ana,2020-06-24,why", "'keep' takes no field and no value"),
        ("film7,keep,,,ana,2020-06-24,why", "image_id 'film7' is not a sha256"),
        (f"{ONE},keep,,,,2020-06-24,why", "'who' is empty"),
        (f"{ONE},keep,,,ana,24.6.2020,why", "when '24.6.2020' is not a date"),
        (f"{ONE},keep,,,ana,2020-06-24", "has 6 values, expected 7"),
        (f"{ONE},keep,,,ana,2020-06-24,{'x' * 2001}", "why has more than 2000 characters"),
        (f'{ONE},keep,,,ana,2020-06-24,"why', "not valid CSV"),
    ],
)
def test_a_wrong_line_is_one_sentence_with_file_and_line(tmp_path, line, message):
    path = UPath(tmp_path) / "decisions.csv"
    path.write_text(HEADER + line + "\n", encoding="utf-8")
    with pytest.raises(UsageError) as error:
        read_decisions(path)
    assert message in str(error.value)
    assert "decisions.csv, line 2" in str(error.value)
    assert str(error.value).endswith(".")


@pytest.mark.parametrize("content", [b"", b"id,what\n", b"\xff\xfe\x00", b"\x00" * 50])
def test_a_file_that_is_not_the_table_is_refused(tmp_path, content):
    path = UPath(tmp_path) / "decisions.csv"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"decisions\.csv"):
        read_decisions(path)


@given(st.lists(st.one_of(st.sampled_from([ONE, "set", "label", "covid", "2020-06-24", ""]), st.text()), max_size=8))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_cells_are_a_decision_or_one_sentence(tmp_path, cells):
    path = UPath(tmp_path) / "decisions.csv"
    with path.open("w", encoding="utf-8", errors="replace", newline="") as file:
        csv.writer(file).writerows([HEADER.strip().split(","), cells])
    try:
        assert len(read_decisions(path)) <= 1
    except UsageError as error:
        assert "decisions.csv, line" in str(error)


def test_exclude_overrules_all_other_decisions(tmp_path):
    rows = table([film(view="L", excluded_by="views", reason="lateral")])
    rows = apply(rows, decide(tmp_path, f"{ONE},exclude,,", f"{ONE},set,view,PA"))
    assert outcome(rows, "1") == ("manifest", "excluded by a person: ana, looked at it")


def test_decisions_that_wait_are_counted_and_named_by_their_line(tmp_path):
    rows = table([film()])
    assert effect(rows, []) == ""
    assert effect(rows, decide(tmp_path, f"{ONE},set,label,cap")) == "1 decision"
    decided = decide(tmp_path, f"{ONE},set,label,cap", f"{TWO},exclude,,", f"{ONE},set,duplicate_of,nih/none")
    assert effect(rows, decided) == "3 decisions, 2 of them waiting for a film that is not in the data set (line 3, 4)"
