"""``runs.parquet`` of a model: what each of its training runs predicts for the test films of that run."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from upath import UPath

from pipeline.prepare.arrays import ROWS_SCHEMA
from sources.core.items import KEY, field
from sources.core.storage import read_table, write_table
from training.core.levels import decide
from training.core.protocols import Division

Floats = npt.NDArray[np.float64]
RUNS = "runs.parquet"  # in models/<experiment>/
VERSION = "1"


def runs_schema(classes: tuple[str, ...]) -> pa.Schema:
    """The columns of the table for an experiment with these classes."""
    return pa.schema(
        [
            field("run", pa.int64(), "number of the run, from 0; equal numbers have equal seeds"),
            field("seed", pa.int64(), "seed of weights, order and augmentation"),
            field("protocol", pa.string(), "how films were divided: grouped | paper | sources"),
            field("held_out", pa.string(), "the source that no training film comes from; null = none was held out"),
            *(ROWS_SCHEMA.field(name) for name in (*KEY, "label", "group_id")),
            field("predicted", pa.string(), "predicted label, at probability 0.5"),
            *(field(f"p_{name}", pa.float64(), f"probability of {name}") for name in classes),
        ],
        metadata={"version": VERSION},
    )


def run_rows(run: int, seed: int, division: Division, probabilities: Floats, scheme: str) -> pd.DataFrame:
    """The rows of one run.

    Args:
        run: its number.
        seed: its seed.
        division: its films.
        probabilities: of each class for its test films (N, k).
        scheme: how the experiment decides, see :func:`training.core.levels.decide`.
    """
    predicted = np.array(division.test.classes)[decide(probabilities, scheme)]
    scores = {f"p_{name}": probabilities[:, index] for index, name in enumerate(division.test.classes)}
    return division.test.rows[[*KEY, "label", "group_id"]].assign(
        run=run, seed=seed, protocol=division.protocol, held_out=division.held_out, predicted=predicted, **scores
    )


def write_runs(path: UPath, runs: list[pd.DataFrame], classes: tuple[str, ...]) -> None:
    """Write the rows of all runs."""
    write_table(path, pd.concat(runs, ignore_index=True), runs_schema(classes))


def read_runs(path: UPath, classes: tuple[str, ...]) -> pd.DataFrame | None:
    """The rows of all runs; None if the experiment has a single run."""
    return read_table(path, schema=runs_schema(classes)) if path.exists() else None
