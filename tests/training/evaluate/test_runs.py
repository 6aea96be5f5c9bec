"""Means over seeds: Student's interval, the same films on both sides of a difference, one class without a false F1."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp

from training.evaluate.runs import student, summarize_runs

CLASSES = ("normal", "covid")


def runs_of(protocol, run, labels, scores, held_out=None, first=0):
    count = len(labels)
    return pd.DataFrame(
        {
            "run": run,
            "protocol": protocol,
            "held_out": held_out,
            "source": held_out or "a",
            "item_id": [str(first + place) for place in range(count)],
            "label": labels,
            "predicted": ["covid" if score >= 0.5 else "normal" for score in scores],
            "p_normal": 1 - np.array(scores),
            "p_covid": scores,
        }
    )


@pytest.mark.parametrize("count", [2, 3, 10])
def test_the_interval_is_that_of_a_t_test(count):
    values = np.random.default_rng(count).normal(0.8, 0.05, count)
    mean, sd, low, high = student(values)
    expected = ttest_1samp(values, 0).confidence_interval(0.95)
    assert (mean, sd) == (pytest.approx(values.mean()), pytest.approx(values.std(ddof=1)))
    assert (low, high) == pytest.approx((expected.low, expected.high))


def test_a_single_run_has_a_mean_only():
    told = summarize_runs(runs_of("grouped", 0, ["normal", "covid"], [0.1, 0.9]), CLASSES, {})["runs"]["grouped"]
    assert (told["runs"], told["n"], told["n_covid"], told["accuracy"]) == (1, 2, 1, 1.0)
    assert told["accuracy_sd"] is told["accuracy_low"] is told["accuracy_high"] is None


def test_grouped_and_sources_are_compared_on_the_same_films():
    labels = ["normal", "covid", "normal", "covid"]
    grouped = runs_of("grouped", 0, labels, [0.1, 0.9, 0.9, 0.1])
    held_out = runs_of("sources", 0, labels[:2], [0.1, 0.2], held_out="a")
    elsewhere = runs_of("sources", 0, labels, [0.9, 0.1, 0.9, 0.1], held_out="a", first=9)
    told = summarize_runs(pd.concat([grouped, held_out, elsewhere]), CLASSES, {"b": "it has only 3 films"})
    assert told["optimism"]["grouped_minus_sources"]["n"] == 2
    assert told["optimism"]["grouped_minus_sources"]["accuracy"] == 0.5
    assert told["runs"]["sources"]["left_out"] == {"b": "it has only 3 films"}
    assert told["runs"]["sources"]["accuracy"] == pytest.approx(1 / 6, abs=1e-6)


def test_films_of_one_class_have_the_recall_of_that_class_and_no_f1():
    rows = runs_of("sources", 0, ["covid"] * 4, [0.9, 0.9, 0.9, 0.2], held_out="a")
    grouped = runs_of("grouped", 0, ["normal", "covid"], [0.1, 0.9], first=20)
    told = summarize_runs(pd.concat([grouped, rows]), CLASSES, {})["runs"]["sources"]["by_source"]["a"]
    assert (told["accuracy"], told["recall_covid"], told["n_normal"]) == (0.75, 0.75, 0)
    assert not {"f1", "roc_auc", "specificity"} & set(told)
