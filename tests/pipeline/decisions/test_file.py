"""Decisions of people: checked line by line, applied to the rows, waiting for films that are absent."""

import csv
import hashlib

import pandas as pd
import pytest
from handmade import film, table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from upath import UPath

from pipeline.core.tables import exclude
from pipeline.decisions.file import read_decisions
from pipeline.decisions.replay import apply, brought_back, effect
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
        (f"{ONE},keep,,,ana,24.13.2020,why", "when '24.13.2020' is not a date"),
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


THREE = hashlib.sha256(b"cohen/3").hexdigest()


def kept(rows):
    return rows.loc[rows["excluded_by"].isna(), "item_id"].tolist()


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ([f"{ONE},set,duplicate_of,cohen/2", f"{TWO},set,duplicate_of,cohen/1"], "lines 2 and 3: cohen/1, cohen/2 are"),
        (
            [
                f"{ONE},set,duplicate_of,cohen/2",
                f"{THREE},set,label,cap",
                f"{TWO},set,duplicate_of,cohen/3",
                f"{THREE},set,duplicate_of,cohen/1",
            ],
            "lines 2, 4 and 5: cohen/1, cohen/2, cohen/3 are",
        ),
    ],
)
def test_copies_in_a_circle_are_refused(tmp_path, lines, named):
    rows = table([film(), film(item_id="2"), film(item_id="3")])
    with pytest.raises(UsageError, match=named):
        apply(rows, decide(tmp_path, *lines))
    assert kept(apply(rows, decide(tmp_path, *lines[:-1]))) != []


def test_a_chain_that_leads_into_a_circle_names_the_circle_alone(tmp_path):
    rows = table([film(), film(item_id="2"), film(item_id="3")])
    lines = [f"{THREE},set,duplicate_of,cohen/1", f"{ONE},set,duplicate_of,cohen/2", f"{TWO},set,duplicate_of,cohen/1"]
    with pytest.raises(UsageError, match="lines 3 and 4: cohen/1, cohen/2 are"):
        apply(rows, decide(tmp_path, *lines))


def test_a_copy_takes_the_place_of_a_film_that_is_excluded_and_the_summary_says_so(tmp_path):
    decided = decide(tmp_path, f"{ONE},exclude,,", f"{TWO},set,duplicate_of,cohen/1")
    rows = apply(table([film(), film(item_id="2")]), decided)
    assert kept(rows) == ["2"]
    assert pd.isna(rows["duplicate_of"].iloc[1])
    assert rows["cluster_id"].nunique() == 1
    assert effect(rows, decided) == (
        "2 decisions, 1 of them on a copy that stays, as the film that it is a copy of is excluded (line 3)"
    )


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_copies_of_an_excluded_film_the_nearest_stays(tmp_path, order):
    lines = [f"{TWO},set,duplicate_of,cohen/1", f"{THREE},set,duplicate_of,cohen/2"][::order]
    rows = table([film(excluded_by="views", reason="lateral"), film(item_id="2"), film(item_id="3")])
    assert kept(apply(rows, decide(tmp_path, *lines))) == ["2"]
    lines = [f"{TWO},set,duplicate_of,cohen/1", f"{THREE},set,duplicate_of,cohen/1"][::order]
    assert kept(apply(rows, decide(tmp_path, *lines))) == ["2" if order == 1 else "3"]


def test_an_excluded_copy_does_not_take_the_place_of_an_excluded_film(tmp_path):
    lines = [f"{ONE},exclude,,", f"{TWO},set,duplicate_of,cohen/1", f"{TWO},exclude,,"]
    rows = apply(table([film(), film(item_id="2")]), decide(tmp_path, *lines))
    assert kept(rows) == []
    assert outcome(rows, "2") == ("manifest", "excluded by a person: ana, looked at it")


def test_a_copy_of_a_proven_copy_is_excluded_because_the_exposure_stays(tmp_path):
    proven = film(item_id="2", excluded_by="dedupe", reason="copy", cluster_id="c", duplicate_of="cohen/3")
    rows = table([film(), proven, film(item_id="3", cluster_id="c")])
    rows = apply(rows, decide(tmp_path, f"{ONE},set,duplicate_of,cohen/2"))
    assert kept(rows) == ["3"]
    assert rows["cluster_id"].tolist() == ["c", "c", "c"]


def test_the_film_that_a_person_names_stays_instead_of_the_one_that_dedupe_chose(tmp_path):
    proven = film(item_id="2", excluded_by="dedupe", reason="copy", cluster_id="c", duplicate_of="cohen/1")
    rows = table([film(cluster_id="c"), proven])
    assert kept(apply(rows, decide(tmp_path, f"{ONE},set,duplicate_of,cohen/2"))) == ["2"]
    unwanted = [f"{ONE},set,duplicate_of,cohen/2", f"{TWO},exclude,,"]
    assert kept(apply(rows, decide(tmp_path, *unwanted))) == ["1"]


