"""Judge one trained experiment on films it has never seen, and write its report folder.

Reads ``models/<experiment>/`` and ``arrays/<size>/``: splits ``test`` and ``external``; ``val`` only where the profile
asks for a threshold chosen on it. Writes ``reports/<experiment>/``: ``metrics.json``; ``roc.csv``; ``confusion.csv``,
one row per film; ``history.csv``, the training's; ``predictions.parquet``; ``figures/*.png``. At last the receipt
``data/judged/<experiment>.json``, the hash of each of these files.
"""

import hashlib
import logging
from typing import Any

import keras
import numpy as np
import pandas as pd
import pyarrow as pa
from upath import UPath

from pipeline.core.layout import Layout
from pipeline.core.params import ExperimentParams, Params
from pipeline.prepare.arrays import ROWS_SCHEMA, Arrays, read_arrays
from pipeline.prepare.enhance import CHANNELS
from sources.core.errors import CxnetError
from sources.core.items import KEY, field
from sources.core.storage import atomic, atomic_folder, write_json, write_table
from training.core import backend
from training.core.data import Batches, Films, check_groups, select, to_float
from training.core.model_file import HISTORY, MODEL, experiment_options, load_model, rows_sha256
from training.evaluate.figures import draw_confusion, draw_heat, draw_history, draw_roc
from training.evaluate.grad_cam import grad_cam
from training.evaluate.metrics import Floats, Judged, best_threshold, confusion, roc_curve, summarise

TEST, EXTERNAL = "test", "external"
FIGURES = "figures"
ORIGINAL = CHANNELS.index("original")
BATCH = 32

log = logging.getLogger(__name__)

Record = dict[str, Any]
Table = dict[str, float | int | None]


def run(layout: Layout, params: Params, experiment: str) -> str:
    """Judge ``experiment`` on the test split, write ``reports/<experiment>/`` and say how good it is.

    Raises:
        UsageError: there is no such experiment.
        CxnetError: the model is missing, damaged or of other inputs, or the test split lacks a class.
    """
    options = experiment_options(params, experiment)
    arrays = read_arrays(layout, options.size)
    backend.start(options.seed)
    model, record = load_model(layout.model(experiment) / MODEL)
    check_belongs(layout, arrays, options, record, experiment)
    threshold = choose_threshold(model, arrays, options)
    films = unseen_films(arrays, options, experiment)
    judged = {split: judge(model, each, threshold) for split, each in films.items()}
    tables = {split: summarise(each, options.seed) for split, each in judged.items()}
    with atomic_folder(layout.report(experiment)) as folder:
        write_json(folder / "metrics.json", describe(record, threshold, experiment) | tables)
        write_tables(folder, films, judged)
        history = copy_history(layout.model(experiment) / HISTORY, folder / HISTORY)
        draw_figures(folder / FIGURES, experiment, judged[TEST], history)
        explain(folder / FIGURES, model, films[TEST], judged[TEST], options.explained)
    write_json(layout.judged(experiment), receipt(layout.report(experiment)))
    return say(tables[TEST])


def check_belongs(layout: Layout, arrays: Arrays, options: ExperimentParams, record: Record, experiment: str) -> None:
    """Refuse a model that was trained on other films, other inputs or other classes than these.

    Raises:
        CxnetError: it was; judging it could show it films that it has learned from.
    """
    given = (record["inputs"], record["rows_sha256"], record["classes"])
    if given != (arrays.inputs, rows_sha256(layout, options.size), list(options.classes)):
        raise CxnetError(
            f"The model of experiment '{experiment}' was trained on other films, inputs or classes than "
            f"{layout.arrays(options.size)} holds now; train it again."
        )


