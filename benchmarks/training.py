"""Whether the input pipeline keeps up: training speed with it, relative to the same model on one batch in memory.

Both take turns, and the ratio is the median over the turns; 1.0 means that reading, augmenting and scaling films costs
nothing. Beside it stands the straightforward loop of the paper's time: the same network, compiled the same way, on
Keras' old ``ImageDataGenerator``; where the experiment trains only a head, that loop runs the whole network for every
film of every epoch. ``faults`` are page faults per step, ``kernel`` is the share of processor time spent in the kernel.

A second table shows the pipeline alone, ``ImageDataGenerator``, and ``tf.data`` with Keras' preprocessing layers, all
with the ranges of the preset ``modest`` on the same films.

Run: ``python -m benchmarks.training``.
"""

import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from pipeline.core.experiments import ExperimentParams
from training.core import backend
from training.core.augment import MODEST, preset
from training.core.data import Batches, LabeledFilms, ShuffledBatches
from training.core.vectors import ShuffledVectorBatches, Vectors, compute_vectors
from training.models import build
from training.models.frozen import freeze_trunk
from training.train.fit import compile_model

RESULTS = Path(__file__).parent / "results" / "training.json"
TARGET = 0.95
TIMES_NAIVE = 2.0  # target: so many times the images per second of the straightforward loop
TURNS = 5
CLASSES = ("normal", "covid")
EXPERIMENTS = {
    "base": ExperimentParams(model="base", size=128, batch_size=32),
    "covid_cxnet": ExperimentParams(model="covid_cxnet", size=128, batch_size=16),
    "efficientnet_lite, frozen": ExperimentParams(
        model="efficientnet_lite", size=128, batch_size=64, frozen=True, augmentation="mirror"
    ),
}
STEPS = {"base": 60, "covid_cxnet": 8, "efficientnet_lite, frozen": 16}  # per turn
EPOCHS = 30  # over which the one run of a frozen trunk counts
WEIGHTS = np.ones(len(CLASSES), np.float32)

Images = npt.NDArray[np.uint8]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        steps = [compare_steps(name, Path(folder)) for name in EXPERIMENTS]
        pipelines = compare_pipelines(Path(folder))
    columns = (
        f"{'one batch':>11}{'pipeline':>10}{'ratio':>7}{'':>8}{'naive':>9}{'times':>7}{'':>8}{'faults':>8}{'kernel':>8}"
    )
    print(f"{'images/s':<27}{columns}")
    for row in steps:
        kept_up, ahead = row["ratio"] >= TARGET, row["times_naive"] >= TIMES_NAIVE
        print(
            f"{row['model']:<27}{row['one_batch']:>11.1f}{row['pipeline']:>10.1f}{row['ratio']:>7.3f}{_word(kept_up):>8}"
            f"{row['naive']:>9.1f}{row['times_naive']:>7.2f}{_word(ahead):>8}{row['faults']:>8.0f}{row['kernel']:>8.3f}"
        )
    print(f"\n{'pipeline alone':<40}{'images/s':>10}{'of ours':>9}")
    for row in pipelines:
        print(f"{row['pipeline']:<40}{row['images_per_s']:>10.0f}{row['of_ours']:>9.2f}")
    RESULTS.parent.mkdir(exist_ok=True)
    result = {"cores": os.cpu_count(), "target": TARGET, "steps": steps, "pipelines": pipelines}
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")


def _word(met: bool) -> str:
    return "met" if met else "MISSED"


# ------------------------------------------------------------------------------------- training steps


class Clock(keras.callbacks.Callback):
    """A callback that measures the seconds from the end of the first step to the end of the last."""

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.ended = time.perf_counter()
        if batch == 0:
            self.began = self.ended

    @property
    def seconds(self) -> float:
        return self.ended - self.began


def compare_steps(name: str, folder: Path) -> dict[str, Any]:
    """Images per second of training on one repeated batch and on the pipeline's batches, in turns."""
    options, steps = EXPERIMENTS[name], STEPS[name]
    films = draw_films(folder, options.size, steps * options.batch_size)
    backend.start(options.seed)
    network = build(options)
    model, ours, trunk_s = prepare_ours(network, films, options)
    compile_model(model, options)
    compile_model(network, options)
    one = tf.data.Dataset.from_tensors(ours[0]).repeat(steps)
    naive = LabeledGenerator(films, options.batch_size)
    for warm_up in ((model, one), (network, naive)):
        time_steps(*warm_up)  # not measured: traces the graph
    turns = []
    usage = Usage()
    for _ in range(TURNS):
        first = time_steps(model, one)
        with usage:
            second = time_steps(model, ours)
        turns.append((first, second, time_steps(network, naive)))
    images = (steps - 1) * options.batch_size
    medians = [statistics.median(turn[place] for turn in turns) for place in range(3)]
    with_trunk = medians[1] + trunk_s / EPOCHS
    return {
        "model": name,
        "size": options.size,
        "batch": options.batch_size,
        "one_batch": images / medians[0],
        "pipeline": images / medians[1],
        "ratio": statistics.median(first / second for first, second, _ in turns),
        "naive": images / medians[2],
        "times_naive": medians[2] / with_trunk,
        "faults": usage.faults / (TURNS * steps),
        "kernel": usage.kernel_s / (usage.kernel_s + usage.user_s),
    }


