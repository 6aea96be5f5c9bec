"""Films with lung masks, as batches for training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import keras
import numpy as np
import numpy.typing as npt

from pipeline.classifiers.lungs import equalize
from pipeline.imaging.arrays import Gray
from training.segment.augment import Change, change
from training.segment.losses import UNKNOWN

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class MaskedFilm:
    """A film whose lungs are known.

    Attributes:
        picture: (H, W) uint8.
        masks: definition of a lung -> (H, W) uint8, 0 and 255.
    """

    picture: Gray
    masks: Mapping[str, Gray]


class ChangedFilms(keras.utils.PyDataset):
    """Batches of films, in a new order and with new random changes in every epoch.

    Inputs are float32 (N, size, size, 1) in [0, 1]. Targets are float32 (N, side, side, K): the share of lung in each
    pixel, or :data:`training.segment.losses.UNKNOWN`.
    """

    def __init__(
        self,
        films: Sequence[MaskedFilm],
        definitions: Sequence[str],
        size: int,
        side: int,
        batch: int,
        seed: int,
        ranges: Change | None = None,
    ) -> None:
        """Prepare batches.

        Args:
            films: at least one.
            definitions: of lungs, in the order of the outputs.
            size: side of the inputs (px).
            side: side of the targets (px).
            batch: films per batch.
            seed: seed of order and changes.
            ranges: of the changes.
        """
        super().__init__()
        self.films, self.definitions = films, definitions
        self.size, self.side, self.batch = size, side, batch
        self.seed, self.epoch, self.ranges = seed, 0, ranges or Change()

    def __len__(self) -> int:
        return -(-len(self.films) // self.batch)

    def __getitem__(self, place: int) -> tuple[Floats, Floats]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.films))
        chosen = order[place * self.batch : (place + 1) * self.batch]
        rng = np.random.default_rng([self.seed, self.epoch, place])
        inputs, targets = zip(*(self._example(self.films[index], rng) for index in chosen), strict=True)
        return np.stack(inputs), np.stack(targets)

    def on_epoch_end(self) -> None:
        """Go on to the next epoch."""
        self.epoch += 1

    def _example(self, film: MaskedFilm, rng: np.random.Generator) -> tuple[Floats, Floats]:
        picture, masks = change(film.picture, list(film.masks.values()), self.size, rng, self.ranges)
        known = dict(zip(film.masks, masks, strict=True))
        target = np.full((self.side, self.side, len(self.definitions)), UNKNOWN, np.float32)
        for place, definition in enumerate(self.definitions):
            if definition in known:
                small = cv2.resize(known[definition], (self.side, self.side), interpolation=cv2.INTER_AREA)
                target[:, :, place] = small / np.float32(255)
        return np.asarray(equalize(picture)[:, :, None] / 255, np.float32), target
