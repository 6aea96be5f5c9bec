"""Training: repeatable, chosen by validation alone, all or nothing."""

import json

import keras
import numpy as np
import pandas as pd
import pytest
from drawn_arrays import SIZE, profile, put_arrays, write_arrays
from upath import UPath

from pipeline.prepare.arrays import read_arrays
from sources.core.errors import CxnetError, UsageError
from training.core.data import MANY, Batches
from training.core.model_file import experiment_options, load_model
from training.train import stage as train


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A layout with a trained experiment ``tiny``."""
    layout = write_arrays(tmp_path_factory.mktemp("trained"))
    return layout, train.run(layout, profile(), "tiny")


def files(layout):
    return {path.name: path.read_bytes() for path in layout.model("tiny").iterdir()}


def weights(layout):
    return load_model(layout.model("tiny") / "model.keras")[0].get_weights()


def history(layout):
    return pd.read_csv(str(layout.model("tiny") / "history.csv"))


def test_a_run_leaves_model_history_and_how_it_came_about(trained):
    layout, summary = trained
    record = json.loads((layout.model("tiny") / "params.json").read_text())
    assert set(files(layout)) == {"model.keras", "params.json", "history.csv"}
    assert summary.startswith("10 layers, 39,875 parameters, 3 epochs, best val_loss ")
    assert list(history(layout)["epoch"]) == [1, 2, 3]
    assert {"val_loss", "loss", "val_accuracy"} <= set(history(layout).columns)
    assert record == load_model(layout.model("tiny") / "model.keras")[1]
    assert record["films"] == {"train": {"normal": 12, "covid": 12}, "val": {"normal": 4, "covid": 4}}
    assert record["options"]["learning_rate"] == 0.003


def test_the_epoch_of_the_least_validation_loss_is_kept(trained):
    layout, _ = trained
    options = profile(epochs=8, learning_rate=0.05)
    train.run(layout, options, "tiny")
    model, record = load_model(layout.model("tiny") / "model.keras")
    losses = history(layout)["val_loss"]
    assert record["epoch"] == losses.idxmin() + 1 < len(losses)
    _, val = train.training_films(read_arrays(layout, SIZE), options.experiments["tiny"], "tiny")
    train.compile_model(model, options.experiments["tiny"])
    found = model.evaluate(Batches(val, 8, np.ones(2, np.float32)), verbose=0)[0]
    assert found == pytest.approx(losses.min(), rel=1e-4)


def test_equal_seeds_give_equal_models_and_others_do_not(tmp_path):
    layout = write_arrays(tmp_path)
    seen = []
    for seed in (1, 1, 2):
        train.run(layout, profile(seed=seed, epochs=1), "tiny")
        seen.append(np.concatenate([each.ravel() for each in weights(layout)]))
    assert (seen[0] == seen[1]).all()
    assert (seen[0] != seen[2]).any()


def test_two_threads_make_the_same_model_each_time(tmp_path):
    layout = write_arrays(tmp_path, per_class=50)
    seen = []
    for _ in range(2):
        train.run(layout, profile(epochs=2, batch_size=1), "tiny")
        seen.append(np.concatenate([each.ravel() for each in weights(layout)]))
    assert history(layout)["step"].max() == 2 * 60 >= MANY
    assert (seen[0] == seen[1]).all()


def test_test_films_teach_nothing_and_choose_nothing(tmp_path):
    layout = write_arrays(tmp_path)
    arrays = read_arrays(layout, SIZE)
    train.run(layout, profile(epochs=2), "tiny")
    before = weights(layout), files(layout)["history.csv"]
    films = np.array(arrays.images)
    films[(arrays.rows["split"] == "test").to_numpy(bool)] = 255
    put_arrays(layout, arrays.rows, films)
    train.run(layout, profile(epochs=2), "tiny")
    assert all((one == other).all() for one, other in zip(before[0], weights(layout), strict=True))
    assert before[1] == files(layout)["history.csv"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, CxnetError])
def test_an_interrupted_run_leaves_the_earlier_result(error, tmp_path, monkeypatch):
    layout = write_arrays(tmp_path)
    train.run(layout, profile(epochs=1), "tiny")
    before = files(layout)

    def fail(*_):
        raise error

    monkeypatch.setattr(train, "write_json", fail)
    with pytest.raises(error):
        train.run(layout, profile(epochs=1, seed=5), "tiny")
    assert files(layout) == before
    assert [path.name for path in UPath(tmp_path / "models").iterdir()] == ["tiny"]


def test_a_log_file_is_not_filled_with_progress_bars(tmp_path, capfd):
    train.run(write_arrays(tmp_path), profile(epochs=1), "tiny")
    assert "step/s" not in capfd.readouterr().err


def test_patience_stops_early(tmp_path):
    layout = write_arrays(tmp_path)
    train.run(layout, profile(epochs=30, patience=1, learning_rate=0.05), "tiny")
    assert len(history(layout)) < 30


def test_a_diverging_run_is_one_sentence(tmp_path):
    layout = write_arrays(tmp_path)
    with pytest.raises(CxnetError, match="lower its learning_rate"):
        train.run(layout, profile(learning_rate=1e30), "tiny")
    assert not layout.model("tiny").exists()


def test_a_class_without_films_is_named_with_its_split(tmp_path):
    layout = write_arrays(tmp_path, classes=("normal", "cap"))
    with pytest.raises(CxnetError, match="has no 'covid' film in split 'train'"):
        train.run(layout, profile(), "tiny")


def test_a_patient_in_training_and_validation_is_refused(tmp_path):
    layout = write_arrays(tmp_path)
    arrays = read_arrays(layout, SIZE)
    put_arrays(layout, arrays.rows.assign(group_id="p"), np.array(arrays.images))
    with pytest.raises(CxnetError, match="Group p has films in split 'train' and in split 'val'"):
        train.run(layout, profile(), "tiny")


def test_an_unknown_experiment_lists_the_known_ones():
    with pytest.raises(UsageError, match="Unknown experiment 'huge'; expected one of: tiny"):
        experiment_options(profile(), "huge")


@pytest.mark.parametrize(("steps", "expected"), [(1, 0.8), (40, 0.8), (80, 0.9), (100_000, 0.99)])
def test_batch_statistics_follow_the_last_eighth_of_an_epoch(steps, expected):
    assert train.momentum(steps) == pytest.approx(expected)


@pytest.mark.parametrize(("given", "used"), [(None, 0.8), (0.95, 0.95)])
def test_batch_statistics_move_as_the_profile_says(given, used, tmp_path):
    layout = write_arrays(tmp_path, per_class=10)
    options = profile(epochs=1, batch_norm_momentum=given).experiments["tiny"]
    films = train.training_films(read_arrays(layout, SIZE), options, "tiny")
    layers = [keras.Input((SIZE, SIZE, 3)), keras.layers.BatchNormalization(), keras.layers.GlobalAveragePooling2D()]
    model = keras.Sequential([*layers, keras.layers.Dense(1, activation="sigmoid")])
    train.fit(model, options, *films)
    assert model.layers[0].momentum == used
