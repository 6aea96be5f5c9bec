"""Connected parts of black and white pictures, as runs: stretches of neighboring pixels within a row.

A picture has hundreds of pixels per run, so that lists of runs take little time where pictures of labels take much.
Places count the pixels of a stack of pictures, (N, H, W), row by row.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from pipeline.imaging.arrays import Gray

Ints = npt.NDArray[np.int64]
Chosen = npt.NDArray[np.bool_]  # (N,), which of N parts


@dataclass(frozen=True, eq=False)
class Runs:
    """The pixels of numbered parts.

    Attributes:
        starts: (R,) int64, place of the first pixel of each run.
        ends: (R,) int64, one past the place of its last pixel.
        numbers: (R,) int64, the part that it belongs to.
    """

    starts: Ints
    ends: Ints
    numbers: Ints

    def of(self, chosen: Chosen) -> "Runs":
        """The runs of the chosen parts, which are numbered anew."""
        belongs = chosen[self.numbers]
        return Runs(self.starts[belongs], self.ends[belongs], (np.cumsum(chosen) - 1)[self.numbers[belongs]])

    def pixels(self) -> tuple[Ints, Ints]:
        """Place and part of every pixel, each (P,)."""
        return stretches(self.starts, self.ends), np.repeat(self.numbers, self.ends - self.starts)

    def by_part(self, smallest_or_largest: np.ufunc, values: Ints) -> Ints:
        """``np.minimum`` or ``np.maximum`` of the values of each part's runs; every number up to the last has one."""
        found = np.zeros(int(self.numbers.max(initial=-1)) + 1, np.int64)
        found[self.numbers] = values  # any of its own values to begin with
        smallest_or_largest.at(found, self.numbers, values)
        return found

    def widened(self, shape: tuple[int, ...]) -> "Runs":
        """The parts and 1 px around them, within pictures of this shape, (H, W); parts may overlap then."""
        height, width = shape
        row, column = np.divmod(self.starts, width)
        left, right = np.maximum(column - 1, 0), np.minimum(column + self.ends - self.starts + 1, width)
        size = (int(row.max(initial=0)) + 3) * width  # a part's places are moved by its number times this
        starts, ends = [], []
        for shift in (-1, 0, 1):
            inside = (row % height + shift >= 0) & (row % height + shift < height)
            line = (self.numbers * size + (row + shift) * width)[inside]
            starts.append(line + left[inside])
            ends.append(line + right[inside])
        return _merged(np.concatenate(starts), np.concatenate(ends), size)


def stretches(starts: Ints, ends: Ints) -> Ints:
    """The numbers from each start to before its end, one stretch after the other."""
    lengths = ends - starts
    before = np.cumsum(lengths) - lengths
    return np.repeat(starts - before, lengths) + np.arange(lengths.sum())


def find_parts(pictures: Gray, level: int) -> Runs:
    """The parts of pictures, (N, H, W): pixels above ``level`` that touch at a side or a corner, numbered throughout.

    What lies in a hole of a part belongs to it; the hole itself does not.
    """
    count, height, width = pictures.shape
    padded = np.zeros((count, height + 2, width + 2), bool)
    np.greater(pictures, level, out=padded[:, 1:-1, 1:-1])
    flat = padded.ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts, ends = changes[::2], changes[1::2]
    around = _connected(np.append(0, ends), np.append(starts, flat.size), width + 2, reach=0)
    outside = around == around[0]  # of the runs before, between and after those of the parts; the others are holes
    first, last = outside[:-1], outside[1:]
    numbers = _connected(starts[first], ends[last], width + 2, reach=1)[np.cumsum(first) - 1]
    row, column = np.divmod(starts, width + 2)
    picture, row = np.divmod(row, height + 2)
    places = (picture * height + row - 1) * width + column - 1
    return Runs(places, places + ends - starts, numbers)


def _merged(starts: Ints, ends: Ints, size: int) -> Runs:
    """Runs that overlap or touch as one, where part * ``size`` is added to all places."""
    order = np.argsort(starts)
    starts, reached = starts[order], np.maximum.accumulate(ends[order])
    is_first = starts > np.append(-1, reached)[:-1]
    starts, ends = starts[is_first], reached[np.roll(is_first, -1)]
    numbers = starts // size
    return Runs(starts - numbers * size, ends - numbers * size, numbers)


def _connected(starts: Ints, ends: Ints, width: int, reach: int) -> Ints:
    """Number the connected sets of runs, which are in order: (R,).

    Args:
        reach: 1 if runs in neighboring rows are connected where they touch at corners, 0 if only at sides.
    """
    if not len(starts):
        return np.zeros(0, np.int64)
    below = np.searchsorted(ends, starts + width - reach, side="right")  # the first run below that each one touches
    beyond = np.searchsorted(starts, ends + width + reach, side="left")  # one past the last of them
    touching, pointers = stretches(below, beyond), np.append(0, np.cumsum(beyond - below))
    graph = csr_array((np.ones(len(touching)), touching, pointers), shape=(len(starts), len(starts)))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)
