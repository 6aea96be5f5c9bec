"""A hierarchical experiment is one model of two levels, judged as a whole and by level."""

import json

import numpy as np
import pytest
from pydantic import ValidationError
from synthetic_arrays import SIZE, profile, write_arrays

from pipeline.prepare.arrays import read_arrays
from training.core.data import select, to_float
from training.core.model_file import load_model
from training.evaluate import stage as evaluate
from training.train import stage as train

OPTIONS = {"classes": ("normal", "cap", "covid"), "scheme": "hierarchical", "epochs": 6, "explained": 1}


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    layout = write_arrays(tmp_path_factory.mktemp("hierarchical"), OPTIONS["classes"], per_class=20)
    train.run(layout, profile(**OPTIONS), "tiny")
    evaluate.run(layout, profile(**OPTIONS), "tiny")
    return layout


def test_the_model_joins_its_levels(judged):
    model, record = load_model(judged.model("tiny") / "model.keras")
    films = select(read_arrays(judged, str(SIZE)), ["test"], OPTIONS["classes"])
    inputs = to_float(films.images[films.positions])
    first, second = (model.get_layer(name).predict(inputs, verbose=0)[:, 0] for name in ("level1", "level2"))
    joint = np.stack([1 - first, first * (1 - second), first * second], axis=1)
    np.testing.assert_allclose(model.predict(inputs, verbose=0), joint, atol=1e-5)
    assert record.options.scheme == "hierarchical"
    assert {path.name for path in judged.model("tiny").iterdir()} >= {"history.csv", "history_level2.csv"}


def test_each_level_and_the_whole_are_judged_on_the_same_films(judged):
    told = json.loads((judged.report("tiny") / "metrics.json").read_text())
    assert (told["test"]["n"], told["levels"]["level1"]["n"], told["levels"]["level2"]["n"]) == (12, 12, 8)
    assert (told["levels"]["level1"]["n_pneumonia"], told["levels"]["level2"]["n_covid"]) == (8, 4)
    assert told["levels"]["level2_passed"]["n"] <= 8
    assert "two levels" in told["about"]
    assert (judged.report("tiny") / "figures" / "gradcam_covid.png").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": ("normal", "covid")}, "needs the classes normal, cap, covid in this order"),
        ({"range_test": True}, "range_test is for scheme flat only"),
    ],
)
def test_what_a_hierarchical_experiment_cannot_do_is_refused(options, message):
    with pytest.raises(ValidationError, match=message):
        profile(**(OPTIONS | options))
