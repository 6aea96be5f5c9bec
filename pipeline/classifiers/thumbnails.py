"""64 x 64 thumbnails, and the features that small networks take from them: edges, coarse gray levels, detail."""

from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.classifiers.networks import Vectors
from pipeline.imaging.arrays import Gray

SIDE = 64  # px of the thumbnail
CELL = 8  # px, side of the cells in which edge directions are counted
BINS = 9  # of edge direction, without sign, so that a film and its negative look alike
COARSE = 16  # px, side of the coarse picture
LEVELS = 16  # bins of the gray level histogram

Thumbnails = npt.NDArray[np.uint8]  # (N, 64, 64), or (64, 64) for one


def thumbnail(gray: Gray) -> tuple[Thumbnails, float]:
    """A picture stretched to 64 x 64, and its width / height."""
    small = cv2.resize(gray, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), gray.shape[1] / gray.shape[0]


def features(thumbnails: Thumbnails, aspects: Vectors) -> Vectors:
    """Feature vectors, float32 (N, D): edge directions, coarse picture, gray levels, detail, aspect ratio.

    Args:
        thumbnails: uint8 (N, 64, 64).
        aspects: width / height of the pictures, float32 (N,).
    """
    pictures = _normalize(thumbnails.astype(np.float32))
    parts = [_edge_directions(pictures), _coarse(pictures), _levels(thumbnails), _detail(thumbnails)]
    shape = np.log(np.clip(aspects, 0.1, 10.0))[:, None]
    return np.concatenate([*parts, shape, np.abs(shape)], axis=1).astype(np.float32)


def mirrored(vectors: Vectors) -> Vectors:
    """Feature vectors of the mirror images, (N, D), from those of the pictures: the same numbers in other places."""
    return np.asarray(vectors[:, _mirrored_places(vectors.shape[1])])


@cache
def _mirrored_places(count: int) -> npt.NDArray[np.int64]:
    """For each of ``count`` features of a mirror image, its place in the features of the picture."""
    cells, places = SIDE // CELL, np.arange(count)
    edges, coarse, others = np.split(places, np.cumsum([cells * cells * BINS, COARSE * COARSE]))
    turned = edges.reshape(cells, cells, BINS)[:, ::-1, -np.arange(BINS) % BINS]  # an edge along 20 degrees lies at 160
    return np.concatenate([turned.ravel(), coarse.reshape(COARSE, COARSE)[:, ::-1].ravel(), others])


def _normalize(pictures: Vectors) -> Vectors:
    """Each picture with mean 0 and standard deviation 1; a flat one becomes all 0."""
    mean = pictures.mean(axis=(1, 2), keepdims=True)
    spread = pictures.std(axis=(1, 2), keepdims=True)
    return np.asarray((pictures - mean) / np.maximum(spread, 1.0), np.float32)


def _edge_directions(pictures: Vectors) -> Vectors:
    """Histograms of edge directions per cell, normalized over the picture and each cell's neighborhood (HOG)."""
    down, right = np.gradient(pictures, axis=(1, 2))
    strength = np.hypot(down, right)
    angle = np.arctan2(down, right)
    angle = np.where(angle < 0, angle + np.float32(np.pi), angle)  # without sign; faster than np.mod
    direction = np.where(angle >= np.float32(np.pi), 0, angle) / np.pi * BINS
    low = direction.astype(int)
    share = direction - low
    cells, count = SIDE // CELL, len(pictures)
    place = _cell_places() + np.arange(count)[:, None, None] * (cells * cells * BINS)
    votes = np.zeros(count * cells * cells * BINS)
    for bins, weight in ((low, 1 - share), (low + 1, share)):
        wrapped = np.where(bins == BINS, 0, bins)
        votes += np.bincount((place + wrapped).ravel(), (strength * weight).ravel(), len(votes))
    histogram = votes.astype(np.float32).reshape(-1, cells, cells, BINS)
    energy = (histogram**2).sum(axis=3)
    energy = np.concatenate([energy[:, :1], energy, energy[:, -1:]], axis=1)
    energy = np.concatenate([energy[:, :, :1], energy, energy[:, :, -1:]], axis=2)
    around = sum(energy[:, y : y + cells, x : x + cells] for y in range(3) for x in range(3))
    local = histogram / np.sqrt(np.asarray(around)[..., None] + 1.0)
    return np.asarray(np.sqrt(local).reshape(count, -1), np.float32)


@cache
def _cell_places() -> npt.NDArray[np.int64]:
    """For each pixel of a thumbnail, place of the first bin of its cell, (64, 64)."""
    cell = np.arange(SIDE) // CELL
    return np.asarray((cell[:, None] * (SIDE // CELL) + cell) * BINS, np.int64)


def _coarse(pictures: Vectors) -> Vectors:
    """The normalized pictures shrunk to 16 x 16."""
    step = SIDE // COARSE
    small = pictures.reshape(-1, COARSE, step, COARSE, step).mean(axis=(2, 4))
    return np.asarray(np.clip(small, -3, 3).reshape(len(pictures), -1), np.float32)


def _levels(thumbnails: Thumbnails) -> Vectors:
    """Square roots of the shares of every gray level bin, and of pure black and pure white."""
    flat = thumbnails.reshape(len(thumbnails), -1)
    bins = flat // (256 // LEVELS) + np.arange(len(flat))[:, None] * LEVELS
    counts = np.bincount(bins.ravel(), minlength=len(flat) * LEVELS).reshape(-1, LEVELS) / flat.shape[1]
    black, white = ((flat <= 2).mean(axis=1), (flat >= 253).mean(axis=1))
    return np.asarray(np.sqrt(np.column_stack([counts, black, white])), np.float32)


def _detail(thumbnails: Thumbnails) -> Vectors:
    """Mean change between neighboring pixels at three scales, relative to the picture's standard deviation."""
    small = thumbnails.astype(np.float32)
    spread = small.std(axis=(1, 2)) + 1.0
    changes = []
    for scale in range(3):
        if scale:
            sums = small[:, ::2, ::2] + small[:, ::2, 1::2] + small[:, 1::2, ::2] + small[:, 1::2, 1::2]
            small = np.asarray(sums / 4, np.float32)
        for change in (small[:, 1:] - small[:, :-1], small[:, :, 1:] - small[:, :, :-1]):
            changes.append(np.abs(change).mean(axis=(1, 2)) / spread)
    return np.asarray(np.stack(changes, axis=1), np.float32)
