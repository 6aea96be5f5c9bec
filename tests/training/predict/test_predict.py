"""Predictions for files are those of evaluate for the same films; bad files cost no other film its result."""

import json

import cv2
import keras
import numpy as np
import pandas as pd
import pytest
from synthetic_arrays import SIZE, profile, write_arrays
from typer.testing import CliRunner
from upath import UPath

from pipeline.classifiers.film_file import read_film
from pipeline.cli.main import app
from pipeline.core.params import IngestParams, PrepareParams
from pipeline.prepare.inputs import to_input
from training.core.data import LabeledFilms, to_float
from training.core.levels import decide
from training.core.model_file import MODEL, load_model, save_model
from training.core.novelty import FILE, Novelty
from training.evaluate.predict import predict_probabilities
from training.train import stage as train

FILMS = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two models, ``tiny`` without dropout and ``dropout``, and a few films as files."""
    root = tmp_path_factory.mktemp("predict")
    layout = write_arrays(root)
    train.run(layout, profile(epochs=1), "tiny")
    _, record = load_model(layout.model("tiny") / MODEL)
    keras.utils.set_random_seed(4)
    films = keras.Input((SIZE, SIZE, 3))
    maps = keras.layers.Conv2D(4, 5, strides=4, activation="relu")(films)
    features = keras.layers.Dropout(0.5)(keras.layers.GlobalAveragePooling2D()(maps))
    model = keras.Model(films, keras.layers.Dense(1, activation="sigmoid")(features))
    save_model(model, layout.model("dropout") / MODEL, record)
    rng = np.random.default_rng(1)
    Novelty.of(*(rng.random((8, 4), np.float32) for _ in range(2))).write(layout.model("dropout"))
    hierarchical = {"classes": ("normal", "cap", "covid"), "scheme": "hierarchical", "epochs": 1, "model": "resnet"}
    layout = write_arrays(root / "three", hierarchical["classes"])
    train.run(layout, profile(**hierarchical), "tiny")
    (root / "films").mkdir()
    rng = np.random.default_rng(6)
    for number in range(FILMS):
        film = cv2.GaussianBlur(rng.integers(0, 256, (150 + 20 * number, 140)).astype(np.uint8), (0, 0), 9)
        film = cv2.normalize(film, None, 0, 255, cv2.NORM_MINMAX)
        cv2.imwrite(str(root / "films" / f"film{number}.png"), film)
    return root


def predict(*arguments):
    result = CliRunner().invoke(app, ["predict", *map(str, arguments), "--json"])
    return result, json.loads(result.stdout) if result.stdout else None


@pytest.mark.parametrize("name", ["tiny", "dropout"])
def test_probabilities_are_those_of_evaluate(folder, name):
    _, found = predict(folder / "films", "--model", folder / "models" / name)
    grays = [read_film(folder / "films" / f"film{number}.png", IngestParams()).gray for number in range(FILMS)]
    images = np.stack([to_input(gray, None, SIZE, PrepareParams()) for gray in grays])
    places = np.arange(FILMS)
    films = LabeledFilms(images, pd.DataFrame(index=places), places, np.zeros(FILMS, np.int64), ("normal", "covid"))
    model, _ = load_model(_path(folder, name))
    expected = predict_probabilities(model, films)
    given = [[film["probabilities"][label] for label in ("normal", "covid")] for film in found["films"]]
    np.testing.assert_allclose(given, expected, atol=2e-6)
    assert [film["label"] for film in found["films"]] == [("normal", "covid")[int(p[1] >= 0.5)] for p in expected]
    assert "Not a medical device" in found["notice"]


def test_a_hierarchical_model_decides_level_by_level_and_is_unsure_by_the_dropout_of_both(folder):
    three = folder / "three" / "models" / "tiny"
    _, found = predict(folder / "films", "--model", three)
    model, record = load_model(UPath(three) / MODEL)
    assert record.options.scheme == "hierarchical"
    for number, film in enumerate(found["films"]):
        gray = read_film(folder / "films" / f"film{number}.png", IngestParams()).gray
        expected = model.predict(to_float(to_input(gray, None, SIZE, PrepareParams())[None]), verbose=0)
        np.testing.assert_allclose(list(film["probabilities"].values()), expected[0], atol=2e-6)
        assert film["label"] == record.classes[int(decide(expected, "hierarchical")[0])]
        assert film["sd"] > 0
        assert 0 <= film["novelty"] <= 1
        assert film["unlike"] == (film["novelty"] > 0.99)


def test_the_threshold_and_the_temperature_are_those_of_training(folder):
    source = UPath(folder) / "models" / "tiny"
    model, record = load_model(source / MODEL)
    _, usual = predict(folder / "films", "--model", source)
    scores = [film["probabilities"]["covid"] for film in usual["films"]]
    changed = UPath(folder) / "models" / "changed"
    between = (min(scores) + max(scores)) / 2
    save_model(model, changed / MODEL, record.model_copy(update={"threshold": between, "temperature": 3.0}))
    (changed / FILE).write_bytes((source / FILE).read_bytes())
    _, found = predict(folder / "films", "--model", changed)
    assert [film["label"] for film in found["films"]] == [("normal", "covid")[score >= between] for score in scores]
    assert [film["probabilities"]["covid"] for film in found["films"]] == scores
    for film, score in zip(found["films"], scores, strict=True):
        odds = (score / (1 - score)) ** (1 / 3.0)
        calibrated = odds / (1 + odds)
        expected = calibrated if film["label"] == "covid" else 1 - calibrated
        assert film["confidence"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("content", [None, b"", b"PK", "short", "objects"])
def test_a_bad_file_of_vectors_is_one_sentence(folder, tmp_path, content):
    copy = UPath(tmp_path) / "model"
    copy.mkdir()
    (copy / MODEL).write_bytes((UPath(folder) / "models" / "tiny" / MODEL).read_bytes())
    if content == "short":
        Novelty(np.zeros((3, 2), np.float16), np.zeros(3, np.float32)).write(copy)
    elif content == "objects":
        np.savez(str(copy / FILE), references=np.array([{}]), distances=np.zeros(2))
    elif content is not None:
        (copy / FILE).write_bytes(content)
    result, _ = predict(folder / "films", "--model", copy)
    assert result.exit_code == 1
    assert "train its experiment again" in str(result.exception)


def _path(folder, name):
    return UPath(folder / "models" / name / MODEL)


def test_the_uncertainty_comes_from_dropout_and_depends_on_no_other_film(folder):
    model = folder / "models" / "dropout"
    _, together = predict(folder / "films", "--model", model)
    _, alone = predict(folder / "films" / "film2.png", "--model", model)
    assert together["films"][2] == alone["films"][0]
    assert alone["films"][0]["sd"] > 0
    _, certain = predict(folder / "films" / "film2.png", "--model", folder / "models" / "tiny")
    assert certain["films"][0]["sd"] is None


def test_a_model_abstains_where_no_class_is_likely_enough(folder):
    _, found = predict(folder / "films", "--model", folder / "models" / "tiny", "--abstain", "1")
    assert [film["label"] for film in found["films"]] == [None] * FILMS


def test_heat_maps_are_written(folder, tmp_path):
    _, found = predict(folder / "films", "--model", folder / "models" / "tiny", "--heatmap", tmp_path)
    assert len(list(tmp_path.glob("*.png"))) == FILMS
    for film in found["films"]:
        assert cv2.imread(film["heatmap"]).shape == (512, 512, 3)
        assert film["heat"] >= 0


def test_a_bad_file_is_one_sentence_and_the_others_are_predicted(folder, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n but no more")
    films = [bad, folder / "films" / "film0.png", tmp_path / "absent.png"]
    result, found = predict(*films, "--model", folder / "models" / "tiny")
    first, second, third = found["films"]
    assert first["problem"].startswith(f"{bad} is not a usable picture")
    assert (second["problem"], third["problem"].startswith("Cannot read")) == (None, True)
    assert result.exit_code == 1
    assert str(result.exception) == "2 of 3 images could not be used."


def test_a_folder_without_a_model_is_one_sentence(folder):
    result = CliRunner().invoke(app, ["predict", str(folder / "films"), "--model", str(folder)])
    assert result.exit_code == 1
    assert "does not exist" in str(result.exception)