def prepare_ours(
    network: keras.Model, films: LabeledFilms, options: ExperimentParams
) -> tuple[keras.Model, Batches, float]:
    """What an experiment trains, the batches that it takes, and the seconds that a frozen trunk needs before."""
    if not options.frozen:
        return network, ShuffledBatches(films, options.batch_size, WEIGHTS, options.seed, MODEST), 0.0
    divided = freeze_trunk(network)
    began = time.perf_counter()
    made = Vectors(*(compute_vectors(divided.trunk, films.images, mirrored) for mirrored in (False, True)))
    seconds = time.perf_counter() - began
    return divided.head, ShuffledVectorBatches(made, films, options.batch_size, WEIGHTS, options.seed), seconds


class LabeledGenerator(keras.utils.PyDataset):
    """The batches of the old generator, with their targets."""

    def __init__(self, films: LabeledFilms, batch: int) -> None:
        super().__init__()
        self.images = generator(films.images, batch)
        self.plain = Batches(films, batch, WEIGHTS)

    def __len__(self) -> int:
        return len(self.plain)

    def __getitem__(self, index: int) -> Any:
        _, targets, weights = self.plain[index]
        return next(self.images)[: len(targets)], targets, weights


class Usage:
    """Page faults and processor time of this process while it is entered."""

    def __init__(self) -> None:
        self.faults, self.kernel_s, self.user_s = 0, 0.0, 0.0

    def __enter__(self) -> None:
        self._before = resource.getrusage(resource.RUSAGE_SELF)

    def __exit__(self, *error: object) -> None:
        after = resource.getrusage(resource.RUSAGE_SELF)
        self.faults += after.ru_minflt - self._before.ru_minflt
        self.kernel_s += after.ru_stime - self._before.ru_stime
        self.user_s += after.ru_utime - self._before.ru_utime


def time_steps(model: keras.Model, batches: Any) -> float:
    clock = Clock()
    model.fit(batches, epochs=1, shuffle=False, verbose=0, callbacks=[clock])
    return clock.seconds


def draw_films(folder: Path, size: int, count: int) -> LabeledFilms:
    """Random films in a memory map on disk, as the prepare stage writes them."""
    path = folder / f"{size}-{count}.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (count, size, size, 3)).astype(np.uint8))
    targets = np.arange(count) % len(CLASSES)
    images = np.load(path, mmap_mode="r")
    return LabeledFilms(images, pd.DataFrame(index=range(count)), np.arange(count), targets, CLASSES)


# ------------------------------------------------------------------------------------------- the pipeline alone


def compare_pipelines(folder: Path, size: int = 96, count: int = 1024, batch: int = 32) -> list[dict[str, Any]]:
    """Images per second of several ways to make equivalent batches."""
    films = draw_films(folder, size, count)
    ways: dict[str, Callable[[], Iterable[Any]]] = {
        "ours, modest": lambda: ShuffledBatches(films, batch, WEIGHTS, 18, MODEST),
        "ours, paper": lambda: ShuffledBatches(films, batch, WEIGHTS, 18, preset("paper", 2)),
        "ours, no augmentation": lambda: Batches(films, batch, WEIGHTS),
        "ImageDataGenerator, modest": lambda: islice(generator(films.images, batch), count // batch),
        "tf.data and Keras layers, modest": lambda: layers_dataset(films.images, batch),
    }
    turns = [{name: time_batches(make()) for name, make in ways.items()} for _ in range(TURNS)]
    ours = {turn: seconds["ours, modest"] for turn, seconds in enumerate(turns)}
    return [
        {
            "pipeline": name,
            "images_per_s": count / statistics.median(seconds[name] for seconds in turns),
            "of_ours": statistics.median(ours[turn] / seconds[name] for turn, seconds in enumerate(turns)),
        }
        for name in ways
    ]


def time_batches(batches: Iterable[Any]) -> float:
    began = time.perf_counter()
    for _ in batches:
        pass
    return time.perf_counter() - began


def generator(images: Images, batch: int) -> Iterator[Any]:
    """The old Keras generator of the paper's code, with the ranges of ``modest``."""
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    made = ImageDataGenerator(
        rotation_range=MODEST.rotation_deg,
        width_shift_range=MODEST.shift,
        height_shift_range=MODEST.shift,
        zoom_range=list(MODEST.zoom),
        brightness_range=list(MODEST.brightness),
        fill_mode="constant",
        rescale=1 / 255,
    )
    return iter(made.flow(images, batch_size=batch))


def layers_dataset(images: Images, batch: int) -> Any:
    """tf.data with Keras' augmentation layers, on all cores."""
    changes = keras.Sequential(
        [
            keras.layers.RandomRotation(MODEST.rotation_deg / 360, fill_mode="constant"),
            keras.layers.RandomTranslation(MODEST.shift, MODEST.shift, fill_mode="constant"),
            keras.layers.RandomZoom((MODEST.zoom[0] - 1, MODEST.zoom[1] - 1), fill_mode="constant"),
            keras.layers.RandomBrightness(MODEST.brightness[1] - 1),
            keras.layers.Rescaling(1 / 255),
        ]
    )
    dataset = tf.data.Dataset.from_tensor_slices(images).shuffle(len(images)).batch(batch)
    return dataset.map(lambda films: changes(films, training=True), tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


if __name__ == "__main__":
    main()
