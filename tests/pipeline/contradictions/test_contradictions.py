"""Contradictions: planted ones are listed with their evidence, consistent films are not, nothing is changed."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from handmade import draw, film, lay_out, options, table
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner
from upath import UPath

from benchmarks.labels import draw_film
from pipeline.cli.main import app
from pipeline.contradictions.evidence import (
    contradicting_ages,
    contradicting_findings,
    contradicting_rows,
    contradicting_sexes,
    contradicting_tests,
    two_labels,
)
from pipeline.contradictions.stage import run
from pipeline.core.layout import Layout
from pipeline.core.own_folder import FolderParams
from pipeline.core.params import ContradictionsParams, ManifestParams, PrepareParams, SplitParams
from pipeline.core.schema import CONFLICTS_SCHEMA, CONTRADICTIONS_SCHEMA
from pipeline.core.tables import row_names
from pipeline.manifest import stage as manifest
from pipeline.prepare import stage as prepare
from pipeline.split import stage as split
from sources.core.storage import read_table, write_table

PICTURE = np.zeros((2, 2), np.uint8)
PARAMS = ContradictionsParams()
OPTIONS = options(contradictions=PARAMS, prepare=PrepareParams(sizes=(64,)))


def rows_of(*rows):
    films = [film(item_id=str(number), picture=PICTURE, **values) for number, values in enumerate(rows)]
    result = table(films)
    return result.assign(film=row_names(result))


def conflict(column, a_value, b_value, similarity=0.9):
    row = dict.fromkeys(CONFLICTS_SCHEMA.names)
    given = {"a_source": "cohen", "a_item_id": "0", "b_source": "nih", "b_item_id": "1", "cluster_id": "c"}
    return {**row, **given, "column": column, "a_value": a_value, "b_value": b_value, "similarity": similarity}


def films_of(result):
    return [entry.film for entry in result]


def stated(*findings):
    """Boxes of (finding, label)."""
    return [{"left": None, "finding": finding, "label": label} for finding, label in findings]


@pytest.mark.parametrize(
    ("boxes", "evidence"),
    [
        (None, None),
        (stated(("Opacity", "cap"), ("Opacity", "cap")), None),
        (stated(("Opacity", "cap"), ("Nodule", None)), None),
        (stated(("Normal", "normal"), (None, None)), None),
        (stated(("Opacity", "cap"), ("Normal", "normal")), "cap ('Opacity'), normal ('Normal')"),
        (stated(("Normal", "normal"), ("Nodule", None), ("Nodule", None)), "normal ('Normal'), 'Nodule'"),
    ],
)
def test_rows_of_one_film_that_disagree_are_listed(boxes, evidence):
    found = [entry.evidence for entry in contradicting_rows(rows_of({"boxes": boxes, "label": None}))]
    assert found == ([] if evidence is None else [f"rows of its source's table disagree: {evidence}"])


@pytest.mark.parametrize(
    ("values", "listed"),
    [
        ({"label": "covid", "rt_pcr": "negative"}, True),
        ({"label": None, "finding": "COVID-19", "rt_pcr": "negative"}, True),
        ({"label": "cap", "rt_pcr": "positive"}, True),
        ({"label": "covid", "rt_pcr": "positive"}, False),
        ({"label": "covid", "rt_pcr": None}, False),
        ({"label": "cap", "rt_pcr": "negative"}, False),
        ({"label": "normal", "rt_pcr": "positive"}, False),
        ({"label": None, "finding": None, "rt_pcr": "negative"}, False),
    ],
    ids=str,
)
def test_a_label_against_the_rt_pcr_of_its_source_is_listed(values, listed):
    assert films_of(contradicting_tests(rows_of(values))) == ["cohen/0"] * listed


def test_the_rt_pcr_of_a_copy_counts_where_the_film_has_none():
    copy = {"label": None, "cluster_id": "c", "rt_pcr": "negative"}
    (result,) = contradicting_tests(rows_of({"label": "covid", "cluster_id": "c"}, copy, {"label": "covid"}))
    assert (result.film, result.other) == ("cohen/0", "cohen/1")
    assert result.evidence == "labeled covid, but RT-PCR negative for its copy cohen/1"


@pytest.mark.parametrize(
    ("label", "finding", "suggested"),
    [
        ("covid", "No Finding", "normal"),
        ("covid", "Pneumonia/Bacterial/Streptococcus", "cap"),
        ("covid", "Tuberculosis", "other"),
        ("normal", "COVID-19", "covid"),
        ("cap", "Pneumonia/Viral/COVID-19", "covid"),
        ("cap", "Tuberculosis", "other"),
        ("covid", "COVID-19, no abnormality seen", "normal"),
        ("cap", "Atelectasis|Infiltration", None),
        ("cap", "Consolidation", None),
        ("covid", "COVID-19, ARDS", None),
        ("normal", "No Finding", None),
        ("covid", "todo", None),
        ("covid", None, None),
        (None, "COVID-19", None),
    ],
)
def test_a_finding_that_means_another_label_is_listed(label, finding, suggested):
    result = list(contradicting_findings(rows_of({"label": label, "finding": finding})))
    assert [entry.suggested for entry in result] == ([suggested] if suggested else [])
    assert all(repr(finding) in entry.evidence for entry in result)


@pytest.mark.parametrize(
    ("source", "label", "finding", "is_listed"),
    [
        ("ward", "covid", "Viral Pneumonia", False),
        ("ward", "covid", "viral pneumonia ", False),
        ("ward", "covid", "Pneumonia", True),  # the folder does not map this word
        ("ward", "normal", "Viral Pneumonia", True),  # the label has another origin
        ("ward", "covid", "Viral Pneumonia | Pneumonia", True),
        ("other_ward", "covid", "Viral Pneumonia", True),
        ("nih", "covid", "Viral Pneumonia", True),
    ],
)
def test_a_word_that_the_profile_maps_is_settled(source, label, finding, is_listed):
    ward = FolderParams(name="ward", path="/w", labels={"Viral Pneumonia": "covid"})
    folders = (ward, FolderParams(name="other_ward", path="/o"))
    rows = rows_of({"source": source, "label": label, "finding": finding})
    assert bool(list(contradicting_findings(rows, folders))) == is_listed


def test_a_long_finding_is_quoted_in_part():
    (result,) = contradicting_findings(rows_of({"label": "normal", "finding": "COVID-19 " + "x" * 5000}))
    assert len(result.evidence) < 300


def test_both_films_of_a_pair_with_two_labels_are_listed():
    conflicts = pd.DataFrame([conflict("label", "covid", "normal"), conflict("view", "PA", "AP")])
    first, second = two_labels(conflicts)
    assert (first.film, first.suggested, first.other, first.score) == ("cohen/0", "normal", "nih/1", 0.9)
    assert (second.film, second.suggested, second.other, second.score) == ("nih/1", "covid", "cohen/0", 0.9)
    assert second.evidence == "its copy cohen/0 is labeled covid"


def test_copies_linked_through_others_have_no_score():
    assert [entry.score for entry in two_labels(pd.DataFrame([conflict("label", "cap", "covid", None)]))] == [None] * 2


@pytest.mark.parametrize(
    ("first", "second", "listed"),
    [
        ((70.0, 0.0), (70.0, 12.0), False),
        ((70.0, 0.0), (71.0, 360.0), False),
        ((70.0, 0.0), (60.0, -3652.0), False),
        ((70.0, 0.0), (45.0, 3.0), True),
        ((70.0, 0.0), (70.0, 3652.0), True),
        ((70.0, 3652.0), (80.0, 0.0), True),
        ((50.0, None), (60.0, None), False),
        ((50.0, None), (80.0, None), True),
        ((50.0, 3.0), (60.0, None), False),
    ],
)
def test_ages_must_fit_the_days_between_the_films(first, second, listed):
    films = [{"patient_id": "p", "age": age, "offset_days": day} for age, day in (first, second)]
    assert films_of(contradicting_ages(rows_of(*films), PARAMS)) == ["cohen/0", "cohen/1"] * listed


def test_days_of_two_sources_are_not_compared_but_copies_have_one_age():
    rows = rows_of(
        {"patient_key": "p", "age": 50.0, "offset_days": 0.0},
        {"patient_key": "p", "age": 56.0, "offset_days": 0.0, "source": "sirm"},
    )
    assert list(contradicting_ages(rows, PARAMS)) == []
    assert len(list(contradicting_ages(rows.assign(cluster_id="c"), PARAMS))) == 2


def test_of_several_ages_the_one_that_differs_is_listed():
    films = [{"patient_id": "p", "age": age, "offset_days": float(day)} for day, age in enumerate([61, 61, 16, 62])]
    (result,) = contradicting_ages(rows_of(*films), PARAMS)
    assert (result.film, result.score, result.other) == ("cohen/2", 1.0, "cohen/0")
    assert result.evidence == "age 16 on day 2, but age 61 on day 0 for cohen/0 of the same patient (p)"


def test_of_several_sexes_the_one_that_differs_is_listed():
    films = [{"patient_id": "p", "sex": sex} for sex in ("F", "F", "M", None)] + [{"patient_id": "q", "sex": "M"}]
    (result,) = contradicting_sexes(rows_of(*films))
    assert (result.film, result.score) == ("cohen/2", 1.0)
    assert result.evidence == "sex M, but sex F for cohen/0 of the same patient (p)"


def test_patients_linked_through_duplicates_are_one_patient():
    linked = [{"patient_id": f"p{number}", "patient_key": "p0", "sex": sex} for number, sex in enumerate("FM")]
    assert films_of(contradicting_sexes(rows_of(*linked))) == ["cohen/0", "cohen/1"]
    apart = [{**row, "patient_key": None} for row in linked]
    assert list(contradicting_sexes(rows_of(*apart))) == []


@given(st.lists(st.sampled_from(["F", "M"]), min_size=1, max_size=9))
@settings(deadline=None, max_examples=40)
def test_every_conflict_of_a_patient_is_listed_and_only_where_there_is_one(sexes):
    result = list(contradicting_sexes(rows_of(*({"patient_id": "p", "sex": sex} for sex in sexes))))
    assert bool(result) == (len(set(sexes)) == 2)
    listed_sexes = {sexes[int(entry.film.split("/")[1])] for entry in result}
    fewest = min(sexes.count("F"), sexes.count("M"))
    assert listed_sexes == ({sex for sex in "FM" if sexes.count(sex) == fewest} if result else set())


WRONG = ("nih", "007")  # drawn as normal, labeled covid


def planted_films():
    """150 synthetic films of 75 patients; all labels but one are right."""
    rows = []
    for number in range(150):
        truth = ("normal", "cap", "covid")[number // 2 % 3]
        label = "covid" if ("nih", f"{number:03d}") == WRONG else truth
        values = {"label": label, "patient_id": f"p{number // 2}", "sex": "FM"[number // 2 % 2]}
        rows.append(film("nih", f"{number:03d}", draw_film(truth, number), **values))
    rows[20]["sex"] = "M" if rows[20]["sex"] == "F" else "F"
    return rows


def laid_out(root, rows, conflicts=()):
    layout = Layout.at(UPath(root))
    lay_out(layout, rows, through="harmonise", shard_rows=50)
    manifest.run(layout, options(manifest=ManifestParams()))
    split.run(layout, options(split=SplitParams()))
    prepare.run(layout, options(prepare=PrepareParams()), None, "64")
    write_table(layout.conflicts, pd.DataFrame(list(conflicts), columns=CONFLICTS_SCHEMA.names), CONFLICTS_SCHEMA)
    return layout


def test_a_planted_wrong_label_is_listed_with_the_right_one(tmp_path):
    assert planted_films()[7]["label"] == "covid"
    layout = laid_out(tmp_path, planted_films())
    run(layout, OPTIONS)
    result = read_table(layout.contradictions)
    listed = result[result["kind"] == "model"].sort_values("score", ascending=False)
    planted = listed[listed["item_id"] == WRONG[1]].iloc[0]
    assert (planted["label"], planted["suggested"]) == ("covid", "normal")
    assert planted["evidence"].startswith("a classifier trained without this patient predicts normal 0.")
    assert planted["score"] == pytest.approx(1 - float(planted["evidence"].split("covid ")[1]), abs=0.006)
    assert len(listed) <= 4


def test_the_table_has_its_schema_and_is_sorted_and_the_same_again_and_the_manifest_is_untouched(tmp_path):
    layout = laid_out(
        tmp_path, planted_films(), [{**conflict("label", "covid", "normal"), "a_source": "nih", "a_item_id": "001"}]
    )
    before = (layout.manifest / "manifest.parquet").read_bytes()
    summary = str(run(layout, OPTIONS))
    first = layout.contradictions.read_bytes()
    assert str(run(layout, OPTIONS)) == summary
    assert layout.contradictions.read_bytes() == first
    assert (layout.manifest / "manifest.parquet").read_bytes() == before
    result = read_table(layout.contradictions)
    assert result.columns.tolist() == CONTRADICTIONS_SCHEMA.names
    assert result["item_id"].is_monotonic_increasing
    assert {"model", "sex", "two_labels"} == set(result["kind"])
    assert result[["image_id", "label", "status", "evidence"]].notna().all(axis=None)
    assert "sex 2" in summary


def test_a_label_that_a_person_set_is_not_listed(tmp_path):
    rows = [{**row, "rt_pcr": "negative"} if row["item_id"] in ("004", "005") else row for row in planted_films()]
    layout = laid_out(tmp_path, rows)
    image_id = hashlib.sha256(b"nih/004").hexdigest()
    layout.decisions.parent.mkdir(parents=True)
    header = "image_id,decision,field,value,who,when,why\n"
    layout.decisions.write_text(f"{header}{image_id},set,label,covid,ana,2020-06-24,later test positive\n")
    run(layout, OPTIONS)
    result = read_table(layout.contradictions)
    assert result.loc[result["kind"] == "rt_pcr", "item_id"].tolist() == ["005"]


@pytest.mark.parametrize("count", [0, 3])
def test_too_few_films_give_an_empty_list_and_a_warning(tmp_path, caplog, count):
    layout = laid_out(tmp_path, [film("nih", f"{number}", draw(number), label="normal") for number in range(count)])
    assert str(run(layout, OPTIONS)) == "0 contradictions on 0 films"
    assert "needs two labels" in caplog.text
    assert len(read_table(layout.contradictions)) == 0


def test_the_command_takes_its_options_from_the_profile(tmp_path):
    layout = laid_out(tmp_path, [film("cohen", f"{number}", draw(number), rt_pcr="negative") for number in range(3)])
    profile = tmp_path / "params.yaml"
    profile.write_text("profile: test\nprepare: {sizes: [96, 64]}\n")
    answer = CliRunner().invoke(app, ["contradictions", "--params", str(profile), "--root", str(tmp_path)])
    assert answer.exit_code == 0, answer.output
    assert "contradictions: 3 contradictions on 3 films (rt_pcr 3), " in answer.output
    assert len(read_table(layout.contradictions)) == 3
