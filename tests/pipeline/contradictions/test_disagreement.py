"""The classifier of labels: trained without a film's group, silent on rare labels, good at finding planted errors."""

import logging

import numpy as np
import pandas as pd
import pytest

from benchmarks.labels import plant, plant_and_predict, synthetic_films
from pipeline.contradictions import disagreement
from pipeline.contradictions.disagreement import FEW_FILMS, LEAD, cross_validate, features


def series(values):
    return pd.Series(list(values), dtype=object)


def test_planted_wrong_labels_are_found_and_few_others():
    counts = plant_and_predict(synthetic_films(240), 0.06, seed=0)
    assert counts["recall"] >= 0.6
    assert counts["precision"] >= 0.8


def test_right_labels_are_rarely_listed():
    films = synthetic_films(240)
    assert cross_validate(films.images, films.labels, films.groups, 5, 18).suspicious.sum() <= 5


def test_a_film_is_never_predicted_from_its_own_group():
    # all films of a patient are the same random picture: its own group gives the label away, other groups do not
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (64, 64, 3)).astype(np.uint8) for _ in range(40)]
    images = np.stack([picture for picture in pictures for _ in range(3)])
    labels = series(label for _ in pictures for label in [rng.choice(["covid", "normal"])] * 3)
    patients = series(f"p{number}" for number in range(40) for _ in range(3))
    apart = cross_validate(images, labels, patients, 5, 18)
    leaking = cross_validate(images, labels, series(f"f{number}" for number in range(120)), 5, 18)
    assert _right(apart, labels) < 0.7
    assert _right(leaking, labels) > 0.9


def _right(predictions, labels):
    return np.mean(np.array(predictions.classes)[predictions.probabilities.argmax(axis=1)] == labels.to_numpy())


def test_a_label_of_one_patient_is_not_predicted(caplog):
    films = synthetic_films(90)
    labels = films.labels.copy()
    labels[films.groups == "p000"] = "other"
    with caplog.at_level(logging.WARNING):
        predictions = cross_validate(films.images, labels, films.groups, 5, 18)
    assert predictions.classes == ["cap", "covid", "normal"]
    assert np.isnan(predictions.probabilities[:3]).all()
    assert not predictions.suspicious[:3].any()
    assert np.isfinite(predictions.probabilities[3:]).all()
    assert "not cross-validated: other" in caplog.text


def test_films_without_a_label_take_no_part(caplog):
    films = synthetic_films(90)
    labels = films.labels.copy()
    labels[10:20] = None
    predictions = cross_validate(films.images, labels, films.groups, 5, 18)
    assert predictions.classes == ["cap", "covid", "normal"]
    assert np.isnan(predictions.probabilities[10:20]).all()
    assert np.isfinite(np.delete(predictions.probabilities, slice(10, 20), axis=0)).all()
    assert not predictions.suspicious[10:20].any()
    unlabeled = cross_validate(films.images, series([None] * len(labels)), films.groups, 5, 18)
    assert (unlabeled.classes, unlabeled.suspicious.any()) == ([], False)
    assert "needs two labels" in caplog.text


@pytest.mark.parametrize("count", [12, 18])
def test_a_handful_of_films_is_predicted_with_fewer_folds(count):
    films = synthetic_films(count)
    predictions = cross_validate(films.images, films.labels, films.groups, 5, 18)
    assert np.allclose(
        predictions.probabilities[np.isfinite(predictions.probabilities).all(axis=1)].sum(axis=1), 1, atol=1e-3
    )


def test_a_sample_of_a_large_collection_is_enough_to_learn_from(monkeypatch):
    films = synthetic_films(240)
    whole = cross_validate(films.images, films.labels, films.groups, 5, 18)
    monkeypatch.setattr(disagreement, "MOST_TRAINED", 40)
    share = cross_validate(films.images, films.labels, films.groups, 5, 18)
    again = cross_validate(films.images, films.labels, films.groups, 5, 18)
    assert not np.array_equal(share.probabilities, whole.probabilities)
    assert np.array_equal(share.probabilities, again.probabilities)
    assert np.isfinite(share.probabilities).all()
    assert _right(share, films.labels) > 0.8


def test_even_and_black_films_have_finite_features():
    rows = features([np.full((64, 64, 3), tone, np.uint8) for tone in (0, 128, 255)], 3)
    assert np.isfinite(rows).all()
    assert rows.dtype == np.float32


def test_planting_changes_the_given_share_of_labels():
    labels = series(["a", "b", "c"] * 20)
    planted_labels, planted = plant(labels, 0.1, seed=3)
    assert planted.sum() == 6
    assert ((planted_labels != labels).to_numpy() == planted).all()


@pytest.mark.parametrize(("lead", "listed"), [(0.0, False), (LEAD - 0.01, False), (LEAD, True), (0.4, True)])
def test_only_a_clear_lead_of_another_label_contradicts(monkeypatch, lead, listed):
    # 60 films of two labels that are predicted right and surely, and one whose given label is less likely by `lead`
    given = np.array([0] * 30 + [1] * 30 + [0])
    probabilities = np.where(np.eye(2)[given] == 1, 0.9, 0.1)
    probabilities[-1] = [0.5 - lead / 2, 0.5 + lead / 2]
    monkeypatch.setattr("cleanlab.filter.find_label_issues", lambda given, *_, **__: np.arange(len(given)) == 60)
    assert disagreement._likely_errors(given, probabilities).tolist() == [False] * 60 + [listed]


@pytest.mark.parametrize("kept", [FEW_FILMS - 1, FEW_FILMS])
def test_a_label_of_few_films_neither_contradicts_nor_is_contradicted(monkeypatch, caplog, kept):
    films = synthetic_films(240)
    places = np.flatnonzero(films.labels == "cap")[:kept].tolist() + np.flatnonzero(films.labels != "cap").tolist()
    images, labels, groups = films.images[places], films.labels.iloc[places], films.groups.iloc[places]
    monkeypatch.setattr(disagreement, "_likely_errors", lambda given, _: np.ones(len(given), bool))
    with caplog.at_level(logging.WARNING):
        predictions = cross_validate(images, labels, groups, 5, 18)
    predicted = np.array(predictions.classes)[predictions.probabilities.argmax(axis=1)]
    is_cap = (labels == "cap").to_numpy() | (predicted == "cap")
    assert predictions.suspicious[~is_cap].all()
    assert predictions.suspicious[is_cap].all() == (kept >= FEW_FILMS)
    assert predictions.suspicious[is_cap].any() == (kept >= FEW_FILMS)
    assert ("fewer than 20 films: cap" in caplog.text) == (kept < FEW_FILMS)
