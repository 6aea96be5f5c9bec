"""Repeats and protocols: the kept model is that of a single run, and the other runs leave predictions and intervals."""

import json

import numpy as np
import pytest
from pydantic import ValidationError
from synthetic_arrays import SIZE, profile, put_arrays, write_arrays

from pipeline.prepare.arrays import read_arrays
from sources.core.storage import read_table
from training.core.model_file import load_model
from training.evaluate import stage as evaluate
from training.train import stage as train

SEVERAL = {"repeats": 2, "protocols": ("grouped", "paper", "sources"), "epochs": 2}


def arrays_from(root):
    """Films of two sources, one of which has normal films only."""
    layout = write_arrays(root, per_class=50)
    arrays = read_arrays(layout, str(SIZE))
    sources = [
        "one_class" if label == "normal" and place % 2 else "both" for place, label in enumerate(arrays.rows["label"])
    ]
    put_arrays(layout, arrays.rows.assign(source=sources), np.array(arrays.images))
    return layout


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """A layout with an experiment of several runs, trained and evaluated."""
    layout = arrays_from(tmp_path_factory.mktemp("several"))
    train.run(layout, profile(**SEVERAL), "tiny")
    evaluate.run(layout, profile(**SEVERAL), "tiny")
    return layout


def kept(layout):
    return load_model(layout.model("tiny") / "model.keras")[0].get_weights()


def told(layout):
    return json.loads((layout.report("tiny") / "metrics.json").read_text())


def test_the_kept_model_is_that_of_a_single_run(several, tmp_path):
    alone = arrays_from(tmp_path)
    train.run(alone, profile(epochs=2), "tiny")
    assert all((one == other).all() for one, other in zip(kept(alone), kept(several), strict=True))
    assert not (alone.model("tiny") / "runs.parquet").exists()


def test_every_run_predicts_its_test_films(several):
    runs = read_table(several.model("tiny") / "runs.parquet")
    sizes = runs.groupby(["run", "seed", "protocol", "held_out"], dropna=False).size()
    assert {key[:3]: count for key, count in sizes.items()} == {
        (run, 18 + run, protocol): count
        for run in range(2)
        for protocol, count in {"grouped": 20, "paper": 20, "sources": 25}.items()
    }
    first = runs[(runs["protocol"] == "grouped") & (runs["run"] == 0)].set_index("item_id")["p_covid"]
    second = runs[(runs["protocol"] == "grouped") & (runs["run"] == 1)].set_index("item_id")["p_covid"]
    kept_ones = read_table(several.report("tiny") / "predictions.parquet").set_index("item_id")["p_covid"]
    np.testing.assert_allclose(first, kept_ones[first.index], atol=1e-6)
    assert (first != second).any()


def test_metrics_tell_means_over_seeds_and_what_each_division_adds(several):
    runs, optimism = told(several)["runs"], told(several)["optimism"]
    assert runs["grouped"]["runs"] == 2
    assert runs["grouped"]["accuracy_low"] <= runs["grouped"]["accuracy"] <= runs["grouped"]["accuracy_high"]
    assert "optimistic" in runs["paper"]["about"]
    assert set(runs["sources"]["by_source"]["one_class"]) >= {"accuracy", "recall_normal"}
    assert "f1" not in runs["sources"]["by_source"]["one_class"]
    assert runs["sources"]["left_out"] == {"both": "without it, split 'train' has no 'covid' film"}
    difference = runs["paper"]["accuracy"] - runs["grouped"]["accuracy"]
    assert optimism["paper_minus_grouped"]["accuracy"] == pytest.approx(difference, abs=1e-5)
    assert optimism["grouped_minus_sources"]["n"] == 5


def test_nothing_of_the_unfinished_runs_is_left(several):
    assert not several.unfinished("tiny").exists()


def test_protocols_without_the_kept_model_are_refused():
    with pytest.raises(ValidationError, match="protocols needs grouped"):
        profile(protocols=("paper",))
