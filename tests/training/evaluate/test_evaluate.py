"""Evaluation uses unseen films only, refuses models with other inputs, and writes a complete report with checksums."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
from synthetic_arrays import SIZE, profile, put_arrays, write_arrays

from pipeline.core.layout import Layout
from pipeline.core.params import PrepareParams
from pipeline.prepare.arrays import INPUTS, read_arrays
from sources.core.errors import CxnetError
from sources.core.storage import read_table
from training.evaluate import stage as evaluate
from training.evaluate.resample import Estimate
from training.train import stage as train

SPLITS = ("train", "train", "train", "val", "test", "external")


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """A layout with a trained and evaluated experiment, and the summary."""
    layout = write_arrays(tmp_path_factory.mktemp("evaluated"), per_class=24, splits=SPLITS)
    options = profile(epochs=8)
    train.run(layout, options, "tiny")
    return layout, evaluate.run(layout, options, "tiny")


@pytest.fixture
def copied(evaluated, tmp_path):
    """A copy of that layout, which a test may change."""
    evaluated[0].root.fs.copy(evaluated[0].root.path, str(tmp_path / "copy"), recursive=True)
    return Layout.at(tmp_path / "copy")


def contents(layout):
    folder = layout.report("tiny")
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def metrics(layout):
    return json.loads((layout.report("tiny") / "metrics.json").read_text())


def test_the_report_is_complete(evaluated):
    assert set(contents(evaluated[0])) == {
        "metrics.json",
        "roc.csv",
        "pr.csv",
        "reliability.csv",
        "risk_coverage.csv",
        "subgroups.csv",
        "confusion.csv",
        "history.csv",
        "predictions.parquet",
        "figures/roc.png",
        "figures/pr.png",
        "figures/reliability.png",
        "figures/risk_coverage.png",
        "figures/confusion.png",
        "figures/losses.png",
        "figures/gradcam_normal.png",
        "figures/gradcam_covid.png",
        "figures/lime_normal.png",
        "figures/lime_covid.png",
    }


def test_the_checksums_cover_every_file(evaluated):
    checksums = json.loads(evaluated[0].judged("tiny").read_text())
    assert checksums == {name: hashlib.sha256(data).hexdigest() for name, data in contents(evaluated[0]).items()}


def test_evaluating_twice_gives_equal_bytes(evaluated, copied):
    evaluate.run(copied, profile(epochs=8), "tiny")
    assert contents(copied) == contents(evaluated[0])
    assert copied.judged("tiny").read_bytes() == evaluated[0].judged("tiny").read_bytes()


def test_tables_metrics_and_summary_agree(evaluated):
    layout, summary = evaluated
    confusion = pd.read_csv(str(layout.report("tiny") / "confusion.csv"))
    test = metrics(layout)["test"]
    assert (len(confusion), test["n"], test["n_covid"]) == (8, 8, 4)
    assert test["accuracy"] == (confusion["actual"] == confusion["predicted"]).mean()
    assert (summary.films, summary.patients) == (8, 8)
    for name in ("accuracy", "f1", "roc_auc"):
        estimate = getattr(summary, name)
        assert [estimate.value, estimate.low, estimate.high] == [test[name], test[f"{name}_low"], test[f"{name}_high"]]


def test_the_summary_is_one_line_with_intervals():
    undefined = Estimate(None, None, None)
    summary = evaluate.EvaluateSummary(8, 7, Estimate(0.875, 0.5291, 0.97764), undefined, Estimate(1.0, 1.0, 1.0))
    assert str(summary) == (
        "8 test films of 7 patients, accuracy 0.875 (0.529 to 0.978), f1 undefined, roc_auc 1.000 (1.000 to 1.000)"
    )


def test_a_bright_spot_is_learned_and_external_films_are_measured_separately(evaluated):
    results = metrics(evaluated[0])
    assert results["test"]["roc_auc"] > 0.9
    assert results["external"]["n"] == 8
    assert "trained from random weights on the classes normal, covid; epoch " in results["about"]
    assert results["about"].endswith("; terms: ask the owners before you pass it on, because of 32 films of synthetic")


def test_predictions_contain_only_unseen_films(evaluated):
    rows = read_table(evaluated[0].report("tiny") / "predictions.parquet")
    assert set(rows["split"]) == {"test", "external"}
    assert list(rows["item_id"]) == sorted(rows["item_id"])
    assert np.allclose(rows["p_normal"] + rows["p_covid"], 1)
    assert (rows["predicted"] == np.where(rows["p_covid"] >= 0.5, "covid", "normal")).all()


def test_the_curve_runs_from_corner_to_corner(evaluated):
    roc = pd.read_csv(str(evaluated[0].report("tiny") / "roc.csv"))
    assert roc.iloc[0].tolist() == [0, 0]
    assert roc.iloc[-1].tolist() == [1, 1]
    assert (roc.diff().dropna() >= 0).all(axis=None)


def test_the_history_is_that_of_the_training(evaluated):
    layout = evaluated[0]
    assert contents(layout)["history.csv"] == (layout.model("tiny") / "history.csv").read_bytes()


def test_a_threshold_chosen_on_validation_is_reported(copied):
    evaluate.run(copied, profile(epochs=8, threshold="val", explained=0, lime={"films": 0}), "tiny")
    results = metrics(copied)
    assert 0 < results["threshold"] < 1
    assert f"probability threshold {results['threshold']:.3g}" in results["about"]
    assert not any("gradcam" in name for name in contents(copied))


def test_other_channels_are_refused(copied):
    path = copied.arrays(str(SIZE)) / INPUTS
    inputs = json.loads(path.read_text())
    path.write_text(json.dumps(inputs | {"channels": inputs["channels"][::-1]}))
    with pytest.raises(CxnetError, match="has the channels"):
        evaluate.run(copied, profile(), "tiny")


def test_films_that_changed_splits_since_training_are_refused(copied):
    arrays = read_arrays(copied, str(SIZE))
    swapped = arrays.rows["split"].replace({"train": "test", "test": "train"})
    put_arrays(copied, arrays.rows.assign(split=swapped), np.array(arrays.images))
    before = contents(copied)
    with pytest.raises(CxnetError, match="trained on other films, inputs or classes"):
        evaluate.run(copied, profile(), "tiny")
    assert contents(copied) == before


def test_inputs_made_with_other_options_are_refused(copied):
    arrays = read_arrays(copied, str(SIZE))
    put_arrays(copied, arrays.rows, np.array(arrays.images), PrepareParams(aspect="pad"))
    with pytest.raises(CxnetError, match="trained on other films, inputs or classes"):
        evaluate.run(copied, profile(), "tiny")


def test_the_error_for_a_missing_model_names_the_command_to_run(tmp_path):
    with pytest.raises(CxnetError, match="train its experiment first"):
        evaluate.run(write_arrays(tmp_path), profile(), "tiny")


def test_a_test_split_without_a_class_is_refused(tmp_path):
    layout = write_arrays(tmp_path, splits=("train", "val"))
    train.run(layout, profile(epochs=1), "tiny")
    with pytest.raises(CxnetError, match="no 'normal' film in split 'test'"):
        evaluate.run(layout, profile(), "tiny")


def test_three_classes_are_measured_each_and_together(tmp_path):
    classes = ("normal", "cap", "covid")
    layout = write_arrays(tmp_path, classes=classes, per_class=10)
    options = profile(classes=classes, epochs=2, label_smoothing=0.1)
    train.run(layout, options, "tiny")
    evaluate.run(layout, options, "tiny")
    test = metrics(layout)["test"]
    assert {f"f1_{name}" for name in classes} <= set(test)
    assert set(pd.read_csv(str(layout.report("tiny") / "confusion.csv"))["actual"]) == set(classes)
    assert "figures/gradcam_cap.png" in contents(layout)
