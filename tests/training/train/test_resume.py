"""A run that was killed goes on where it was, and ends as if nothing had happened."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from synthetic_arrays import profile, write_arrays
from upath import UPath

from pipeline.core.layout import Layout
from training.core.model_file import load_model
from training.train import stage as train
from training.train.checkpoint import State

REPO = Path(__file__).parents[3]
EPOCHS = 40
OPTIONS = {"epochs": EPOCHS, "learning_rate": 0.01, "patience": 30, "batch_size": 4}
SCRIPT = """
import sys
from synthetic_arrays import profile
from pipeline.core.layout import Layout
from training.train import stage
stage.run(Layout.at(sys.argv[1]), profile(**eval(sys.argv[2])), "tiny")
"""


def results(layout):
    folder = layout.model("tiny")
    weights = load_model(folder / "model.keras")[0].get_weights()
    return np.concatenate([each.ravel() for each in weights]), (folder / "history.csv").read_bytes()


def states(layout):
    folder = Path(layout.unfinished("tiny").path)
    return list(folder.glob("*.npz")) if folder.is_dir() else []


def kill_after_epochs(layout, count):
    """Train in another process, and kill it when it has finished ``count`` epochs."""
    paths = os.pathsep.join((str(REPO), str(REPO / "tests" / "helpers")))
    command = [sys.executable, "-c", SCRIPT, layout.root.path, repr(OPTIONS)]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": paths}) as running:
        try:
            while running.poll() is None:
                known = [State.read(UPath(path)) for path in states(layout)]
                if known and known[0] is not None and len(known[0].history) >= count:
                    break
                time.sleep(0.02)
        finally:
            running.send_signal(signal.SIGKILL)
    assert running.returncode == -signal.SIGKILL, "training ended before it was killed"


def test_a_killed_training_goes_on_and_ends_the_same(tmp_path, caplog):
    whole = write_arrays(tmp_path / "whole", per_class=30)
    train.run(whole, profile(**OPTIONS), "tiny")
    killed = write_arrays(tmp_path / "killed", per_class=30)
    kill_after_epochs(killed, 3)
    trained = len(State.read(UPath(states(killed)[0])).history)
    assert 3 <= trained < EPOCHS
    caplog.set_level("INFO")
    train.run(killed, profile(**OPTIONS), "tiny")
    assert f"going on after epoch {trained}" in caplog.text
    (weights, history), (expected_weights, expected_history) = results(killed), results(whole)
    assert history == expected_history
    assert (weights == expected_weights).all()
    assert not killed.unfinished("tiny").exists()


def unfinished_state(layout, monkeypatch, **options):
    """The state of a run whose result could not be written."""
    with monkeypatch.context() as patch:
        patch.setattr(train, "write_json", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            train.run(layout, profile(epochs=2, **options), "tiny")
    return states(layout)[0]


def test_a_finished_run_is_not_trained_again(tmp_path, monkeypatch, caplog):
    layout = write_arrays(tmp_path)
    unfinished_state(layout, monkeypatch)
    caplog.set_level("INFO")
    train.run(layout, profile(epochs=2), "tiny")
    assert "going on after epoch 2" in caplog.text
    assert "training films" not in caplog.text


def test_the_state_of_other_options_is_not_used(tmp_path, monkeypatch, caplog):
    layout = write_arrays(tmp_path)
    unfinished_state(layout, monkeypatch)
    caplog.set_level("INFO")
    train.run(layout, profile(epochs=2, seed=5), "tiny")
    assert "going on" not in caplog.text
    assert "training films" in caplog.text


def test_a_damaged_state_begins_again(tmp_path, monkeypatch, caplog):
    layout = write_arrays(tmp_path)
    path = unfinished_state(layout, monkeypatch)
    path.write_bytes(path.read_bytes()[:-100])
    train.run(layout, profile(epochs=2), "tiny")
    assert "is damaged; its run begins again" in caplog.text
    alone = Layout.at(tmp_path / "alone")
    write_arrays(alone.root)
    train.run(alone, profile(epochs=2), "tiny")
    assert (results(layout)[0] == results(alone)[0]).all()
