"""COVID-CXNet: DenseNet-121 with a small dense head, every layer trained (paper, section 4, Fig. 14)."""

import warnings
import zipfile
from pathlib import Path

import keras
from keras import layers

from sources.core.errors import UsageError
from training.models.heads import output

WEIGHTS = (".weights.h5", ".keras")


def covid_cxnet(size: int, num_classes: int, *, weights: str | None = None) -> keras.Model:
    """DenseNet-121 without its top, global average pooling, FC 10 ReLU, dropout 0.2, output.

    431 layers; 7,047,765 parameters for two classes, 7,047,787 for three; none frozen.

    Args:
        size: side of the pictures (px), at least 32.
        num_classes: 2 or more.
        weights: file with weights of the backbone, or of a whole COVID-CXNet; None starts from random ones.

    Raises:
        UsageError: the file is absent, of another kind, or fits another network.
    """
    backbone = keras.applications.DenseNet121(include_top=False, weights=None, input_shape=(size, size, 3))
    if weights is not None:
        load_backbone(backbone, Path(weights))
    features = layers.GlobalAveragePooling2D(name="pool")(backbone.output)
    features = layers.Dense(10, activation="relu", name="fc")(features)
    features = layers.Dropout(0.2, name="dropout")(features)
    return keras.Model(backbone.input, output(num_classes)(features), name="covid_cxnet")


def load_backbone(backbone: keras.Model, path: Path) -> None:
    """Fill ``backbone`` from a weights file. Only arrays are read: no layer, code or pickle from the file runs.

    Raises:
        UsageError: the file is absent, of another kind, or fits another network.
    """
    if not path.name.endswith(WEIGHTS):
        raise UsageError(f"Backbone weights {path} must be a file named *{' or *'.join(WEIGHTS)}.")
    if not path.is_file():
        raise UsageError(f"Backbone weights {path} do not exist; correct the experiment's key 'weights' or empty it.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # Keras only warns where a file leaves layers as they were
            backbone.load_weights(path)
    except (ValueError, OSError, KeyError, UserWarning, zipfile.BadZipFile) as error:
        first = str(error).strip().splitlines()[0].rstrip(".")
        raise UsageError(f"Backbone weights {path} do not fit DenseNet-121 without its top ({first}).") from None
