"""The bootstrap over patients: how much a statistic would vary, had other patients been examined.

Films of one patient resemble each other, so that whole patients are drawn. A draw is a row of weights: how often each
film is in it. Statistics take many rows at once, which makes 2,000 draws cheap.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Values = dict[str, Floats]

LEVEL = 0.95  # of all intervals
DRAWS = 2000
DIGITS = 6  # of all results; more than the number of films supports
MAX_WEIGHTS = 4_000_000  # in memory at a time


@dataclass(frozen=True)
class Estimate:
    """A metric and its 95% interval, rounded to six digits; None where undefined, because JSON has no NaN."""

    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, value: float, low: float, high: float) -> Self:
        """The estimate with these values, NaN where undefined."""
        return cls(*(round(float(each), DIGITS) if np.isfinite(each) else None for each in (value, low, high)))

    def __str__(self) -> str:
        if self.value is None or self.low is None or self.high is None:
            return "undefined"
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def resample(groups: Ints, seed: int, statistics: Callable[[Floats], Values], draws: int = DRAWS) -> Values:
    """The values of ``statistics`` in ``draws`` resamples of the groups, drawn with replacement.

    Args:
        groups: number of the patient of each film (N,).
        seed: seed of the draws.
        statistics: from the weights of the films in some draws (B, N) to each statistic (B,).
        draws: number of resamples.

    Returns:
        (draws,) float64 each.
    """
    parts = [statistics(weights) for weights in _draw(groups, seed, draws)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _draw(groups: Ints, seed: int, draws: int) -> Iterator[Floats]:
    """Weights of the films in all draws, as many draws at a time as fit into memory."""
    rng = np.random.default_rng(seed)
    names, group_of = np.unique(groups, return_inverse=True)
    count = len(names)
    most = max(1, MAX_WEIGHTS // len(groups))
    for start in range(0, draws, most):
        size = min(most, draws - start)
        drawn = rng.integers(count, size=(size, count)) + count * np.arange(size)[:, None]
        times = np.bincount(drawn.ravel(), minlength=size * count).reshape(size, count)
        yield times[:, group_of].astype(np.float64)


def percentiles(values: Floats) -> tuple[float, float]:
    """The interval that contains the middle 95% of the finite ``values``; NaN if there are none."""
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(finite, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def estimates(groups: Ints, seed: int, statistics: Callable[[Floats], Values]) -> dict[str, Estimate]:
    """Each statistic of all films, with its interval; arguments as for :func:`resample`."""
    values, resampled = statistics(np.ones(len(groups))), resample(groups, seed, statistics)
    return {name: Estimate.of(float(value), *percentiles(resampled[name])) for name, value in values.items()}


def ratio(dividend: npt.ArrayLike, divisor: npt.ArrayLike, otherwise: float = np.nan) -> Floats:
    """``dividend / divisor``, element by element; ``otherwise`` where ``divisor`` is 0."""
    above, below = np.broadcast_arrays(np.asarray(dividend, float), np.asarray(divisor, float))
    return np.divide(above, below, out=np.full(above.shape, otherwise), where=below != 0)[()]
