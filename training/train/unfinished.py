"""Where the states of an experiment's runs are, until all of them have finished."""

import hashlib
import json
from dataclasses import dataclass
from typing import Self

from upath import UPath

from pipeline.core.experiments import ExperimentParams
from pipeline.core.layout import Layout
from pipeline.prepare.arrays import Arrays
from training.core import backend
from training.core.model_file import rows_sha256
from training.core.protocols import Division
from training.core.vectors import films_sha256
from training.train.record import code_sha256

DIGITS = 16  # of the key


@dataclass(frozen=True)
class Unfinished:
    """The states of the runs of one experiment.

    Attributes:
        folder: where they are.
        key: hash of all that the runs depend on, with which their names begin.
    """

    folder: UPath
    key: str

    @classmethod
    def of(cls, layout: Layout, arrays: Arrays, options: ExperimentParams, experiment: str) -> Self:
        """Those of an experiment; states that belong to other options, films or code are removed."""
        facts = {
            "options": options.model_dump(mode="json"),
            "inputs": arrays.inputs,
            "rows": rows_sha256(layout, options.inputs),
            "films": films_sha256(arrays),
            "code": code_sha256(),
            "versions": backend.versions(),
        }
        key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:DIGITS]
        here = cls(layout.unfinished(experiment), key)
        for path in here.folder.iterdir() if here.folder.is_dir() else ():
            if not path.name.startswith(key):
                path.unlink(missing_ok=True)
        return here

    def state(self, run: int, division: Division, level: str) -> UPath:
        """The file of one level of one run."""
        return self.folder / f"{self.key}_{run}_{division.protocol}_{division.held_out or 'none'}_{level}.npz"

    def remove(self) -> None:
        """Remove all of them, as the experiment has finished."""
        if self.folder.is_dir():
            self.folder.fs.rm(self.folder.path, recursive=True)
