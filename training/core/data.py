"""Prepared arrays as batches: which films, in which order, changed how, scaled how.

The only place that scales pixels is :func:`to_float`; the only way to films is :func:`select`, which is asked for
splits by name. Training asks for ``train`` and ``val``; only :mod:`training.evaluate.stage` asks for others.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.prepare.arrays import Arrays
from sources.core.errors import CxnetError
from training.core.augment import NONE, Augmentation, change_shapes, draw_brightness
from training.core.losses import encode

Images = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Batch = tuple[Floats, Floats, Floats]

MANY = 50  # batches of an epoch from which two threads make them; Keras takes a tenth of a second to end its threads
SCALING = "x / 255"  # what to_float does, recorded in every model


@dataclass(frozen=True)
class Films:
    """Films of some splits whose label is one of the experiment's classes.

    Attributes:
        images: all prepared images (M, size, size, 3) uint8, on disk; ``positions`` says which are meant.
        rows: the N films' rows, in the order of the arrays.
        positions: place of each film in ``images``, (N,) int64.
        targets: class index of each film, (N,) int64.
        classes: labels in index order.
    """

    images: Images
    rows: pd.DataFrame
    positions: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int64]
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.positions)

    def counts(self) -> dict[str, int]:
        """Films per class, classes without one included."""
        found = np.bincount(self.targets, minlength=len(self.classes))
        return {name: int(count) for name, count in zip(self.classes, found, strict=True)}


def select(arrays: Arrays, splits: Collection[str], classes: Sequence[str]) -> Films:
    """The films of ``splits`` whose label is one of ``classes``."""
    rows = arrays.rows.reset_index(drop=True)
    chosen = rows["split"].isin(list(splits)) & rows["label"].isin(list(classes))
    positions = np.flatnonzero(chosen.to_numpy(bool))
    index = {name: number for number, name in enumerate(classes)}
    targets = np.array([index[label] for label in rows.loc[positions, "label"]], np.int64)
    return Films(arrays.images, rows.loc[positions].reset_index(drop=True), positions, targets, tuple(classes))


def check_groups(first: Films, second: Films) -> None:
    """Refuse splits that share a patient or a duplicate cluster.

    Raises:
        CxnetError: a group lies on both sides.
    """
    shared = sorted(set(first.rows["group_id"].dropna()) & set(second.rows["group_id"].dropna()))
    if shared:
        raise CxnetError(
            f"Group {shared[0]} has films in split '{_split_of(first, shared[0])}' and in split "
            f"'{_split_of(second, shared[0])}'; run `cxnet-data split` and what follows again."
        )


def _split_of(films: Films, group: str) -> str:
    return str(films.rows.loc[films.rows["group_id"] == group, "split"].iloc[0])


def to_float(images: Images, brightness: Floats | None = None) -> Floats:
    """Pixels uint8 (N, H, W, C) as the network takes them: float32 in [0, 1].

    Args:
        images: prepared images.
        brightness: factor of each image (N,), float32, clipped at white; None leaves them as they are.
    """
    if brightness is None:
        return np.multiply(images, np.float32(1 / 255), dtype=np.float32)
    scaled = np.multiply(images, (brightness / 255).astype(np.float32)[:, None, None, None], dtype=np.float32)
    return np.minimum(scaled, np.float32(1), out=scaled)


class Batches(keras.utils.PyDataset):
    """Batches of ``films`` in their order, as (inputs, encoded targets, weights), made one ahead of the training step.

    Every epoch has all films once. Batches are as even as they can be, so that none is too small for batch statistics.
    """

    def __init__(self, films: Films, batch_size: int, class_weights: Floats) -> None:
        """Batches of at most ``batch_size`` films; each film weighs what its class does in ``class_weights`` (k,)."""
        super().__init__()
        self.films = films
        self.class_weights = class_weights
        self.parts = even_parts(len(films), batch_size)

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, index: int) -> Batch:
        chosen = self.parts[index]
        return (to_float(self.films.images[self.films.positions[chosen]]), *self._targets(chosen))

    def _targets(self, chosen: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
        targets = self.films.targets[chosen]
        return encode(targets, len(self.films.classes)), self.class_weights[targets]


class ShuffledBatches(Batches):
    """Batches in a new order every epoch, randomly changed.

    Order and changes depend on seed, epoch and batch alone, whichever thread asks for a batch and when.
    """

    def __init__(
        self, films: Films, batch_size: int, class_weights: Floats, seed: int, augmentation: Augmentation = NONE
    ) -> None:
        """As :class:`Batches`; ``seed`` decides order and changes, ``augmentation`` their ranges."""
        super().__init__(films, batch_size, class_weights)
        if len(self) >= MANY:
            self.workers = 2
        self.seed = seed
        self.augmentation = augmentation
        self.epoch = 0
        self.order = epoch_order(len(films), seed, self.epoch)

    def __getitem__(self, index: int) -> Batch:
        chosen = self.order[self.parts[index]]
        images = np.asarray(self.films.images[self.films.positions[chosen]])
        if self.augmentation == NONE:
            return (to_float(images), *self._targets(chosen))
        rng = np.random.default_rng((self.seed, self.epoch, index))
        changed = change_shapes(images, self.augmentation, rng)
        return (to_float(changed, draw_brightness(len(chosen), self.augmentation, rng)), *self._targets(chosen))

    def on_epoch_end(self) -> None:
        """Draw the order of the next epoch; Keras calls this while no thread makes batches."""
        self.epoch += 1
        self.order = epoch_order(len(self.films), self.seed, self.epoch)


def epoch_order(count: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """Order of ``count`` films in one epoch: a permutation of 0 ... count - 1, (count,) int64."""
    return np.random.default_rng((seed, epoch)).permutation(count)


def even_parts(count: int, most: int) -> list[npt.NDArray[np.int64]]:
    """0 ... count - 1 in as few runs of at most ``most`` as it takes, their lengths differing by at most one."""
    if count == 0:
        return []
    return np.array_split(np.arange(count), -(-count // most))
