"""Films are divided into groups, and each group is measured as if it were alone."""

import numpy as np
import pandas as pd
import pytest

from training.evaluate.metrics import Predictions, measure_performance
from training.evaluate.subgroups import SMALL, measure_subgroups


@pytest.fixture(scope="module")
def films():
    rows = pd.DataFrame(
        {
            "source": ["a"] * 40 + ["b"] * 12,
            "view": ["PA", "AP"] * 26,
            "sex": pd.array(["F", None] * 26, "string"),
            "age": pd.array([0.5, 17.9, 18, 39, 40, 60, 80, 101, None, 59, 79, 2, 33] * 4, "Float64"),
            "pediatric": pd.array([True, False, None, False] * 13, "boolean"),
        }
    )
    rng = np.random.default_rng(0)
    actual, scores = np.arange(52) % 4 // 2, rng.random(52)
    probabilities = np.stack([1 - scores, scores], axis=1)
    predictions = Predictions(
        actual, (scores > 0.5).astype(int), probabilities, np.arange(52) // 2, ("normal", "covid")
    )
    return rows, predictions, measure_subgroups(rows, predictions, 0)


def test_every_film_is_in_one_group_of_each_kind(films):
    groups = films[2].groupby("by", sort=False)["group"].apply(list).to_dict()
    assert groups == {
        "source": ["a", "b"],
        "view": ["AP", "PA"],
        "sex": ["F", "unknown"],
        "age": ["0 to 17", "18 to 39", "40 to 59", "60 to 79", "80 and more", "unknown"],
        "children": ["adult", "child", "unknown"],
    }
    assert set(films[2].groupby("by")["n"].sum()) == {52}


def test_ages_are_divided_at_birthdays(films):
    ages = films[2][films[2]["by"] == "age"].set_index("group")["n"]
    assert ages.to_dict() == {
        "0 to 17": 12,
        "18 to 39": 12,
        "40 to 59": 8,
        "60 to 79": 8,
        "80 and more": 8,
        "unknown": 4,
    }


def test_few_films_are_marked(films):
    table = films[2]
    assert (table["small"] == (table["n"] < SMALL)).all()
    assert table.set_index(["by", "group"])["small"][("source", "a")] == False  # noqa: E712
    assert table.set_index(["by", "group"])["small"][("source", "b")] == True  # noqa: E712


def test_a_group_is_measured_as_if_it_were_alone(films):
    rows, predictions, table = films
    alone = rows["source"] == "b"
    expected = measure_performance(
        Predictions(
            predictions.actual[alone],
            predictions.predicted[alone],
            predictions.probabilities[alone],
            predictions.groups[alone],
            predictions.classes,
        ),
        0,
    )
    row = table.set_index(["by", "group"]).loc[("source", "b")]
    assert (row["n"], row["patients"]) == (12, 6)
    for name in ("accuracy", "roc_auc"):
        each = expected.metrics[name]
        assert (row[name], row[f"{name}_low"], row[f"{name}_high"]) == (each.value, each.low, each.high)
