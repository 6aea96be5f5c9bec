"""The model file says how its inputs are made, and runs no code of others."""

import json
import zipfile

import keras
import numpy as np
import pytest
from upath import UPath

from pipeline.prepare.enhance import CHANNELS
from sources.core.errors import CxnetError
from training.core.data import SCALING
from training.core.model_file import RECORD, load_model, save_model
from training.models.base import base

GIVEN = {"channels": list(CHANNELS), "scaling": SCALING, "classes": ["normal", "covid"], "size": 65, "options": {}}


def test_a_model_comes_back_with_its_record_and_its_predictions(tmp_path):
    model, path = base(65, 2), UPath(tmp_path) / "model.keras"
    save_model(model, path, GIVEN)
    loaded, record = load_model(path)
    films = np.random.default_rng(0).random((2, 65, 65, 3), np.float32)
    assert record == GIVEN
    assert (loaded.predict(films, verbose=0) == model.predict(films, verbose=0)).all()


def test_it_is_an_ordinary_keras_file_without_pickle(tmp_path):
    save_model(base(65, 2), UPath(tmp_path) / "model.keras", GIVEN)
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert set(archive.namelist()) == {"metadata.json", "config.json", "model.weights.h5", RECORD}
    assert keras.saving.load_model(tmp_path / "model.keras").count_params() == base(65, 2).count_params()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"channels": list(CHANNELS[::-1])}, "has the channels .*this version makes"),
        ({"scaling": "x / 127 - 1"}, "inputs scaled as 'x / 127 - 1', not 'x / 255'"),
    ],
)
def test_inputs_made_in_another_way_are_refused(changed, message, tmp_path):
    save_model(base(65, 2), UPath(tmp_path) / "model.keras", GIVEN | changed)
    with pytest.raises(CxnetError, match=message):
        load_model(UPath(tmp_path) / "model.keras")


def test_code_inside_a_model_is_refused(tmp_path):
    layers = [keras.Input((4,)), keras.layers.Lambda(lambda x: x)]
    save_model(keras.Sequential(layers), UPath(tmp_path) / "model.keras", GIVEN)
    with pytest.raises(CxnetError, match="cannot be loaded"):
        load_model(UPath(tmp_path) / "model.keras")


def test_an_absent_file_says_what_to_run(tmp_path):
    with pytest.raises(CxnetError, match="does not exist; train its experiment first"):
        load_model(UPath(tmp_path) / "model.keras")


@pytest.mark.parametrize("record", [None, {"channels": list(CHANNELS)}, "no record"])
def test_a_file_that_is_no_model_of_ours_is_refused(record, tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        if record is not None:
            archive.writestr(RECORD, json.dumps(record) if isinstance(record, dict) else record)
    with pytest.raises(CxnetError, match=r"is not a model of this project|does not say its classes"):
        load_model(UPath(path))


@pytest.mark.parametrize("cut", [0, 200, -10])
def test_half_a_file_is_refused(cut, tmp_path):
    path = tmp_path / "model.keras"
    save_model(base(65, 2), UPath(path), GIVEN)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(CxnetError, match="damaged"):
        load_model(UPath(path))
