"""How much of the evidence lies in the lungs: right on networks whose evidence is known."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from synthetic_arrays import SIZE, profile, write_arrays

from pipeline.prepare.arrays import read_arrays
from training.core.data import select
from training.evaluate.localise import localise
from training.evaluate.metrics import Predictions

CLASSES = ("normal", "covid")
OPTIONS = profile().experiments["tiny"]


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Films of which those of covid have a bright spot, which is also their mask."""
    return select(read_arrays(write_arrays(tmp_path_factory.mktemp("films")), str(SIZE)), ["test"], CLASSES)


def judged(films, predicted):
    probabilities = np.eye(2)[predicted]
    return Predictions(films.targets, np.asarray(predicted), probabilities, np.arange(len(films)), CLASSES)


def looks_at(sign):
    """A network whose evidence for covid is what is bright (1) or dark (-1)."""
    films = keras.Input((SIZE, SIZE, 3))
    maps = keras.layers.AveragePooling2D(2)(films)
    maps = keras.layers.Conv2D(1, 1, activation="relu", name="maps")(maps)
    model = keras.Model(films, keras.layers.Dense(1, activation="sigmoid")(keras.layers.GlobalAveragePooling2D()(maps)))
    model.get_layer("maps").set_weights([np.full((1, 1, 3, 1), sign / 3), np.array([-0.5 if sign > 0 else 0.5])])
    model.layers[-1].set_weights([np.ones((1, 1)), np.zeros(1)])
    return model


@pytest.mark.parametrize(("sign", "least", "most"), [(1, 0.8, 1.0), (-1, 0.0, 0.05)])
def test_the_share_in_the_lungs_is_that_of_the_evidence(films, sign, least, most):
    facts = localise(looks_at(sign), films, judged(films, np.ones(len(films), int)), OPTIONS)
    ill = films.counts()["covid"]
    assert (facts["films"], facts["without_evidence"], facts["without_mask"]) == (ill, 0, len(films) - ill)
    assert least <= facts["in_lungs"]["low"] <= facts["in_lungs"]["value"] <= facts["in_lungs"]["high"] <= most
    masks = [films.mask(place).mean() for place in np.flatnonzero(films.targets)]
    assert facts["lungs"]["value"] == pytest.approx(np.mean(masks), abs=1e-6)
    assert list(facts["by_class"]) == ["covid"] and facts["by_class"]["covid"]["in_lungs"] == facts["in_lungs"]


def test_films_without_evidence_are_counted_and_not_measured(films):
    facts = localise(looks_at(1), films, judged(films, np.zeros(len(films), int)), OPTIONS)  # none for normal
    assert (facts["films"], facts["without_evidence"]) == (0, films.counts()["covid"])
    assert facts["in_lungs"] is None and facts["by_class"] == {}


def test_films_without_masks_are_said_to_be_so(films):
    facts = localise(looks_at(1), replace(films, mask_bits=None), judged(films, films.targets), OPTIONS)
    assert (facts["films"], facts["without_mask"], facts["in_lungs"]) == (0, len(films), None)
