"""Synthetic prepared arrays, to test training without the stages before it."""

import cv2
import numpy as np
import pandas as pd
from upath import UPath

from pipeline.core.experiments import ExperimentParams, Inputs
from pipeline.core.layout import Layout
from pipeline.core.params import Params, PrepareParams, SegmentParams
from pipeline.prepare.arrays import INPUTS, ROWS, ROWS_SCHEMA, write_inputs
from pipeline.prepare.arrays import write_arrays as write_films
from pipeline.prepare.inputs import recipe
from sources.core.storage import write_table

SIZE = 72
SPLITS = ("train", "train", "train", "val", "test")


def draw_films(labels, seed=0, size=SIZE):
    """Dark films; covid has a bright spot on the left, cap one on the right: (N, size, size, 3) uint8."""
    rng = np.random.default_rng(seed)
    films = rng.integers(30, 60, (len(labels), size, size, 3)).astype(np.uint8)
    for film, label in zip(films, labels, strict=True):
        if label != "normal":
            x = size // 4 if label == "covid" else 3 * size // 4
            cv2.circle(film, (x, size // 2), size // 6, (220, 220, 220), -1)
    return films


def write_arrays(root, classes=("normal", "covid"), per_class=20, splits=SPLITS, seed=0):
    """A layout whose arrays hold ``per_class`` films of each class, assigned to ``splits`` in turn."""
    labels = [name for name in classes for _ in range(per_class)]
    rows = pd.DataFrame(
        {
            "source": "synthetic",
            "item_id": [f"{number:04d}" for number in range(len(labels))],
            "image_id": [f"{number * 7919 % 10007:064x}" for number in range(len(labels))],
            "label": labels,
            "group_id": [f"p{number}" for number in range(len(labels))],
            "split": [splits[number % len(splits)] for number in range(len(labels))],
            "fold": 0,
            "redistributable": False,
            **dict.fromkeys(("view", "age", "sex", "pediatric", "patient_key", "lung_reason", "licence")),
        }
    )
    return put_arrays(Layout.at(UPath(root)), rows, draw_films(labels, seed))


def put_arrays(layout, rows, films, params=None):
    """Write films and their rows as the prepare stage does."""
    folder = layout.arrays(str(SIZE))
    write_table(folder / ROWS, rows, ROWS_SCHEMA)
    hashes = write_films(folder, ((film, film[..., 0] > 200) for film in films), len(rows), SIZE)
    write_inputs(folder / INPUTS, recipe(Inputs(SIZE), params or PrepareParams(), SegmentParams()), hashes)
    return layout


def profile(**options):
    """A profile with one experiment, ``tiny``: the base model for a few quick epochs."""
    defaults = {"model": "base", "size": SIZE, "epochs": 3, "batch_size": 8, "learning_rate": 0.003, "explained": 2}
    return Params(
        profile="test",
        prepare=PrepareParams(sizes=(SIZE,)),
        experiments={"tiny": ExperimentParams(**{**defaults, **options})},
    )
