"""The model file records how its inputs are made, and no code inside it is run."""

import json
import zipfile

import keras
import numpy as np
import pytest
from synthetic_arrays import profile
from upath import UPath

from pipeline.prepare.enhance import CHANNELS
from sources.core.errors import CxnetError, UsageError
from training.core.data import SCALING
from training.core.model_file import RECORD, ModelRecord, experiment_options, load_model, save_model
from training.models.base import base


def record(**changed):
    """A record as the train stage makes it, with some values changed."""
    values = {
        "experiment": "tiny",
        "options": profile().experiments["tiny"],
        "size": 65,
        "classes": ("normal", "covid"),
        "channels": CHANNELS,
        "scaling": SCALING,
        "inputs": {"size": 65},
        "rows_sha256": "0" * 64,
        "code": {"version": "1"},
        "layers": 10,
        "parameters": 1000,
        "epoch": 2,
        "epochs": 3,
        "val_loss": 0.5,
        "threshold": 0.5,
        "temperature": 1.0,
        "films": {"train": {"normal": 1, "covid": 1}},
    }
    return ModelRecord(**{**values, **changed})


@pytest.fixture
def path(tmp_path):
    return UPath(tmp_path) / "model.keras"


def test_a_model_is_loaded_with_its_record_and_its_predictions(path):
    model = base(65, 2)
    save_model(model, path, record())
    loaded, loaded_record = load_model(path)
    films = np.random.default_rng(0).random((2, 65, 65, 3), np.float32)
    assert loaded_record == record()
    assert (loaded.predict(films, verbose=0) == model.predict(films, verbose=0)).all()


def test_it_is_an_ordinary_keras_file_without_pickle(path):
    save_model(base(65, 2), path, record())
    with zipfile.ZipFile(str(path)) as archive:
        assert set(archive.namelist()) == {"metadata.json", "config.json", "model.weights.h5", RECORD}
    assert keras.saving.load_model(str(path)).count_params() == base(65, 2).count_params()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"channels": CHANNELS[::-1]}, "has the channels .*this version makes"),
        ({"scaling": "x / 127 - 1"}, "inputs scaled as 'x / 127 - 1', not 'x / 255'"),
    ],
)
def test_a_model_with_other_inputs_is_refused(changed, message, path):
    save_model(base(65, 2), path, record(**changed))
    with pytest.raises(CxnetError, match=message):
        load_model(path)


def test_code_inside_a_model_is_refused(path):
    layers = [keras.Input((4,)), keras.layers.Lambda(lambda x: x)]
    save_model(keras.Sequential(layers), path, record())
    with pytest.raises(CxnetError, match="Cannot load"):
        load_model(path)


def test_the_error_for_a_missing_file_names_the_command_to_run(path):
    with pytest.raises(CxnetError, match="does not exist; train its experiment first"):
        load_model(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "damaged or not a model of this project"),
        ("not JSON", r"invalid entries \(not JSON\)"),
        (json.dumps({"channels": list(CHANNELS)}), "invalid entries .*classes, code, epoch"),
        (json.dumps(record().as_json() | {"epoch": "2", "films": 3}), r"invalid entries \(epoch, films\)"),
    ],
)
def test_a_file_without_a_valid_record_is_refused(content, message, path):
    with zipfile.ZipFile(str(path), "w") as archive:
        if content is not None:
            archive.writestr(RECORD, content)
    with pytest.raises(CxnetError, match=message) as caught:
        load_model(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("cut", [0, 200, -10])
def test_a_truncated_file_is_refused(cut, path):
    save_model(base(65, 2), path, record())
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(CxnetError, match="damaged"):
        load_model(path)


def test_an_unknown_experiment_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="Unknown experiment 'huge'; expected one of: tiny"):
        experiment_options(profile(), "huge")
