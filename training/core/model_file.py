"""A trained model as one file, ``model.keras``, that records how its inputs were made.

The file is an ordinary Keras 3 archive with one extra member, ``cxnet.json`` (:class:`ModelRecord`). A model is loaded
only if this version makes inputs the same way: same channels in the same order, same scaling.
"""

import hashlib
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Annotated, Any

import keras
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from upath import UPath

from pipeline.core.experiments import ExperimentParams
from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.terms import FilmTerms
from pipeline.prepare.arrays import ROWS
from pipeline.prepare.enhance import check_channels
from sources.core.errors import CxnetError, unknown
from sources.core.storage import atomic
from training.core.data import SCALING
from training.core.rule import Rule

MODEL, HISTORY, HISTORY_LEVEL2, RATES = (
    "model.keras",
    "history.csv",
    "history_level2.csv",
    "rates.csv",
)  # in models/<experiment>/
RECORD = "cxnet.json"


class ModelRecord(BaseModel):
    """How a model was trained, and what came of it; written to ``params.json`` and into the model file.

    Attributes:
        experiment: name of the experiment in the profile.
        options: its options.
        size: side of the inputs (px).
        classes: labels in index order.
        channels: input channels in order.
        scaling: how pixels are scaled, as :data:`training.core.data.SCALING`.
        inputs: all that the prepare stage records about the inputs.
        rows_sha256: hash of the table of films, labels and splits.
        code: versions of the package, of Keras and its backend, and a hash of the training code.
        layers, parameters: size of the network.
        epoch, epochs: the chosen epoch (from 1), and how many were trained.
        val_loss: validation loss of the chosen epoch.
        threshold, temperature: chosen on the validation films, see :class:`training.core.rule.Rule`.
        films: number of films by split and class.
        terms: number of training and validation films by class of terms and by source, see :mod:`pipeline.core.terms`;
            None = not recorded.
        pretrained: file, hash, layout, scaling and license of the weights that training started from; None = random.
    """

    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)

    experiment: str
    options: ExperimentParams
    size: int
    classes: tuple[str, ...]
    channels: tuple[str, ...]
    scaling: str
    inputs: dict[str, Any]
    rows_sha256: str
    code: dict[str, str]
    layers: int
    parameters: int
    epoch: int
    epochs: int
    val_loss: float
    threshold: Annotated[float, Field(ge=0.0, le=1.0)]
    temperature: Annotated[float, Field(gt=0.0)]
    films: dict[str, dict[str, int]]
    terms: FilmTerms | None = None
    pretrained: dict[str, str] | None = None

    @property
    def rule(self) -> Rule:
        """How the model decides."""
        return Rule(self.threshold, self.temperature)

    def as_json(self) -> dict[str, Any]:
        """The record as JSON values."""
        return self.model_dump(mode="json")


def experiment_options(params: Params, experiment: str) -> ExperimentParams:
    """The options of ``experiment`` in the profile.

    Raises:
        UsageError: the profile has no such experiment.
    """
    if experiment not in params.experiments:
        raise unknown("experiment", experiment, list(params.experiments))
    return params.experiments[experiment]


def rows_sha256(layout: Layout, inputs: str) -> str:
    """Hash of the table that lists the films of ``arrays/<inputs>/`` with their labels and splits."""
    return hashlib.sha256((layout.arrays(inputs) / ROWS).read_bytes()).hexdigest()


def save_model(model: keras.Model, path: UPath, record: ModelRecord) -> None:
    """Write ``model`` with ``record`` inside.

    Raises:
        CxnetError: the disk is full, or the folder is not writable.
    """
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / "model.keras"
        model.save(local)
        with zipfile.ZipFile(local, "a") as archive:
            archive.writestr(RECORD, json.dumps(record.as_json(), indent=2, sort_keys=True))
        with atomic(path) as file:
            file.write(local.read_bytes())


def load_model(path: UPath) -> tuple[keras.Model, ModelRecord]:
    """Load a model and its record. Code inside the file is refused, never run.

    Raises:
        CxnetError: the file is missing, damaged or not a model of this project, or this version makes its inputs
            differently.
    """
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / "model.keras"
        local.write_bytes(_read(path))
        record = _read_record(local, path)
        check_channels(record.channels, str(path))
        if record.scaling != SCALING:
            raise CxnetError(f"{path} takes inputs scaled as '{record.scaling}', not '{SCALING}'; train it again.")
        try:
            return keras.saving.load_model(local, compile=False, safe_mode=True), record
        except (ValueError, TypeError, OSError, KeyError) as error:
            first = str(error).strip().splitlines()[0].rstrip(".")
            raise CxnetError(f"Cannot load {path} ({first}); train its experiment again.") from None


def _read(path: UPath) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise CxnetError(f"{path} does not exist; train its experiment first (`dvc repro`).") from None


def _read_record(local: Path, path: UPath) -> ModelRecord:
    try:
        with zipfile.ZipFile(local) as archive:
            return ModelRecord.model_validate_json(archive.read(RECORD))
    except (zipfile.BadZipFile, KeyError):
        raise CxnetError(f"{path} is damaged or not a model of this project; train its experiment again.") from None
    except ValidationError as error:
        names = sorted({str(each["loc"][0]) for each in error.errors() if each["loc"]})
        raise CxnetError(
            f"The record inside {path} has missing or invalid entries ({', '.join(names) or 'not JSON'}); "
            f"train its experiment again."
        ) from None