def unseen_films(arrays: Arrays, options: ExperimentParams, experiment: str) -> dict[str, Films]:
    """The test films, and those of sources held out whole where there are some.

    Raises:
        CxnetError: the test split lacks a class, or shares a group with training or validation.
    """
    films = {split: select(arrays, [split], options.classes) for split in (TEST, EXTERNAL)}
    absent = [name for name, count in films[TEST].counts().items() if count == 0]
    if absent:
        raise CxnetError(
            f"Experiment '{experiment}' has no '{absent[0]}' film in split '{TEST}'; add sources that show it, "
            f"change the shares of the split, or drop the class."
        )
    learned = select(arrays, ["train", "val"], options.classes)
    for each in films.values():
        check_groups(learned, each)
    return {split: each for split, each in films.items() if len(each)}


# ---------------------------------------------------------------------------------------------------- judging


def predict(model: keras.Model, films: Films) -> Floats:
    """Probability of each class (N, k), float64; rows sum to 1."""
    batches = Batches(films, BATCH, np.ones(len(films.classes), np.float32))
    found = np.asarray(model.predict(batches, verbose=0), np.float64)
    return np.concatenate([1 - found, found], axis=1) if found.shape[1] == 1 else found


def choose_threshold(model: keras.Model, arrays: Arrays, options: ExperimentParams) -> float:
    """Score from which a film is of the second of two classes: 0.5, or what is best on validation."""
    if options.threshold == "half":
        return 0.5
    val = select(arrays, ["val"], options.classes)
    return best_threshold(val.targets == 1, predict(model, val)[:, 1])


def judge(model: keras.Model, films: Films, threshold: float) -> Judged:
    """What the model makes of ``films``; of more than two classes, the likeliest stands."""
    probabilities = predict(model, films)
    two = len(films.classes) == 2
    predicted = (probabilities[:, 1] >= threshold).astype(np.int64) if two else probabilities.argmax(axis=1)
    groups = pd.factorize(films.rows["group_id"])[0].astype(np.int64)
    return Judged(films.targets, predicted, probabilities, groups, films.classes)


# ---------------------------------------------------------------------------------------------------- writing


def describe(record: Record, threshold: float, experiment: str) -> Record:
    """What was judged, in one sentence and as values."""
    options = record["options"]
    start = "random weights" if options["weights"] is None else "given weights"
    rule = f"a score of {threshold:.3g}" if len(record["classes"]) == 2 else "the likeliest class"
    return {
        "about": (
            f"{options['model']} at {record['size']} px from {start}, classes {', '.join(record['classes'])}; "
            f"epoch {record['epoch']} of {record['epochs']}, chosen by validation loss; decided by {rule}; "
            f"intervals of 95 %, patients drawn whole"
        ),
        "experiment": experiment,
        "epoch": record["epoch"],
        "parameters": record["parameters"],
        "threshold": round(threshold, 6),
    }


def write_tables(folder: UPath, films: dict[str, Films], judged: dict[str, Judged]) -> None:
    """ROC, confusion and predictions; the first two of the test split alone, the ROC of the last class."""
    test = judged[TEST]
    last = len(test.classes) - 1
    fpr, tpr = roc_curve(test.actual == last, test.probabilities[:, last])
    write_csv(folder / "roc.csv", pd.DataFrame({"fpr": fpr, "tpr": tpr}))
    names = np.array(test.classes)
    confused = pd.DataFrame({"actual": names[test.actual], "predicted": names[test.predicted]})
    write_csv(folder / "confusion.csv", confused)
    rows = pd.concat([predictions(films[split], judged[split]) for split in films], ignore_index=True)
    write_table(folder / "predictions.parquet", rows.sort_values(list(KEY), ignore_index=True), schema_of(test.classes))


def predictions(films: Films, judged: Judged) -> pd.DataFrame:
    """The films' rows with what the model says of them."""
    scores = {f"p_{name}": judged.probabilities[:, index] for index, name in enumerate(judged.classes)}
    return films.rows.assign(predicted=np.array(judged.classes)[judged.predicted], **scores)


