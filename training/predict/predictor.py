"""A trained model that judges one film at a time; no film's result depends on the others.

The input is made as prepare made those of training, by the record of the model. The uncertainty is the spread of the
probability over passes with dropout (Gal and Ghahramani 2016, arXiv:1506.02142).
"""

from dataclasses import dataclass
from typing import Self

import keras
import numpy as np
import numpy.typing as npt
from upath import UPath

from pipeline.classifiers.lungs import lung_network
from pipeline.core.experiments import Inputs
from pipeline.core.params import PrepareParams, SegmentParams
from pipeline.imaging.arrays import Gray, Pixels
from pipeline.imaging.masks import LungBox
from pipeline.prepare.inputs import VERSION, as_shown, recipe, to_input
from pipeline.segment.find import find_lungs
from sources.core.errors import CxnetError
from training.core.data import to_float
from training.core.model_file import MODEL, ModelRecord, load_model

Floats = npt.NDArray[np.float64]
HALF = 0.5  # probability from which a film counts as the second of two classes


@dataclass(frozen=True)
class Judgment:
    """What a model says of one film.

    Attributes:
        predicted: index of the class.
        probabilities: of each class (k,).
        sd: standard deviation of the predicted class's probability over passes with dropout; None = no dropout.
    """

    predicted: int
    probabilities: Floats
    sd: float | None


@dataclass(frozen=True)
class Predictor:
    """A model and how its inputs are made.

    Attributes:
        model: the network.
        record: its record.
        body: films to what the first dropout takes; None = the network has no dropout.
        head: from there to the outputs.
    """

    model: keras.Model
    record: ModelRecord
    body: keras.Model | None
    head: keras.Model | None

    @classmethod
    def load(cls, folder: UPath) -> Self:
        """The model in ``models/<experiment>/``.

        Raises:
            CxnetError: there is none, or this version makes its inputs differently.
        """
        model, record = load_model(folder / MODEL)
        _prepare_params(record, folder)
        first = next((layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)), None)
        if first is None:
            return cls(model, record, None, None)
        return cls(model, record, keras.Model(model.inputs[0], first.input), keras.Model(first.input, model.outputs[0]))

    def to_input(self, gray: Gray) -> Pixels:
        """The input (size, size, 3) uint8 of a film that is upright; it keeps its tones."""
        inputs = Inputs(self.record.size, self.record.inputs.get("region", "film"))
        shown = as_shown(gray, inputs, self._lungs(gray))
        return to_input(shown, None, inputs.size, _prepare_params(self.record, "the model"))

    def _lungs(self, gray: Gray) -> LungBox:
        """The box of the lungs if the model looks at nothing else, as the segment stage found it for training."""
        if "lungs" not in self.record.inputs:
            return LungBox.whole(*gray.shape[::-1])
        segment = _segment_params(self.record)
        return find_lungs(gray, lung_network(segment.network, segment.definition), segment).box

    def judge(self, pixels: Pixels, passes: int) -> Judgment:
        """Judge one input (size, size, 3) uint8.

        Args:
            pixels: the input.
            passes: number of passes with dropout; 0 = no uncertainty.
        """
        film = to_float(pixels[None])
        probabilities = _of_classes(self.model(film, training=False))[0]
        two = len(self.record.classes) == 2
        predicted = int(probabilities[1] >= HALF) if two else int(probabilities.argmax())
        if self.body is None or self.head is None or passes == 0:
            return Judgment(predicted, probabilities, None)
        vectors = np.repeat(np.asarray(self.body(film, training=False)), passes, axis=0)
        self._seed_dropout()
        drawn = _of_classes(self.head(vectors, training=True))
        return Judgment(predicted, probabilities, float(drawn[:, predicted].std()))

    def _seed_dropout(self) -> None:
        """Let every film meet the same random masks."""
        for layer in self.model.layers:
            if isinstance(layer, keras.layers.Dropout):
                state = layer.seed_generator.state
                state.assign(np.array([self.record.options.seed, 0], state.dtype))


def _of_classes(outputs: keras.KerasTensor) -> Floats:
    """Probability of each class (N, k) from the outputs (N, 1) or (N, k)."""
    given = np.asarray(keras.ops.convert_to_numpy(outputs), np.float64)
    return np.concatenate([1 - given, given], axis=1) if given.shape[1] == 1 else given


def _prepare_params(record: ModelRecord, where: object) -> PrepareParams:
    """The options of prepare that made the model's inputs.

    Raises:
        CxnetError: this version makes inputs differently.
    """
    names = ("aspect", "beasf_gamma", "clahe_clip", "clahe_tiles")
    params = PrepareParams(**{name: record.inputs[name] for name in names if name in record.inputs})
    inputs = Inputs(record.size, record.inputs.get("region", "film"))
    found = recipe(inputs, params, _segment_params(record))
    if found.get("lungs") != record.inputs.get("lungs"):
        raise CxnetError(
            f"{where} takes lungs that another lung network found; train it again, or bring that one back."
        )
    if found != record.inputs:
        version = record.inputs.get("version")
        raise CxnetError(f"{where} takes inputs of version {version}, not {VERSION}; train it again.")
    return params


def _segment_params(record: ModelRecord) -> SegmentParams:
    """The options of segment that found the lungs in the model's inputs; the defaults where it looks at whole films."""
    lungs = record.inputs.get("lungs", {})
    return SegmentParams(**{name: value for name, value in lungs.items() if name in SegmentParams.model_fields})
