"""The shortcut audit reads what was planted, nothing else, and says so in words."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from synthetic_arrays import SIZE, put_arrays
from typer.testing import CliRunner

from pipeline.audit.changes import changes, read_audit
from pipeline.audit.content import audit
from pipeline.audit.links import cramers_v, link, remedies
from pipeline.audit.probes import Scores, _area, probe
from pipeline.audit.sights import SIGHTS
from pipeline.cli.main import app
from pipeline.core.layout import Layout
from pipeline.prepare.arrays import read_arrays
from pipeline.report.audit import audited
from sources.core.errors import CxnetError

FILMS = 160


def films(frame=None, bright=None, seed=0):
    """Noise films of two labels and two sources; covid films may have a bright frame, or be brighter as a whole."""
    rng = np.random.default_rng(seed)
    labels = np.where(np.arange(FILMS) % 2, "covid", "normal").astype(object)
    images = rng.integers(60, 120, (FILMS, SIZE, SIZE, 3)).astype(np.uint8)
    for place in np.flatnonzero(labels == "covid"):
        if frame:
            images[place, :6] = images[place, -6:] = 250
        if bright:
            images[place] += 60
    rows = pd.DataFrame(
        {
            "source": np.where(rng.random(FILMS) < 0.5, "cohen", "nih"),
            "item_id": [f"{number:03d}" for number in range(FILMS)],
            "image_id": [f"{number:064x}" for number in range(FILMS)],
            "label": labels,
            "group_id": [f"p{number // 2}" for number in rng.permutation(FILMS)],
            "split": "train",
            "fold": 0,
            "redistributable": False,
            **dict.fromkeys(("view", "age", "sex", "pediatric", "patient_key", "lung_reason", "licence")),
        }
    )
    return rows, images


def audited_films(folder, **planted):
    rows, images = films(**planted)
    layout = put_arrays(Layout.at(folder), rows, images)
    arrays = read_arrays(layout, str(SIZE))
    table = arrays.rows[["source", "item_id", "group_id", "label"]].assign(
        view="PA", age=50.0, sex="F", width=1000, height=900, bit_depth=8, format="PNG", file_size=9000, is_color=False
    )
    return audit({str(SIZE): (arrays, table)}, seed=3)


def auc(content, target, sight):
    return next(
        (each["auc"]["value"] for each in content["readings"] if (each["target"], each["sight"]) == (target, sight)),
        None,
    )


def test_a_frame_is_read_off_the_border_and_not_off_the_file(tmp_path):
    content, scores = audited_films(tmp_path, frame=True)
    assert auc(content, "label", "border") > 0.99
    assert auc(content, "label", "file, no pixel") == 0.5
    assert auc(content, "source", "border") < 0.7
    assert any("read off the border" in verdict["says"] for verdict in content["verdicts"])
    assert all(verdict["does_not"] for verdict in content["verdicts"])
    assert set(scores["sight"]) == set(SIGHTS)
    assert (scores.groupby(["target", "sight"]).size() == FILMS).all()


def test_brightness_is_read_off_the_histogram(tmp_path):
    content, _ = audited_films(tmp_path, bright=True)
    assert auc(content, "label", "histogram") > 0.99
    assert auc(content, "label", "mask shape") < 0.7


def test_nothing_is_read_where_nothing_was_planted_and_the_controls_hold(tmp_path):
    content, _ = audited_films(tmp_path)
    assert all(0.25 < each["auc"]["value"] < 0.75 for each in content["readings"])
    assert content["controls"]["planted marker"]["value"] > 0.95
    low, high = (content["controls"]["shuffled labels"][name] for name in ("low", "high"))
    assert low < 0.6 and high > 0.4


@given(st.data())
def test_the_area_is_that_of_scikit_learn_with_ties_and_weights(data):
    count = data.draw(st.integers(2, 40))
    actual = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    scores = np.array(data.draw(st.lists(st.integers(0, 5), min_size=count, max_size=count)), float)
    weights = np.array(data.draw(st.lists(st.integers(0, 3), min_size=count, max_size=count)), float)
    area, pairs = _area(actual, scores, weights)
    if weights[actual].sum() and weights[~actual].sum():
        assert area == pytest.approx(roc_auc_score(actual, scores, sample_weight=weights))
    else:
        assert pairs == 0


def test_within_a_kind_only_its_films_are_compared():
    """The kind alone orders the scores: nothing is left within."""
    kinds = np.repeat([0, 1], 50)
    actual = np.r_[np.zeros(45), np.ones(5), np.zeros(5), np.ones(45)].astype(int)
    scores = np.stack([1.0 - kinds, kinds], axis=1).astype(float)
    found = Scores(np.arange(100), actual, scores, np.arange(100), ["a", "b"])
    assert found.auc(0).value == 0.9
    assert found.auc(0, kinds).value == 0.5


def test_values_with_few_films_are_left_out_and_one_value_is_no_question():
    features = np.random.default_rng(0).random((100, 5), np.float32)
    values = ["a"] * 50 + ["b"] * 45 + ["c"] * 5
    assert probe(features, values, np.arange(100), 0).values == ["a", "b"]
    assert probe(features, ["a"] * 95 + [None] * 5, np.arange(100), 0) is None
    assert probe(features, ["a"] * 50 + ["b"] * 50, np.repeat([0, 1], 50), 0) is None  # two patients only


def test_cramers_v_is_zero_for_unrelated_and_one_for_equal_columns():
    independent = pd.DataFrame([[50, 50], [50, 50]])
    assert cramers_v(independent) == 0
    assert cramers_v(pd.DataFrame([[70, 0], [0, 70]])) == pytest.approx(1, abs=0.01)
    assert cramers_v(pd.DataFrame([[3]])) == 0


def test_a_link_says_what_guessing_by_it_gives_and_a_remedy_what_to_do():
    sources = pd.Series(["a"] * 60 + ["b"] * 40)
    labels = pd.Series(["covid"] * 60 + ["normal"] * 30 + ["covid"] * 10)
    found = link("source", sources, labels)
    assert (found.guessed, found.chance, found.determined) == (0.9, 0.7, 0.6)
    (remedy,) = remedies(sources, labels)
    assert (remedy.source, remedy.films, remedy.label) == ("a", 60, "covid")
    assert "add films of a that are normal" in remedy.advice
    assert link("view", pd.Series(["PA"] * 100), labels) is None


def test_two_audits_are_compared_probe_by_probe(tmp_path):
    before, _ = audited_films(tmp_path / "one")
    after, _ = audited_films(tmp_path / "two", frame=True)
    rows = changes(before, after)
    assert len(rows) == len(after["readings"])
    assert rows[0][0] == "label" and rows[0][-1] > 0.3
    assert all(row[-1] == 0 for row in changes(after, after))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"readings": [3]}'])
def test_a_damaged_audit_is_one_sentence(tmp_path, content):
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "audit.json").write_text(content)
    with pytest.raises(CxnetError, match=r"audit\.json is not readable"):
        read_audit(Layout.at(tmp_path).root)
    with pytest.raises(CxnetError, match=r"audit\.json is not readable"):
        audited(Layout.at(tmp_path))


def test_the_report_shows_verdicts_readings_and_remedies(tmp_path):
    content, _ = audited_films(tmp_path, frame=True)
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "audit.json").write_text(json.dumps(content))
    found = audited(Layout.at(tmp_path))
    assert found.readings.columns == ("the probe sees", "label", "source")
    assert len(found.readings.rows) == len(SIGHTS)
    assert any("border" in says for says, _ in found.verdicts)


def test_without_an_audit_the_command_says_how_to_make_one(tmp_path):
    result = CliRunner().invoke(app, ["audit", "--against", str(tmp_path), "--root", str(tmp_path)])
    assert "`cxnet-data audit` makes one" in str(result.exception)
