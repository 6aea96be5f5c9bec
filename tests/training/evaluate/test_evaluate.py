"""Judging: on unseen films alone, by the model's own inputs, written whole with a receipt."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
from drawn_arrays import SIZE, profile, put_arrays, write_arrays

from pipeline.core.layout import Layout
from pipeline.prepare.arrays import INPUTS, read_arrays
from sources.core.errors import CxnetError
from sources.core.storage import read_table
from training.evaluate import stage as evaluate
from training.train import stage as train

SPLITS = ("train", "train", "train", "val", "test", "external")


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """A layout with a trained and judged experiment, and the summary."""
    layout = write_arrays(tmp_path_factory.mktemp("judged"), per_class=24, splits=SPLITS)
    options = profile(epochs=8)
    train.run(layout, options, "tiny")
    return layout, evaluate.run(layout, options, "tiny")


@pytest.fixture
def copied(judged, tmp_path):
    """A copy of it that a test may spoil."""
    judged[0].root.fs.copy(judged[0].root.path, str(tmp_path / "copy"), recursive=True)
    return Layout.at(tmp_path / "copy")


def contents(layout):
    folder = layout.report("tiny")
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def metrics(layout):
    return json.loads((layout.report("tiny") / "metrics.json").read_text())


def test_a_judged_experiment_has_all_its_files(judged):
    assert set(contents(judged[0])) == {
        "metrics.json",
        "roc.csv",
        "confusion.csv",
        "history.csv",
        "predictions.parquet",
        "figures/roc.png",
        "figures/confusion.png",
        "figures/losses.png",
        "figures/gradcam_normal.png",
        "figures/gradcam_covid.png",
    }


def test_the_receipt_is_the_hash_of_every_file(judged):
    receipt = json.loads(judged[0].judged("tiny").read_text())
    assert receipt == {name: hashlib.sha256(data).hexdigest() for name, data in contents(judged[0]).items()}


def test_judging_twice_gives_equal_bytes(judged, copied):
    evaluate.run(copied, profile(epochs=8), "tiny")
    assert contents(copied) == contents(judged[0])
    assert copied.judged("tiny").read_bytes() == judged[0].judged("tiny").read_bytes()


def test_tables_and_metrics_tell_the_same(judged):
    layout, summary = judged
    confusion = pd.read_csv(str(layout.report("tiny") / "confusion.csv"))
    test = metrics(layout)["test"]
    assert (len(confusion), test["n"], test["n_covid"]) == (8, 8, 4)
    assert test["accuracy"] == (confusion["actual"] == confusion["predicted"]).mean()
    assert summary.startswith(f"8 test films of 8 patients, accuracy {test['accuracy']:.3f} (")


def test_a_bright_spot_is_learned_and_held_out_sources_are_judged_apart(judged):
    found = metrics(judged[0])
    assert found["test"]["roc_auc"] > 0.9
    assert found["external"]["n"] == 8
    assert "epoch" in found["about"]


def test_predictions_hold_the_unseen_films_alone(judged):
    rows = read_table(judged[0].report("tiny") / "predictions.parquet")
    assert set(rows["split"]) == {"test", "external"}
    assert list(rows["item_id"]) == sorted(rows["item_id"])
    assert np.allclose(rows["p_normal"] + rows["p_covid"], 1)
    assert (rows["predicted"] == np.where(rows["p_covid"] >= 0.5, "covid", "normal")).all()


def test_the_curve_runs_from_corner_to_corner(judged):
    roc = pd.read_csv(str(judged[0].report("tiny") / "roc.csv"))
    assert roc.iloc[0].tolist() == [0, 0]
    assert roc.iloc[-1].tolist() == [1, 1]
    assert (roc.diff().dropna() >= 0).all(axis=None)


def test_the_history_is_the_training_s(judged):
    layout = judged[0]
    assert contents(layout)["history.csv"] == (layout.model("tiny") / "history.csv").read_bytes()


def test_a_threshold_chosen_on_validation_is_told(copied):
    evaluate.run(copied, profile(epochs=8, threshold="val", explained=0), "tiny")
    found = metrics(copied)
    assert 0 < found["threshold"] < 1
    assert f"score of {found['threshold']:.3g}" in found["about"]
    assert not any("gradcam" in name for name in contents(copied))


def test_other_channels_are_refused(copied):
    path = copied.arrays(SIZE) / INPUTS
    inputs = json.loads(path.read_text())
    path.write_text(json.dumps(inputs | {"channels": inputs["channels"][::-1]}))
    with pytest.raises(CxnetError, match="has the channels"):
        evaluate.run(copied, profile(), "tiny")


def test_films_that_changed_splits_since_training_are_refused(copied):
    arrays = read_arrays(copied, SIZE)
    swapped = arrays.rows["split"].replace({"train": "test", "test": "train"})
    put_arrays(copied, arrays.rows.assign(split=swapped), np.array(arrays.images))
    before = contents(copied)
    with pytest.raises(CxnetError, match="trained on other films, inputs or classes"):
        evaluate.run(copied, profile(), "tiny")
    assert contents(copied) == before


def test_inputs_made_with_other_options_are_refused(copied):
    path = copied.arrays(SIZE) / INPUTS
    path.write_text(json.dumps(json.loads(path.read_text()) | {"aspect": "pad"}))
    with pytest.raises(CxnetError, match="trained on other films, inputs or classes"):
        evaluate.run(copied, profile(), "tiny")


def test_without_a_model_the_sentence_says_what_to_run(tmp_path):
    with pytest.raises(CxnetError, match="train its experiment first"):
        evaluate.run(write_arrays(tmp_path), profile(), "tiny")


def test_a_test_split_without_a_class_is_refused(tmp_path):
    layout = write_arrays(tmp_path, splits=("train", "val"))
    with pytest.raises(CxnetError, match="no 'normal' film in split 'test'"):
        evaluate.unseen_films(read_arrays(layout, SIZE), profile().experiments["tiny"], "tiny")


def test_three_classes_are_judged_each_and_together(tmp_path):
    classes = ("normal", "cap", "covid")
    layout = write_arrays(tmp_path, classes=classes, per_class=10)
    options = profile(classes=classes, epochs=2, label_smoothing=0.1)
    train.run(layout, options, "tiny")
    evaluate.run(layout, options, "tiny")
    test = metrics(layout)["test"]
    assert {f"f1_{name}" for name in classes} <= set(test)
    assert set(pd.read_csv(str(layout.report("tiny") / "confusion.csv"))["actual"]) == set(classes)
    assert "figures/gradcam_cap.png" in contents(layout)


def test_films_to_explain_are_drawn_by_lot_and_not_by_their_order(judged):
    films = evaluate.unseen_films(read_arrays(judged[0], SIZE), profile().experiments["tiny"], "tiny")["test"]
    chosen = evaluate.choose_films(films, 1, 2)
    ids = films.rows["image_id"].to_numpy(str)
    assert list(ids[chosen]) == sorted(ids[films.targets == 1])[:2]
