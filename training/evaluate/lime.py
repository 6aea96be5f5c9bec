"""LIME: which regions of a film a model's probability depends on (Ribeiro et al. 2016, arXiv:1602.04938).

As in the paper's code: 1,000 copies of the film, in each of which random superpixels are black; a ridge regression,
weighted by similarity to the whole film, tells how much each superpixel adds to the probability of the class.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import Ridge

from training.evaluate.superpixels import superpixels

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SAMPLES = 1000
SEED = 18
FEATURES = 5  # superpixels shown of each kind
KERNEL_WIDTH = 0.25  # in cosine distance, as in the authors' package
BATCH_SIZE = 50


@dataclass(frozen=True)
class Explanation:
    """What each superpixel adds to the probability of a class.

    Attributes:
        superpixels: number of the superpixel of each pixel (S, S).
        weights: of each superpixel (n,).
        fit: share of the variance of the probability that the regression explains.
    """

    superpixels: Ints
    weights: Floats
    fit: float

    def supporting(self, most: int = FEATURES) -> Bools:
        """The ``most`` superpixels that speak most for the class, as a mask (S, S)."""
        return self._strongest(self.weights, most)

    def opposing(self, most: int = FEATURES) -> Bools:
        """The ``most`` superpixels that speak most against it, as a mask (S, S)."""
        return self._strongest(-self.weights, most)

    def _strongest(self, weights: Floats, most: int) -> Bools:
        first = np.argsort(-weights, kind="stable")[:most]
        return np.isin(self.superpixels, first[weights[first] > 0])


def lime(
    predict: Callable[[Floats], Floats], film: Floats, channel: int, target: int, samples: int = SAMPLES
) -> Explanation:
    """Explain the probability of one class for one film.

    Args:
        predict: films (B, S, S, 3) in [0, 1] to the probabilities of all classes (B, k).
        film: (S, S, 3) in [0, 1].
        channel: channel that is divided into superpixels.
        target: index of the class.
        samples: number of copies.
    """
    regions = superpixels(film[..., channel])
    shown = np.random.default_rng(SEED).integers(0, 2, (samples, regions.max() + 1))
    shown[0] = 1
    parts = np.array_split(shown, -(-samples // BATCH_SIZE))
    scores = np.concatenate([predict(film * part[:, regions, None].astype(film.dtype))[:, target] for part in parts])
    distances = 1 - np.sqrt(shown.mean(axis=1))  # the cosine distance to the film with all superpixels
    similarity = np.exp(-((distances / KERNEL_WIDTH) ** 2) / 2)
    model = Ridge(alpha=1.0).fit(shown, scores, similarity)
    return Explanation(regions, model.coef_, float(model.score(shown, scores, similarity)))
