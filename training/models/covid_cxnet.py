"""COVID-CXNet: DenseNet-121 with a small dense head; all layers are trained (paper, section 4, Fig. 14)."""

import warnings
import zipfile
from pathlib import Path

import keras
from keras import layers

from sources.core.errors import UsageError
from training.models.heads import output

WEIGHTS = (".weights.h5", ".keras")


def covid_cxnet(size: int, num_classes: int, *, weights: str | None = None) -> keras.Model:
    """DenseNet-121 without its top, then global average pooling, FC 10 with ReLU, dropout 0.2 and the output.

    It has 431 layers and 7,047,765 parameters for two classes, 7,047,787 for three; none is frozen.

    Args:
        size: side of the images (px), at least 32.
        num_classes: 2 or more.
        weights: file with pretrained weights of the backbone or of a whole COVID-CXNet; None for random weights.

    Raises:
        UsageError: the file is missing, has another format or does not fit the network, or there are fewer than two
            classes.
    """
    backbone = keras.applications.DenseNet121(include_top=False, weights=None, input_shape=(size, size, 3))
    if weights is not None:
        load_backbone(backbone, Path(weights))
    features = layers.GlobalAveragePooling2D(name="pool")(backbone.output)
    features = layers.Dense(10, activation="relu", name="fc")(features)
    features = layers.Dropout(0.2, name="dropout")(features)
    return keras.Model(backbone.input, output(num_classes)(features), name="covid_cxnet")


def load_backbone(backbone: keras.Model, path: Path) -> None:
    """Load weights into ``backbone``. Only arrays are read: no code or pickle in the file is ever run.

    Raises:
        UsageError: the file is missing, has another format or does not fit the network.
    """
    if not path.name.endswith(WEIGHTS):
        raise UsageError(f"Backbone weights {path} must be a file named *{' or *'.join(WEIGHTS)}.")
    if not path.is_file():
        raise UsageError(
            f"Backbone weights {path} do not exist; correct 'weights' of the experiment or leave it empty."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # Keras only warns if a file leaves layers unchanged
            backbone.load_weights(path)
    except (ValueError, OSError, KeyError, UserWarning, zipfile.BadZipFile) as error:
        first = str(error).strip().splitlines()[0].rstrip(".")
        raise UsageError(f"Backbone weights {path} do not fit DenseNet-121 without its top ({first}).") from None
