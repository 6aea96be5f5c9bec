"""A trained model as one file, ``model.keras``, that says how its inputs were made.

It is an ordinary Keras 3 archive with one more member, ``cxnet.json``: classes and channels in their order, scaling,
the experiment's options. A model is loaded only if its inputs are made as this version makes them.
"""

import hashlib
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import keras
from upath import UPath

from pipeline.core.layout import Layout
from pipeline.core.params import ExperimentParams, Params
from pipeline.prepare.arrays import ROWS
from pipeline.prepare.enhance import check_channels
from sources.core.errors import CxnetError, unknown
from sources.core.storage import atomic
from training.core.data import SCALING

MODEL, HISTORY = "model.keras", "history.csv"  # in models/<experiment>/
RECORD = "cxnet.json"


def experiment_options(params: Params, experiment: str) -> ExperimentParams:
    """The options of ``experiment``.

    Raises:
        UsageError: there is no such experiment.
    """
    if experiment not in params.experiments:
        raise unknown("experiment", experiment, list(params.experiments))
    return params.experiments[experiment]


def rows_sha256(layout: Layout, size: int) -> str:
    """Hash of the table of films, their labels and splits that the arrays of one size hold."""
    return hashlib.sha256((layout.arrays(size) / ROWS).read_bytes()).hexdigest()


def save_model(model: keras.Model, path: UPath, record: dict[str, Any]) -> None:
    """Write ``model`` with ``record`` inside.

    Raises:
        CxnetError: the disk is full, or the folder cannot be written.
    """
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / "model.keras"
        model.save(local)
        with zipfile.ZipFile(local, "a") as archive:
            archive.writestr(RECORD, json.dumps(record, indent=2, sort_keys=True))
        with atomic(path) as file:
            file.write(local.read_bytes())


def load_model(path: UPath) -> tuple[keras.Model, dict[str, Any]]:
    """The model and its record. Code inside the file is refused, never run.

    Raises:
        CxnetError: the file is absent, damaged, not a model of this project, or was trained on inputs that this
            version makes in another way.
    """
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / "model.keras"
        local.write_bytes(_read(path))
        record = _record(local, path)
        check_channels(record["channels"], str(path))
        if record["scaling"] != SCALING:
            raise CxnetError(f"{path} takes inputs scaled as '{record['scaling']}', not '{SCALING}'; train it again.")
        try:
            return keras.saving.load_model(local, compile=False, safe_mode=True), record
        except (ValueError, TypeError, OSError, KeyError) as error:
            first = str(error).strip().splitlines()[0].rstrip(".")
            raise CxnetError(f"{path} cannot be loaded ({first}); train its experiment again.") from None


def _read(path: UPath) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise CxnetError(f"{path} does not exist; train its experiment first (`dvc repro`).") from None


def _record(local: Path, path: UPath) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(local) as archive:
            record = dict(json.loads(archive.read(RECORD)))
    except (zipfile.BadZipFile, KeyError, ValueError):
        raise CxnetError(f"{path} is not a model of this project, or damaged; train its experiment again.") from None
    if absent := {"channels", "scaling", "classes", "size", "options"} - set(record):
        raise CxnetError(f"{path} does not say its {', '.join(sorted(absent))}; train its experiment again.")
    return record
