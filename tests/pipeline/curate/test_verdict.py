"""The verdict: what is counted, and the few lines that say it."""

import pandas as pd
import pytest
from handmade import film, lay_out, options

from pipeline.core.layout import Layout
from pipeline.core.params import ManifestParams, SplitParams
from pipeline.core.schema import CONFLICTS_SCHEMA, CONTRADICTIONS_SCHEMA
from pipeline.curate.verdict import read_verdict, verdict_lines
from pipeline.manifest import stage as manifest
from pipeline.split import stage as split
from sources.core.storage import write_table


def verdict_on(root, films, contradictions=(), conflicts=()):
    layout = Layout.at(root)
    lay_out(layout, films, through="harmonise")
    manifest.run(layout, options(manifest=ManifestParams(labels=("any",))))
    split.run(layout, options(split=SplitParams()))
    empty = dict.fromkeys(CONTRADICTIONS_SCHEMA.names)
    rows = [empty | {"source": "own", "item_id": name, "kind": kind, "evidence": "e"} for name, kind in contradictions]
    table = pd.DataFrame(rows, columns=CONTRADICTIONS_SCHEMA.names)
    write_table(layout.contradictions, table, CONTRADICTIONS_SCHEMA)
    table = pd.DataFrame([pair(*conflict) for conflict in conflicts], columns=CONFLICTS_SCHEMA.names)
    write_table(layout.conflicts, table, CONFLICTS_SCHEMA)
    return read_verdict(layout)


def pair(column, one, other):
    """Two copies that disagree about a column."""
    films = {"a_source": "own", "a_item_id": one, "b_source": "own", "b_item_id": other}
    return dict.fromkeys(CONFLICTS_SCHEMA.names) | films | {"column": column}


def test_everything_is_counted_and_told(tmp_path):
    left_out = [
        ("gone", {"excluded_by": "fetch", "reason": "HTTP 404", "image": None}),
        ("text", {"excluded_by": "ingest", "reason": "damaged: no end", "image": None}),
        ("copy", {"excluded_by": "dedupe", "reason": "duplicate of own/a", "duplicate_kind": "resized"}),
        ("side", {"excluded_by": "views", "reason": "lateral film (picture, 0.99)"}),
        ("foot", {"excluded_by": "views", "reason": "not a chest film (picture, 0.99)"}),
    ]
    films = [film("own", name, **values) for name, values in left_out]
    films += [film("own", "a", patient_id="p", patient_key="p", flags=["text", "mirrored"])]
    films += [film("own", f"b{number}", label=None, flags=["text"] * (number == 0)) for number in range(3)]
    verdict = verdict_on(tmp_path, films, [("a", "model"), ("a", "age"), ("b0", "model")])
    assert verdict.numbers() | {"warning": "", "splits": {}, "balance_warning": ""} == {
        "listed": 9,
        "kept": 4,
        "labels": {"covid": 1, "unlabeled": 3},
        "flagged": 2,
        "flags": {"text": 2, "mirrored": 1},
        "excluded": {
            "fetch": {"HTTP 404": 1},
            "ingest": {"damaged": 1},
            "dedupe": {"resized": 1},
            "views": {"lateral film": 1, "not a chest film": 1},
        },
        "suspicious": 2,
        "evidence": {"model": 2, "age": 1},
        "patients": 1,
        "unknown_patients": 3,
        "splits": {},
        "conflicts": {},
        "warning": "",
        "label_warning": None,
        "balance_warning": "",
        "patient_warning": None,
    }
    assert list(verdict_lines(verdict)) == [
        "4 of 9 images are kept (covid 1, unlabeled 3).",
        "  1 left out: the file cannot be read (HTTP 404 1)",
        "  1 left out: no usable picture (damaged 1)",
        "  1 left out: copies of kept films (resized 1)",
        "  2 left out: no frontal chest films (lateral film 1, not a chest film 1)",
        "  2 kept with quality flags (text 2, mirrored 1)",
        "  2 with a suspicious label, age or sex (model 2, age 1)",
        f"  CAUTION: {verdict.warning}",
        f"  CAUTION: {verdict.balance_warning}",
    ]
    assert "The patients of 3 of 4 films are unknown" in verdict.warning


@pytest.mark.parametrize("kept", [0, 3])
def test_known_patients_are_told_and_nothing_is_told_of_nothing(tmp_path, kept):
    films = [film("own", f"a{number}", patient_key=f"p{number}") for number in range(kept)]
    films += [film("own", "x", excluded_by="views", reason="lateral film")]
    verdict = verdict_on(tmp_path, films)
    lines = [line for line in verdict_lines(verdict) if line != f"  CAUTION: {verdict.balance_warning}"]
    assert lines[0] == ("3 of 4 images are kept (covid 3)." if kept else "0 of 1 image is kept.")
    assert any("the patients of all kept films are known: 3 patients, each in one split" in line for line in lines) == (
        kept == 3
    )
    assert len(lines) == (3 if kept else 2)


@pytest.mark.parametrize(
    ("tables", "label", "is_warned"),
    [(["t.csv"], None, True), ([], None, False), (["t.csv"], "covid", False)],
)
def test_a_table_without_a_label_for_any_film_is_a_caution(tmp_path, tables, label, is_warned):
    verdict_on(tmp_path, [film("own", "a", label=label, patient_key="p")])
    verdict = read_verdict(Layout.at(tmp_path), tables)
    cautions = [line for line in verdict_lines(verdict) if "CAUTION: No kept film has a label" in line]
    assert len(cautions) == is_warned
    assert all("(t.csv)" in line for line in cautions)


def test_copies_that_belong_to_two_patients_are_named(tmp_path):
    films = [film("own", name, patient_id="p", patient_key="p") for name in "abcdef"]
    conflicts = [("patient_id", "a", f"{name}.png") for name in "bcdef"] + [("age", "a", "b.png")]
    verdict = verdict_on(tmp_path, films, conflicts=conflicts)
    assert verdict.conflicts == {"patient": 5, "age": 1}
    lines = list(verdict_lines(verdict))
    assert "  6 disagreements between copies of one exposure (patient 5, age 1)" in lines
    caution = next(line for line in lines if "two patients" in line)
    assert caution.startswith(
        "  CAUTION: 5 pairs of films show one exposure each, but have two patients: own/a and own/b.png"
    )
    assert "own/d.png; 2 more. One of" in caution
    one = verdict_on(tmp_path / "one", films, conflicts=conflicts[:1]).patient_warning
    assert one.startswith("1 pair of films shows one exposure, but has two patients: own/a and own/b.png. One of")


def test_of_many_reasons_the_first_are_named(tmp_path):
    films = [film("own", f"x{n}{m}", excluded_by="views", reason=f"reason {n}") for n in range(6) for m in range(7 - n)]
    line = list(verdict_lines(verdict_on(tmp_path, films)))[1]
    assert line == "  27 left out: no frontal chest films (reason 0 7, reason 1 6, reason 2 5, reason 3 4, 2 more)"
