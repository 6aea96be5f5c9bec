"""From a model to predictions: probabilities, and the class decided on."""

import keras
import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.prepare.arrays import ROWS_SCHEMA
from sources.core.items import KEY, field
from training.core.data import Batches, LabeledFilms
from training.core.levels import decide
from training.core.losses import class_probabilities
from training.evaluate.metrics import Predictions
from training.evaluate.resample import Floats

BATCH_SIZE = 32


def predict_films(model: keras.Model, films: LabeledFilms, threshold: float, scheme: str = "flat") -> Predictions:
    """Predict the class of each film.

    Args:
        model: a trained network.
        films: films with the classes of the model.
        threshold: probability from which a film counts as the second of two classes. With more classes it is not used.
        scheme: how the experiment decides between three classes, see :func:`training.core.levels.decide`.
    """
    probabilities = predict_probabilities(model, films)
    predicted = decide(probabilities, scheme, threshold)
    groups = pd.factorize(films.rows["group_id"])[0].astype(np.int64)
    return Predictions(films.targets, predicted, probabilities, groups, films.classes)


def predict_probabilities(model: keras.Model, films: LabeledFilms) -> Floats:
    """Probability of each class for each film, (N, k) float64; rows sum to 1."""
    batches = Batches(films, BATCH_SIZE, np.ones(len(films.classes), np.float32))
    return class_probabilities(model.predict(batches, verbose=0))


def prediction_table(films: LabeledFilms, predictions: Predictions) -> pd.DataFrame:
    """The rows of the films with their predictions, columns as :func:`prediction_schema`."""
    scores = {f"p_{name}": predictions.probabilities[:, index] for index, name in enumerate(predictions.classes)}
    return films.rows.assign(predicted=np.array(predictions.classes)[predictions.predicted], **scores)


def prediction_schema(classes: tuple[str, ...]) -> pa.Schema:
    """Columns of ``predictions.parquet``: the film, its label and split, and the model's predictions."""
    given = [ROWS_SCHEMA.field(name) for name in (*KEY, "image_id", "label", "group_id", "split")]
    scores = [field(f"p_{name}", pa.float64(), f"probability of {name}") for name in classes]
    return pa.schema([*given, field("predicted", pa.string(), "predicted label"), *scores])