def schema_of(classes: tuple[str, ...]) -> pa.Schema:
    """Columns of ``predictions.parquet``: the film, its label and split, what the model says."""
    given = [ROWS_SCHEMA.field(name) for name in (*KEY, "image_id", "label", "group_id", "split")]
    scores = [field(f"p_{name}", pa.float64(), f"probability of {name}") for name in classes]
    return pa.schema([*given, field("predicted", pa.string(), "label that the model decides for"), *scores])


def write_csv(path: UPath, table: pd.DataFrame) -> None:
    """A CSV with a header, six significant digits."""
    with atomic(path, "w") as file:
        table.to_csv(file, index=False, float_format="%.6g", lineterminator="\n")


def copy_history(source: UPath, target: UPath) -> pd.DataFrame:
    """Copy the training's history into the report and return it.

    Raises:
        CxnetError: it is absent.
    """
    try:
        content = source.read_bytes()
    except FileNotFoundError:
        raise CxnetError(f"{source} does not exist; train its experiment again.") from None
    with atomic(target) as file:
        file.write(content)
    with target.open("r") as file:
        return pd.read_csv(file)


def draw_figures(folder: UPath, experiment: str, test: Judged, history: pd.DataFrame) -> None:
    """ROC, confusion and losses."""
    title = f"{experiment}, test split, n = {len(test.actual)}"
    counts = confusion(test.actual, test.predicted, len(test.classes))
    write_png(folder / "roc.png", draw_roc(test, title))
    write_png(folder / "confusion.png", draw_confusion(counts, test.classes, title))
    write_png(folder / "losses.png", draw_history(history, experiment))


def explain(folder: UPath, model: keras.Model, films: Films, judged: Judged, per_class: int) -> None:
    """Grad-CAM of the class that was decided for, one figure per actual class, all on one scale of heat."""
    chosen = {name: choose_films(films, index, per_class) for index, name in enumerate(films.classes)}
    inputs = {name: to_float(films.images[films.positions[places]]) for name, places in chosen.items() if len(places)}
    heat = {name: grad_cam(model, inputs[name], judged.predicted[chosen[name]]) for name in inputs}
    strongest = max((float(each.max()) for each in heat.values()), default=0.0)
    for name, each in heat.items():
        captions = [caption(judged, place) for place in chosen[name]]
        title = f"test films of class {name}: what speaks for the class that was decided for"
        picture = draw_heat(inputs[name][..., ORIGINAL], each, captions, strongest, title)
        write_png(folder / f"gradcam_{name}.png", picture)


def choose_films(films: Films, target: int, count: int) -> Any:
    """Places of ``count`` films of class ``target``: those of the least image_id, which is as good as by lot."""
    places = np.flatnonzero(films.targets == target)
    order = np.argsort(films.rows["image_id"].to_numpy(str)[places], kind="stable")
    return places[order[:count]]


def caption(judged: Judged, place: int) -> str:
    """``covid 0.93``: the class decided for, and its probability."""
    decided = int(judged.predicted[place])
    return f"{judged.classes[decided]} {judged.probabilities[place, decided]:.2f}"


def write_png(path: UPath, picture: bytes) -> None:
    """Write a picture's bytes."""
    with atomic(path) as file:
        file.write(picture)


def receipt(folder: UPath) -> dict[str, str]:
    """sha256 of every file below ``folder``, by its name in it."""
    files = sorted((path for path in folder.rglob("*") if path.is_file()), key=str)
    start = len(folder.path.rstrip("/")) + 1
    return {path.path[start:]: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def say(table: Table) -> str:
    """The summary: measures of the test split with their intervals."""
    measures = ", ".join(f"{name} {_digits(table, name)}" for name in ("accuracy", "f1", "roc_auc"))
    return f"{table['n']} test films of {table['groups']} patients, {measures}"


def _digits(table: Table, name: str) -> str:
    value, low, high = (table[key] for key in (name, f"{name}_low", f"{name}_high"))
    return "undefined" if value is None or low is None or high is None else f"{value:.3f} ({low:.3f} to {high:.3f})"
