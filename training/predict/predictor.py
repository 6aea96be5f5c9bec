"""A trained model that judges one film at a time; no film's result depends on the others.

The input is made as prepare made those of training, by the record of the model. The uncertainty is the spread of the
probability over passes with dropout (Gal and Ghahramani 2016, arXiv:1506.02142).
"""

from collections.abc import Sequence
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
from training.core.levels import decide, join, levels_of
from training.core.losses import class_probabilities
from training.core.model_file import MODEL, ModelRecord, load_model
from training.core.novelty import Novelty, vector_of
from training.core.rule import tempered

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Judgment:
    """What a model says of one film.

    Attributes:
        predicted: index of the class.
        probabilities: of each class (k,).
        confidence: calibrated probability of the predicted class.
        sd: standard deviation of the predicted class's probability over passes with dropout; None = no dropout.
        novelty: how unlike its training films the film is, see :mod:`training.core.novelty`.
    """

    predicted: int
    probabilities: Floats
    confidence: float
    sd: float | None
    novelty: float


@dataclass(frozen=True)
class Network:
    """A network that decides between classes, divided at its first dropout.

    Attributes:
        body: films to their vectors, and to what the first dropout takes, or to the output without dropout.
        head: from there to the output; None = the network has no dropout.
    """

    body: keras.Model
    head: keras.Model | None

    @classmethod
    def of(cls, model: keras.Model) -> Self:
        """The parts of a network."""
        first = next((layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)), None)
        divided = model.outputs[0] if first is None else first.input
        head = None if first is None else keras.Model(divided, model.outputs[0])
        return cls(keras.Model(model.inputs[0], [vector_of(model), divided]), head)

    def look(self, film: npt.NDArray[np.float32]) -> "Look":
        """See a film (1, S, S, 3)."""
        vector, divided = self.body(film, training=False)
        output = divided if self.head is None else self.head(divided, training=False)
        return Look(np.asarray(vector), np.asarray(divided), class_probabilities(np.asarray(output)))

    def draw(self, look: "Look", passes: int, seed: int) -> Floats:
        """Probability of each class (passes, k) in passes with dropout; without one, all are the same."""
        if self.head is None:
            return np.repeat(look.probabilities, passes, axis=0)
        for layer in self.head.layers:  # every film meets the same random masks
            if isinstance(layer, keras.layers.Dropout):
                state = layer.seed_generator.state
                state.assign(np.array([seed, 0], state.dtype))
        return class_probabilities(np.asarray(self.head(np.repeat(look.divided, passes, axis=0), training=True)))


@dataclass(frozen=True, eq=False)
class Look:
    """What a network sees in a film: its vector (1, d), what its dropout takes (1, e), and probabilities (1, k)."""

    vector: npt.NDArray[np.float32]
    divided: npt.NDArray[np.float32]
    probabilities: Floats


@dataclass(frozen=True)
class Predictor:
    """A model and how its inputs are made.

    Attributes:
        model: the network.
        record: its record.
        networks: its parts: one, or that of each level of a hierarchical experiment.
        novelty: recognizes films that are unlike its training films.
    """

    model: keras.Model
    record: ModelRecord
    networks: tuple[Network, ...]
    novelty: Novelty

    @classmethod
    def load(cls, folder: UPath) -> Self:
        """The model in ``models/<experiment>/``.

        Raises:
            CxnetError: there is none, or this version makes its inputs differently.
        """
        model, record = load_model(folder / MODEL)
        _prepare_params(record, folder)
        levels = levels_of(model)
        novelty = Novelty.read(folder, vector_of(levels[0]).shape[-1])
        return cls(model, record, tuple(map(Network.of, levels)), novelty)

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
        looks = [network.look(film) for network in self.networks]
        probabilities = _joined([look.probabilities for look in looks])
        rule, options = self.record.rule, self.record.options
        predicted = int(decide(probabilities, options.scheme, rule.threshold)[0])
        return Judgment(
            predicted=predicted,
            probabilities=probabilities[0],
            confidence=float(tempered(probabilities, rule.temperature)[0, predicted]),
            sd=self._spread(looks, predicted, passes),
            novelty=float(self.novelty.measure(looks[0].vector)[0]),
        )

    def _spread(self, looks: Sequence[Look], predicted: int, passes: int) -> float | None:
        """Standard deviation of the predicted class's probability over passes with dropout."""
        if passes == 0 or all(network.head is None for network in self.networks):
            return None
        seed = self.record.options.seed
        drawn = [network.draw(look, passes, seed) for network, look in zip(self.networks, looks, strict=True)]
        return float(_joined(drawn)[:, predicted].std())


def _joined(levels: Sequence[Floats]) -> Floats:
    """Probability of each class (N, k), from those that each level of a hierarchical experiment gives."""
    return levels[0] if len(levels) == 1 else join(*(each[:, 1] for each in levels))


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
