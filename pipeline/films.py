"""What dedupe keeps of every film: hashes in memory; a small picture and its features in temporary files.

So memory does not grow with the pictures: 112,120 films are about 3 MB of hashes and 9 GB of temporary disk.
"""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from pipeline.features import BYTES, POINTS, SIDE, Bits, Points, find_points
from pipeline.hashes import dhash, phash, window_hashes
from pipeline.png import decode_png, shrink
from pipeline.tones import Gray

PLAIN, MIRRORED = 0, 1
HASHES = ("phash", "mirrored", "inverted", "trimmed", "centre", "dhash")


@dataclass(frozen=True, eq=False)
class Film:
    """One film, measured.

    Attributes:
        width, height: of the pool picture (px).
        hashes: one number for each of ``HASHES``.
        small: (h, w) uint8, long side at most ``SIDE``.
        points: its local features.
    """

    width: int
    height: int
    hashes: tuple[int, ...]
    small: Gray
    points: Points


def measure_png(png: bytes) -> Film:
    """Measure a pool picture."""
    return measure(decode_png(png))


def measure(gray: Gray) -> Film:
    """Measure a decoded film, (H, W) uint8."""
    small = shrink(gray, SIDE)
    mirrored, inverted, trimmed, middle = window_hashes(small)
    hashes = (phash(gray), mirrored, inverted, trimmed, middle, dhash(gray))
    return Film(gray.shape[1], gray.shape[0], hashes, small, find_points(small))


class Films:
    """The measured films of a data set, by number. Use as a context manager.

    Attributes:
        sizes: (n, 2) int32, width and height of the pool pictures.
        hashes: name -> (n,) uint64.
        counts: (n,) int32, features per film.
        bits: (n, 2, POINTS, BYTES) uint8 on disk: descriptors, plain and mirrored.
        places: (n, POINTS, 2) float32 on disk; levels: (n, POINTS) uint8 on disk.
    """

    def __init__(self, capacity: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="cxnet-films-")
        self._used = 0
        self.sizes = np.zeros((capacity, 2), np.int32)
        self.hashes = {name: np.zeros(capacity, np.uint64) for name in HASHES}
        self.counts = np.zeros(capacity, np.int32)
        self.bits: Bits = self._mapped("bits", (capacity, 2, POINTS, BYTES), np.uint8)
        self.places: npt.NDArray[np.float32] = self._mapped("places", (capacity, POINTS, 2), np.float32)
        self.levels: npt.NDArray[np.uint8] = self._mapped("levels", (capacity, POINTS), np.uint8)
        self._shapes = np.zeros((capacity, 2), np.int32)
        self._starts = np.zeros(capacity, np.int64)
        self._pictures = (Path(self._folder.name) / "pictures").open("w+b")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pictures.close()
        del self.bits, self.places, self.levels
        self._folder.cleanup()

    def __len__(self) -> int:
        return self._used

    def extend(self, films: Iterable[Film]) -> Self:
        """Add films; the first gets number 0."""
        for film in films:
            self.add(film)
        return self

    def add(self, film: Film) -> None:
        number, count = self._used, len(film.points)
        self.sizes[number] = film.width, film.height
        for name, value in zip(HASHES, film.hashes, strict=True):
            self.hashes[name][number] = value
        self.counts[number] = count
        self.bits[number, PLAIN, :count] = film.points.bits
        self.bits[number, MIRRORED, :count] = film.points.mirrored
        self.places[number, :count] = film.points.places
        self.levels[number, :count] = film.points.levels
        self._shapes[number] = film.small.shape
        self._starts[number] = self._pictures.seek(0, 2)
        self._pictures.write(film.small.tobytes())
        self._used += 1

    def __getitem__(self, number: int) -> Film:
        """The film as it was measured."""
        count = int(self.counts[number])
        height, width = (int(length) for length in self._shapes[number])
        self._pictures.seek(self._starts[number])
        small = np.frombuffer(self._pictures.read(height * width), np.uint8).reshape(height, width)
        bits = np.array(self.bits[number, :, :count])
        points = Points(
            np.array(self.places[number, :count]), np.array(self.levels[number, :count]), bits[PLAIN], bits[MIRRORED]
        )
        hashes = tuple(int(self.hashes[name][number]) for name in HASHES)
        return Film(int(self.sizes[number, 0]), int(self.sizes[number, 1]), hashes, small, points)

    def _mapped(self, name: str, shape: tuple[int, ...], kind: type) -> np.ndarray:
        if 0 in shape:
            return np.zeros(shape, kind)
        return np.memmap(Path(self._folder.name) / name, kind, "w+", shape=shape)
