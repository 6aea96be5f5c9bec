"""Batches of prepared arrays: which films, in which order, with which random changes and scaling.

All pixels are scaled by :func:`to_float`, and all films are chosen by :func:`select`, which takes the names of splits.
Training selects ``train`` and ``val``; films of ``test`` and
``external`` are only predicted, by :mod:`training.evaluate` and for the other runs of an experiment
(:mod:`training.core.protocols`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.core.balance import PEDIATRIC, SPLITS
from pipeline.core.experiments import FilmsParams
from pipeline.prepare.arrays import Arrays
from sources.core.errors import CxnetError
from sources.core.items import KEY
from training.core.augment import NONE, Augmentation, change_shapes, draw_brightness
from training.core.losses import encode

Images = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Batch = tuple[Floats, Floats, Floats]

# An epoch of at least this many batches uses two threads. Shorter ones do not: Keras needs 0.1 s to stop its threads.
MANY_BATCHES = 50
ALL = FilmsParams()
SCALING = "x / 255"  # what to_float does; recorded in every model


@dataclass(frozen=True)
class LabeledFilms:
    """The films of some splits whose label is one of the experiment's classes.

    Attributes:
        images: all prepared images (M, size, size, 3) uint8, on disk; ``positions`` selects the films among them.
        rows: rows of the N films, in the order of the arrays.
        positions: index of each film in ``images``, (N,) int64.
        targets: class index of each film, (N,) int64.
        classes: labels in index order.
        mask_bits: lung masks of all prepared images, see :class:`pipeline.prepare.arrays.Arrays`; None = not known.
    """

    images: Images
    rows: pd.DataFrame
    positions: Ints
    targets: Ints
    classes: tuple[str, ...]
    mask_bits: Images | None = None

    def __len__(self) -> int:
        return len(self.positions)

    def mask(self, place: int) -> Bools:
        """Where the lungs of film ``place`` are, bool (size, size); nowhere if that is not known."""
        size = self.images.shape[2]
        if self.mask_bits is None:
            return np.zeros((size, size), bool)
        return np.unpackbits(self.mask_bits[self.positions[place]], axis=1, count=size).astype(bool)

    def some(self, most: int) -> Self:
        """At most so many of the films, evenly over their order."""
        if len(self) <= most:
            return self
        places = np.linspace(0, len(self) - 1, most).round().astype(np.int64)
        rows = self.rows.iloc[places].reset_index(drop=True)
        return replace(self, rows=rows, positions=self.positions[places], targets=self.targets[places])

    def counts(self) -> dict[str, int]:
        """Number of films of each class, including classes without films."""
        counts = np.bincount(self.targets, minlength=len(self.classes))
        return {name: int(count) for name, count in zip(self.classes, counts, strict=True)}


def select(
    arrays: Arrays, splits: Collection[str], classes: Sequence[str], films: Mapping[str, FilmsParams] | None = None
) -> LabeledFilms:
    """Select the films of ``splits`` whose label is one of ``classes``.

    Args:
        arrays: the prepared inputs.
        splits: names of splits.
        classes: labels in index order.
        films: class -> which of its films; a class that is missing uses all of them, but none that is set apart.
    """
    rows = arrays.rows.reset_index(drop=True)
    chosen = pd.concat([_of_class(rows, label, (films or {}).get(label, ALL)) for label in classes])
    positions = np.sort(chosen.index[chosen.isin(list(splits))].to_numpy(np.int64))
    index = {name: number for number, name in enumerate(classes)}
    targets = np.array([index[label] for label in rows.loc[positions, "label"]], np.int64)
    chosen_rows = rows.loc[positions].reset_index(drop=True)
    return LabeledFilms(arrays.images, chosen_rows, positions, targets, tuple(classes), arrays.mask_bits)


def _of_class(rows: pd.DataFrame, label: str, wanted: FilmsParams) -> "pd.Series[str]":
    """The splits of the films of one class that are wanted.

    Films of children have folds but no splits: fold 0 tests, fold 1 validates, the others train. If only so many films
    are wanted, those with the smallest image_id are taken: an arbitrary but stable choice, as image_id is a hash.
    """
    rows = rows[rows["label"] == label]
    if wanted.sources:
        rows = rows[rows["source"].isin(wanted.sources)]
    if wanted.children:
        rows = rows[rows["split"] == PEDIATRIC]
        splits = rows["fold"].map({0: "test", 1: "val"}).fillna("train")
    else:
        splits = rows["split"]
    among = rows.loc[splits.isin(SPLITS)].sort_values(["image_id", *KEY], kind="stable").index
    dropped = among[wanted.most :] if wanted.most is not None else among[:0]
    return splits.drop(dropped)


def check_classes(films: LabeledFilms, split: str, experiment: str) -> None:
    """Require at least one film of every class.

    Args:
        films: the films of one split.
        split: name of the split, for the message.
        experiment: name of the experiment, for the message.

    Raises:
        CxnetError: a class has no film.
    """
    for name, count in films.counts().items():
        if count == 0:
            raise CxnetError(
                f"Experiment '{experiment}' has no '{name}' film in split '{split}'; add sources with such films, "
                f"change the shares of the splits, or drop the class."
            )


def check_groups(first: LabeledFilms, second: LabeledFilms) -> None:
    """Require that no patient and no cluster of duplicates has films on both sides.

    Raises:
        CxnetError: a group has films on both sides.
    """
    shared = sorted(set(first.rows["group_id"].dropna()) & set(second.rows["group_id"].dropna()))
    if shared:
        raise CxnetError(
            f"Group {shared[0]} has films in split '{_split_of(first, shared[0])}' and in split "
            f"'{_split_of(second, shared[0])}'; run `cxnet-data split` and the stages after it again."
        )


def _split_of(films: LabeledFilms, group: str) -> str:
    return str(films.rows.loc[films.rows["group_id"] == group, "split"].iloc[0])


def to_float(images: Images, brightness: Floats | None = None) -> Floats:
    """Scale pixels to the range that the networks take, [0, 1].

    Args:
        images: prepared images (N, H, W, C) uint8.
        brightness: factor of each image (N,) float32; the result is clipped at white. None means no change.

    Returns:
        (N, H, W, C) float32.
    """
    if brightness is None:
        return np.multiply(images, np.float32(1 / 255), dtype=np.float32)
    scaled = np.multiply(images, (brightness / 255).astype(np.float32)[:, None, None, None], dtype=np.float32)
    return np.minimum(scaled, np.float32(1), out=scaled)


class Batches(keras.utils.PyDataset):
    """Batches of films in their given order, as (inputs, encoded targets, weights); Keras prefetches them.

    Each epoch contains every film once. Batch sizes differ by at most one, so that no batch is too small for batch
    statistics.
    """

    def __init__(self, films: LabeledFilms, batch_size: int, class_weights: Floats) -> None:
        """Divide films into batches.

        Args:
            films: the films.
            batch_size: maximum number of films in a batch.
            class_weights: weight of the films of each class (k,) float32.
        """
        super().__init__()
        self.films = films
        self.class_weights = class_weights
        self.parts = even_parts(len(films), batch_size)

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, index: int) -> Batch:
        return self._batch(self.parts[index])

    def _batch(self, selected: Ints) -> Batch:
        """The unchanged films at these places."""
        return (to_float(self.films.images[self.films.positions[selected]]), *self._targets(selected))

    def _targets(self, selected: Ints) -> tuple[Floats, Floats]:
        targets = self.films.targets[selected]
        return encode(targets, len(self.films.classes)), self.class_weights[targets]


class ShuffledBatches(Batches):
    """Batches in a new order every epoch, with random changes.

    Order and changes depend only on seed, epoch and batch index, so that threads may make batches in any order.
    """

    def __init__(
        self, films: LabeledFilms, batch_size: int, class_weights: Floats, seed: int, augmentation: Augmentation = NONE
    ) -> None:
        """Divide films into batches.

        Args:
            films: the films.
            batch_size: maximum number of films in a batch.
            class_weights: weight of the films of each class (k,) float32.
            seed: seed of the order and the changes.
            augmentation: ranges of the changes.
        """
        super().__init__(films, batch_size, class_weights)
        if len(self) >= MANY_BATCHES:
            self.workers = 2
        self.seed = seed
        self.augmentation = augmentation
        self.epoch = 0
        self.order = epoch_order(len(films), seed, self.epoch)

    def __getitem__(self, index: int) -> Batch:
        selected = self.order[self.parts[index]]
        images = np.asarray(self.films.images[self.films.positions[selected]])
        if self.augmentation == NONE:
            return (to_float(images), *self._targets(selected))
        rng = np.random.default_rng((self.seed, self.epoch, index))
        changed = change_shapes(images, self.augmentation, rng)
        return (to_float(changed, draw_brightness(len(selected), self.augmentation, rng)), *self._targets(selected))

    def on_epoch_end(self) -> None:
        """Draw the order of the next epoch. Keras calls this when no thread is making batches."""
        self.go_to(self.epoch + 1)

    def go_to(self, epoch: int) -> None:
        """Draw the order of ``epoch``, the first of which is 0."""
        self.epoch = epoch
        self.order = epoch_order(len(self.films), self.seed, epoch)


def epoch_order(count: int, seed: int, epoch: int) -> Ints:
    """Draw the order of ``count`` films in one epoch: a permutation of 0 ... count - 1, (count,) int64."""
    return np.random.default_rng((seed, epoch)).permutation(count)


def even_parts(count: int, largest: int) -> list[Ints]:
    """Divide 0 ... count - 1 into as few runs of at most ``largest`` as possible; lengths differ by at most one."""
    if count == 0:
        return []
    return np.array_split(np.arange(count), -(-count // largest))
