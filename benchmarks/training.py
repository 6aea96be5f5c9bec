"""Whether the input pipeline keeps up: training speed with it, relative to the same model on one batch in memory.

Both take turns, and the ratio is the median over the turns; 1.0 means that reading, augmenting and scaling films costs
nothing. A second table shows the pipeline alone, Keras' old ``ImageDataGenerator``, and ``tf.data`` with Keras'
preprocessing layers, all with the ranges of the preset ``modest`` on the same films.

Run: ``python -m benchmarks.training``.
"""

import json
import os
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
from training.models import build
from training.train.fit import compile_model

RESULTS = Path(__file__).parent / "results" / "training.json"
TARGET = 0.95
TURNS = 5
CLASSES = ("normal", "covid")
EXPERIMENTS = {
    "base": ExperimentParams(model="base", size=96, batch_size=32),
    "covid_cxnet": ExperimentParams(model="covid_cxnet", size=96, batch_size=16),
}
STEPS = {"base": 60, "covid_cxnet": 8}  # per turn
WEIGHTS = np.ones(len(CLASSES), np.float32)

Images = npt.NDArray[np.uint8]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        steps = [compare_steps(name, Path(folder)) for name in EXPERIMENTS]
        pipelines = compare_pipelines(Path(folder))
    print(f"{'model':<14}{'size':>6}{'batch':>7}{'one batch':>12}{'pipeline':>11}{'ratio':>8}   images/s")
    for row in steps:
        print(
            f"{row['model']:<14}{row['size']:>6}{row['batch']:>7}{row['one_batch']:>12.1f}{row['pipeline']:>11.1f}"
            f"{row['ratio']:>8.3f}   {'met' if row['ratio'] >= TARGET else 'MISSED'}"
        )
    print(f"\n{'pipeline alone':<40}{'images/s':>10}{'of ours':>9}")
    for row in pipelines:
        print(f"{row['pipeline']:<40}{row['images_per_s']:>10.0f}{row['of_ours']:>9.2f}")
    RESULTS.parent.mkdir(exist_ok=True)
    result = {"cores": os.cpu_count(), "target": TARGET, "steps": steps, "pipelines": pipelines}
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")


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
    model = build(options)
    compile_model(model, options)
    one = tf.data.Dataset.from_tensors(Batches(films, options.batch_size, WEIGHTS)[0]).repeat(steps)
    ours = ShuffledBatches(films, options.batch_size, WEIGHTS, options.seed, MODEST)
    time_steps(model, one)  # not measured: traces the graph
    turns = [(time_steps(model, one), time_steps(model, ours)) for _ in range(TURNS)]
    images = (steps - 1) * options.batch_size
    return {
        "model": name,
        "size": options.size,
        "batch": options.batch_size,
        "one_batch": images / statistics.median(first for first, _ in turns),
        "pipeline": images / statistics.median(second for _, second in turns),
        "ratio": statistics.median(first / second for first, second in turns),
    }


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
