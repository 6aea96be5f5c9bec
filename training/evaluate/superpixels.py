"""Superpixels: a film divided into regions of similar tone (SLIC, Achanta et al. 2012)."""

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt, label

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

ROUNDS = 10
COMPACTNESS = 0.1  # difference in tone (0 to 1) that counts as much as the distance between two centers


def superpixels(gray: Floats, count: int = 64) -> Ints:
    """Divide a film into about ``count`` regions.

    Centers start on a square grid. A pixel joins the center that is nearest in place and tone, among those of its cell
    and of the eight around it.

    Args:
        gray: (S, S) in [0, 1].
        count: number of regions.

    Returns:
        Number of the region of each pixel (S, S), from 0 without gaps.
    """
    side, cells = gray.shape[0], max(1, round(float(np.sqrt(count))))
    rows, columns = np.indices(gray.shape)
    step = side / cells
    scale = np.array([COMPACTNESS / step, COMPACTNESS / step, 1.0])
    pixels = np.stack([rows, columns, gray], axis=-1) * scale
    row, column = rows * cells // side, columns * cells // side
    numbers = row * cells + column
    candidates = np.stack(
        [
            np.clip(row + down, 0, cells - 1) * cells + np.clip(column + right, 0, cells - 1)
            for down in (-1, 0, 1)
            for right in (-1, 0, 1)
        ]
    )
    for _ in range(ROUNDS):
        centers = _means(pixels, numbers, cells**2)
        distances = ((pixels - centers[candidates]) ** 2).sum(axis=-1)
        numbers = np.take_along_axis(candidates, distances.argmin(axis=0)[None], axis=0)[0]
    return np.unique(_connected(numbers), return_inverse=True)[1].reshape(gray.shape)


def _means(pixels: Floats, numbers: Ints, count: int) -> Floats:
    """Mean place and tone of each region (count, 3); infinitely far away if it has no pixel."""
    sizes = np.bincount(numbers.ravel(), minlength=count)
    sums = [np.bincount(numbers.ravel(), values.ravel(), count) for values in np.moveaxis(pixels, -1, 0)]
    means = np.divide(sums, sizes, out=np.full((3, count), np.inf), where=sizes > 0)
    return np.asarray(means.T)


def _connected(numbers: Ints) -> Ints:
    """Keep the largest part of each region; other pixels join the nearest kept one."""
    kept = np.zeros(numbers.shape, bool)
    for number in np.unique(numbers):
        parts, count = label(numbers == number)
        kept |= parts == 1 + np.bincount(parts.ravel(), minlength=count + 1)[1:].argmax()
    nearest = distance_transform_edt(~kept, return_distances=False, return_indices=True)
    return np.asarray(numbers[tuple(nearest)])