def test_a_copy_that_a_later_line_keeps_stays_and_an_earlier_one_does_not(tmp_path):
    rows = table([film(), film(item_id="2")])
    lines = [f"{ONE},set,duplicate_of,cohen/2", f"{ONE},keep,,"]
    assert kept(apply(rows, decide(tmp_path, *lines))) == ["1", "2"]
    assert kept(apply(rows, decide(tmp_path, *lines[::-1]))) == ["2"]
    lines = [f"{ONE},set,view,L", f"{ONE},keep,,"]
    assert kept(apply(rows, decide(tmp_path, *lines))) == ["1", "2"]
    assert kept(apply(rows, decide(tmp_path, *lines[::-1]))) == ["2"]


def test_a_lateral_film_does_not_come_back_because_it_is_no_copy(tmp_path):
    rows = table([film(excluded_by="dedupe", reason="copy", cluster_id="c", duplicate_of="cohen/2"), film(item_id="2")])
    lines = [f"{ONE},set,view,L", f"{ONE},set,duplicate_of,"]
    assert kept(apply(rows, decide(tmp_path, *lines))) == ["2"]


def test_a_copy_of_a_film_that_the_manifest_excludes_is_counted(tmp_path):
    decided = decide(tmp_path, f"{ONE},set,duplicate_of,cohen/2")
    rows = apply(table([film(), film(item_id="2", label="other")]), decided)
    assert effect(rows, decided) == "1 decision"
    rows = exclude(rows, rows["label"] == "other", "manifest", "label not used: other")
    assert effect(rows, decided) == "1 decision, 1 of them on a copy of an exposure of which no film is kept (line 2)"


films_of_five = st.lists(
    st.tuples(
        st.sampled_from(["abcde", "aacde", "aabbe"]),
        st.sampled_from([None, None, None, "views", "ingest", "dedupe"]),
    ),
    min_size=5,
    max_size=5,
)
decisions_on_five = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.one_of(
            st.builds("set,duplicate_of,cohen/{}".format, st.integers(0, 6)),
            st.sampled_from(["set,duplicate_of,", "exclude,,", "keep,,", "set,view,L", "set,view,PA", "set,label,cap"]),
        ),
    ),
    max_size=8,
)


@given(films_of_five, decisions_on_five)
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_declared_a_copy_no_exposure_is_lost(tmp_path, films, lines):
    """An exposure that had a kept film has one afterwards, unless people exclude films of it for another reason."""
    rows = table(
        [
            film(
                item_id=str(number),
                cluster_id=clusters[number],
                excluded_by=stage,
                reason=stage,
                duplicate_of=f"cohen/{clusters.index(clusters[number])}" if stage == "dedupe" else None,
            )
            for number, (clusters, stage) in enumerate(films)
        ]
    )
    image_of = rows["image_id"].tolist()
    try:
        after = apply(rows, decide(tmp_path, *(f"{image_of[number]},{line}" for number, line in lines)))
    except UsageError as error:
        assert "copies of each other" in str(error)
        return
    assert len(after) == len(rows)
    left_out = {number for number, line in lines if line in ("exclude,,", "set,view,L")}
    for cluster in set(after["cluster_id"]):
        members = after.index[after["cluster_id"] == cluster]
        if rows.loc[members, "excluded_by"].isna().any() and not left_out & set(members):
            assert after.loc[members, "excluded_by"].isna().any()
    untouched = [number for number in range(5) if not any(number == named for named, _ in lines)]
    changed = after.loc[untouched, "excluded_by"].isna() & rows.loc[untouched, "excluded_by"].notna()
    named_as_original = {line.rpartition("/")[2] for _, line in lines if "cohen/" in line}
    assert set(after.loc[untouched, "item_id"][changed]) <= named_as_original


@pytest.mark.parametrize("sign", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["", "{0}", "{0}{0}"])
@pytest.mark.parametrize("start", ["", "sep={0}\r\n"])
def test_what_a_spreadsheet_saves_is_read(tmp_path, sign, end, start):
    lines = ['"Image_ID",decision,field,value,who,when,why', f"{ONE.upper()},Set,Label,Covid,ana,24.6.2020,seen"]
    text = "\r\n".join(line.replace(",", sign) + end.format(sign) for line in [*lines, "," * 6])
    text = start.format(sign) + text
    path = UPath(tmp_path) / "decisions.csv"
    path.write_text(f"\ufeff{text}\r\n", encoding="utf-8")
    (decision,) = read_decisions(path)
    assert (decision.image_id, decision.decision, decision.field, decision.value) == (ONE, "set", "label", "covid")
