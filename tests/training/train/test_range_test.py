"""The range test finds where the loss falls most steeply, and leaves the training that follows as it is."""

import numpy as np
import pandas as pd
import pytest
from synthetic_arrays import profile, write_arrays

from training.core.model_file import load_model
from training.evaluate import stage as evaluate
from training.train import stage as train
from training.train.range_test import HIGHEST, LOWEST, judge_rates, smooth


@pytest.mark.parametrize("fastest", [1e-5, 1e-4, 1e-3])
def test_the_steepest_fall_is_found_in_noise(fastest):
    rates = np.geomspace(LOWEST, HIGHEST, 120)
    losses = 0.7 - 0.5 / (1 + (fastest / rates) ** 2) + np.random.default_rng(1).normal(0, 0.005, 120)
    found = judge_rates(rates, losses)
    assert fastest / 2 < found.steepest < fastest * 4  # the mean of earlier losses lags behind
    assert found.table["steepest"].sum() == 1


def test_the_smoothed_loss_of_a_constant_is_that_constant_and_follows_a_change():
    assert smooth([0.7] * 5) == pytest.approx([0.7] * 5)
    smoothed = smooth([1.0] * 20 + [0.0] * 20)
    assert (np.diff(smoothed)[19:] < 0).all()
    assert smoothed[0] == 1.0


def test_a_range_test_is_written_drawn_and_changes_no_model(tmp_path):
    layouts = [write_arrays(tmp_path / name) for name in ("with", "without")]
    for layout, wanted in zip(layouts, (True, False), strict=True):
        train.run(layout, profile(range_test=wanted, epochs=1), "tiny")
    rates = pd.read_csv(str(layouts[0].model("tiny") / "rates.csv"))
    assert rates["learning_rate"].iloc[0] == LOWEST
    assert rates["learning_rate"].is_monotonic_increasing
    assert rates["steepest"].sum() == 1
    assert rates["loss"].notna().sum() > 60
    models = [load_model(layout.model("tiny") / "model.keras")[0].get_weights() for layout in layouts]
    assert all((one == other).all() for one, other in zip(*models, strict=True))
    evaluate.run(layouts[0], profile(range_test=True, epochs=1), "tiny")
    assert (layouts[0].report("tiny") / "figures" / "rates.png").exists()
    assert not (layouts[1].model("tiny") / "rates.csv").exists()
