"""What dedupe keeps of every film: hashes in memory; a small picture and its features in temporary files.

The files are read and written, not memory-mapped, so memory use stays predictable: about 180 MB for 112,120 films
(hashes and places of features), plus 9 GB of temporary disk.
"""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from pipeline.dedupe.features import BYTES, POINTS, SIDE, Bits, Points, find_points
from pipeline.dedupe.hashes import FilmHashes, hash_film
from pipeline.imaging.arrays import Box, Gray
from pipeline.imaging.borders import crop, tolerant_content_box
from pipeline.imaging.png import decode_png, shrink

PLAIN, MIRRORED = 0, 1  # order of the two descriptor sets in FilmStore.bits


@dataclass(frozen=True, eq=False)
class MeasuredFilm:
    """What is measured of one film.

    Attributes:
        width, height: size of the pool picture (px).
        box: the part of the pool picture inside plain borders.
        hashes: perceptual hashes.
        small: (h, w) uint8, the box with its long side at most ``SIDE``.
        points: local features of the box.
    """

    width: int
    height: int
    box: Box
    hashes: FilmHashes
    small: Gray
    points: Points


def measure_png(png: bytes) -> MeasuredFilm:
    """Measure a pool picture.

    Raises:
        ValueError: the bytes are not a picture.
    """
    return measure(decode_png(png))


def measure(gray: Gray) -> MeasuredFilm:
    """Measure a decoded film, (H, W) uint8."""
    whole = shrink(gray, SIDE)
    inside = tolerant_content_box(whole)
    box = _scale_box(inside, gray.shape[1] / whole.shape[1], gray.shape[0] / whole.shape[0])
    small = shrink(crop(gray, box), SIDE) if inside[2:] != whole.shape[::-1] else whole
    return MeasuredFilm(gray.shape[1], gray.shape[0], box, hash_film(gray, whole, inside), small, find_points(small))


def _scale_box(box: Box, x: float, y: float) -> Box:
    left, top, width, height = box
    first, last = (round(left * x), round(top * y)), (round((left + width) * x), round((top + height) * y))
    return *first, last[0] - first[0], last[1] - first[1]


class FilmStore:
    """The measured films of a data set, by number. Use as a context manager.

    Attributes:
        sizes: (n, 2) int32, width and height of the pool pictures (px).
        boxes: (n, 4) int32, the part inside plain borders, as in :class:`MeasuredFilm`.
        hashes: name of a field of :class:`FilmHashes` -> (n,) uint64.
        counts: (n,) int32, features per film.
        places: (n, POINTS, 2) float16, exact to an eighth of a pixel.
        levels: (n, POINTS) uint8.
    """

    def __init__(self, capacity: int) -> None:
        self._used = 0
        self.sizes = np.zeros((capacity, 2), np.int32)
        self.boxes = np.zeros((capacity, 4), np.int32)
        self.hashes = {name: np.zeros(capacity, np.uint64) for name in FilmHashes._fields}
        self.counts = np.zeros(capacity, np.int32)
        self.places = np.zeros((capacity, POINTS, 2), np.float16)
        self.levels = np.zeros((capacity, POINTS), np.uint8)
        self._shapes = np.zeros((capacity, 2), np.int32)
        self._starts = np.zeros((capacity, 2), np.int64)
        self._pictures = tempfile.TemporaryFile(prefix="cxnet-pictures-")  # noqa: SIM115  closed by __exit__
        self._bits = tempfile.TemporaryFile(prefix="cxnet-bits-")  # noqa: SIM115  files without a name leave nothing

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pictures.close()
        self._bits.close()

    def __len__(self) -> int:
        return self._used

    def extend(self, films: Iterable[MeasuredFilm]) -> Self:
        """Add films; they are numbered from 0 in the order they come."""
        for film in films:
            self.add(film)
        return self

    def add(self, film: MeasuredFilm) -> None:
        """Add one film under the next number."""
        number, count = self._used, len(film.points)
        self.sizes[number] = film.width, film.height
        self.boxes[number] = film.box
        for name, value in zip(FilmHashes._fields, film.hashes, strict=True):
            self.hashes[name][number] = value
        self.counts[number] = count
        self.places[number, :count] = film.points.places
        self.levels[number, :count] = film.points.levels
        self._shapes[number] = film.small.shape
        self._starts[number] = self._pictures.seek(0, 2), self._bits.seek(0, 2)
        self._pictures.write(film.small.tobytes())
        self._bits.write(film.points.bits.tobytes() + film.points.mirrored.tobytes())
        self._used += 1

    def __getitem__(self, number: int) -> MeasuredFilm:
        """Read a film back as it was measured."""
        count = int(self.counts[number])
        height, width = (int(length) for length in self._shapes[number])
        self._pictures.seek(self._starts[number, 0])
        small = np.frombuffer(self._pictures.read(height * width), np.uint8).reshape(height, width)
        bits = self.bits(number)
        places = self.places[number, :count].astype(np.float32)
        points = Points(places, self.levels[number, :count].copy(), bits[PLAIN], bits[MIRRORED])
        hashes = FilmHashes(*(int(self.hashes[name][number]) for name in FilmHashes._fields))
        left, top, box_width, box_height = (int(length) for length in self.boxes[number])
        box = (left, top, box_width, box_height)
        return MeasuredFilm(int(self.sizes[number, 0]), int(self.sizes[number, 1]), box, hashes, small, points)

    def bits(self, number: int) -> Bits:
        """Read a film's descriptors, (2, count, BYTES) uint8: plain and mirrored."""
        count = int(self.counts[number])
        self._bits.seek(self._starts[number, 1])
        return np.frombuffer(self._bits.read(2 * count * BYTES), np.uint8).reshape(2, count, BYTES)
