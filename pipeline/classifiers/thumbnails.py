"""Pictures as 64 x 64 thumbnails, and what small networks see of them: edge directions, coarse gray levels, detail."""

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.classifiers.networks import Vectors
from pipeline.imaging.arrays import Gray

SIDE = 64  # px of the thumbnail
CELL = 8  # px of a cell of edge directions
BINS = 9  # edge directions, without sign: a film and its negative have the same
COARSE = 16  # px of the coarse picture
LEVELS = 16  # bins of the gray level histogram

Thumbnails = npt.NDArray[np.uint8]


def thumbnail(gray: Gray) -> tuple[Thumbnails, float]:
    """A picture as 64 x 64 (stretched) and its width / height."""
    small = cv2.resize(gray, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), gray.shape[1] / gray.shape[0]


def features(thumbnails: Thumbnails, aspects: Vectors) -> Vectors:
    """Feature vectors, float32 (N, D): edge directions, coarse picture, gray levels, detail, aspect."""
    pictures = _normalised(thumbnails.astype(np.float32))
    parts = [_edge_directions(pictures), _coarse(pictures), _levels(thumbnails), _detail(thumbnails)]
    shape = np.log(np.clip(aspects, 0.1, 10.0))[:, None]
    return np.concatenate([*parts, shape, np.abs(shape)], axis=1).astype(np.float32)


def _normalised(pictures: Vectors) -> Vectors:
    """Mean 0 and spread 1 per picture; a flat one is all 0."""
    mean = pictures.mean(axis=(1, 2), keepdims=True)
    spread = pictures.std(axis=(1, 2), keepdims=True)
    return np.asarray((pictures - mean) / np.maximum(spread, 1.0), np.float32)


def _edge_directions(pictures: Vectors) -> Vectors:
    """Histogram of edge directions per cell, normalised over the whole picture and over its neighbourhood (HOG)."""
    down, right = np.gradient(pictures, axis=(1, 2))
    strength = np.hypot(down, right)
    direction = np.mod(np.arctan2(down, right), np.pi) / np.pi * BINS
    low = np.floor(direction).astype(int)
    share = direction - low
    cells = SIDE // CELL
    cell = np.arange(SIDE) // CELL
    place = (np.arange(len(pictures))[:, None, None] * cells + cell[:, None]) * cells + cell
    votes = np.zeros(len(pictures) * cells * cells * BINS)
    for offset, weight in ((0, 1 - share), (1, share)):
        bins = (place * BINS + (low + offset) % BINS).ravel()
        votes += np.bincount(bins, (strength * weight).ravel(), len(votes))
    histogram = votes.astype(np.float32).reshape(-1, cells, cells, BINS)
    energy = np.pad((histogram**2).sum(axis=3), ((0, 0), (1, 1), (1, 1)), mode="edge")
    around = sum(energy[:, y : y + cells, x : x + cells] for y in range(3) for x in range(3))
    local = histogram / np.sqrt(np.asarray(around)[..., None] + 1.0)
    return np.asarray(np.sqrt(local).reshape(len(pictures), -1), np.float32)


def _coarse(pictures: Vectors) -> Vectors:
    step = SIDE // COARSE
    small = pictures.reshape(-1, COARSE, step, COARSE, step).mean(axis=(2, 4))
    return np.asarray(np.clip(small, -3, 3).reshape(len(pictures), -1), np.float32)


def _levels(thumbnails: Thumbnails) -> Vectors:
    """Share of every gray level bin, and of pure black and white."""
    flat = thumbnails.reshape(len(thumbnails), -1)
    bins = flat // (256 // LEVELS) + np.arange(len(flat))[:, None] * LEVELS
    counts = np.bincount(bins.ravel(), minlength=len(flat) * LEVELS).reshape(-1, LEVELS) / flat.shape[1]
    black, white = ((flat <= 2).mean(axis=1), (flat >= 253).mean(axis=1))
    return np.asarray(np.sqrt(np.column_stack([counts, black, white])), np.float32)


def _detail(thumbnails: Thumbnails) -> Vectors:
    """How much changes from pixel to pixel at three scales, against the spread of the picture."""
    pictures = thumbnails.astype(np.float32)
    spread = pictures.std(axis=(1, 2)) + 1.0
    found = []
    for step in (1, 2, 4):
        small = pictures.reshape(-1, SIDE // step, step, SIDE // step, step).mean(axis=(2, 4))
        found += [np.abs(np.diff(small, axis=axis)).mean(axis=(1, 2)) / spread for axis in (1, 2)]
    return np.asarray(np.stack(found, axis=1), np.float32)
