"""Training is reproducible, its epoch is chosen by validation only, and it writes all files or none."""

import json

import numpy as np
import pandas as pd
import pytest
from synthetic_arrays import SIZE, profile, put_arrays, write_arrays
from upath import UPath

from pipeline.prepare.arrays import read_arrays
from sources.core.errors import CxnetError
from training.core.data import MANY_BATCHES, Batches, select
from training.core.model_file import load_model
from training.train import stage as train
from training.train.fit import compile_model


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


def test_a_run_writes_the_model_its_history_and_its_record(trained):
    layout, summary = trained
    record = json.loads((layout.model("tiny") / "params.json").read_text())
    losses = history(layout)["val_loss"]
    assert set(files(layout)) == {"model.keras", "params.json", "history.csv", "novelty.npz"}
    assert (summary.layers, summary.parameters, summary.epochs) == (10, 39_875, 3)
    assert (summary.val_loss, summary.epoch) == (pytest.approx(losses.min(), rel=1e-5), losses.idxmin() + 1)
    assert list(history(layout)["epoch"]) == [1, 2, 3]
    assert {"val_loss", "loss", "val_accuracy"} <= set(history(layout).columns)
    assert record == load_model(layout.model("tiny") / "model.keras")[1].as_json()
    assert record["films"] == {"train": {"normal": 12, "covid": 12}, "val": {"normal": 4, "covid": 4}}
    assert record["options"]["learning_rate"] == 0.003


def test_the_summary_is_one_line():
    summary = train.TrainSummary(layers=431, parameters=7_047_765, epochs=10, val_loss=0.12345, epoch=7)
    assert str(summary) == "431 layers, 7,047,765 parameters, 10 epochs, best val_loss 0.123 at epoch 7"


def test_the_epoch_with_the_lowest_validation_loss_is_kept(trained):
    layout, _ = trained
    options = profile(epochs=8, learning_rate=0.05)
    train.run(layout, options, "tiny")
    model, record = load_model(layout.model("tiny") / "model.keras")
    losses = history(layout)["val_loss"]
    assert record.epoch == losses.idxmin() + 1 < len(losses)
    val = select(read_arrays(layout, str(SIZE)), ["val"], record.classes)
    compile_model(model, options.experiments["tiny"])
    loss = model.evaluate(Batches(val, 8, np.ones(2, np.float32)), verbose=0)[0]
    assert loss == pytest.approx(losses.min(), rel=1e-4)


def test_equal_seeds_give_equal_models_and_others_do_not(tmp_path):
    layout = write_arrays(tmp_path)
    results = []
    for seed in (1, 1, 2):
        train.run(layout, profile(seed=seed, epochs=1), "tiny")
        results.append(np.concatenate([each.ravel() for each in weights(layout)]))
    assert (results[0] == results[1]).all()
    assert (results[0] != results[2]).any()


def test_two_threads_give_the_same_model_every_time(tmp_path):
    layout = write_arrays(tmp_path, per_class=50)
    results = []
    for _ in range(2):
        train.run(layout, profile(epochs=2, batch_size=1), "tiny")
        results.append(np.concatenate([each.ravel() for each in weights(layout)]))
    assert history(layout)["step"].max() == 2 * 60 >= MANY_BATCHES
    assert (results[0] == results[1]).all()


def test_test_films_influence_neither_the_weights_nor_the_epoch(tmp_path):
    layout = write_arrays(tmp_path)
    arrays = read_arrays(layout, str(SIZE))
    train.run(layout, profile(epochs=2), "tiny")
    before = weights(layout), files(layout)["history.csv"]
    films = np.array(arrays.images)
    films[(arrays.rows["split"] == "test").to_numpy(bool)] = 255
    put_arrays(layout, arrays.rows, films)
    train.run(layout, profile(epochs=2), "tiny")
    assert all((one == other).all() for one, other in zip(before[0], weights(layout), strict=True))
    assert before[1] == files(layout)["history.csv"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, CxnetError])
def test_an_interrupted_run_keeps_the_earlier_result(error, tmp_path, monkeypatch):
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


def test_progress_bars_are_not_written_to_log_files(tmp_path, capfd):
    train.run(write_arrays(tmp_path), profile(epochs=1), "tiny")
    assert "step/s" not in capfd.readouterr().err


def test_patience_stops_early(tmp_path):
    layout = write_arrays(tmp_path)
    train.run(layout, profile(epochs=30, patience=1, learning_rate=0.05), "tiny")
    assert len(history(layout)) < 30


def test_a_diverging_run_suggests_a_lower_learning_rate(tmp_path):
    layout = write_arrays(tmp_path)
    with pytest.raises(CxnetError, match="lower its learning_rate"):
        train.run(layout, profile(learning_rate=1e30), "tiny")
    assert not layout.model("tiny").exists()


def test_a_class_without_training_films_is_named_with_its_split(tmp_path):
    layout = write_arrays(tmp_path, classes=("normal", "cap"))
    with pytest.raises(CxnetError, match="has no 'covid' film in split 'train'"):
        train.run(layout, profile(), "tiny")


def test_a_patient_in_training_and_validation_is_refused(tmp_path):
    layout = write_arrays(tmp_path)
    arrays = read_arrays(layout, str(SIZE))
    put_arrays(layout, arrays.rows.assign(group_id="p"), np.array(arrays.images))
    with pytest.raises(CxnetError, match="Group p has films in split 'train' and in split 'val'"):
        train.run(layout, profile(), "tiny")
