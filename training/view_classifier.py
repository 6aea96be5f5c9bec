"""Train the view classifier that the package ships: ``python -m training.view_classifier --help``.

Films come from the pool of a finished run (``data/pool``), their true views from a CSV (``image, view``) and, for films
of the drawn sandbox, from its own truth. Films whose source forbids machine learning (Radiopaedia's, under whatever
set they arrive, and all copies of them) are left out. What is not a chest film is shown by CT slices, by details and
montages of films, and by pages, plots, shapes and photographs (docs/view-model-card.md).
"""

import argparse
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from pipeline.layout import Layout
from pipeline.tables import iter_images, join, read_pool
from pipeline.view_model import CLASSES, ViewModel, features, thumbnail
from sources.base import registry
from sources.storage import atomic, read_table
from training.not_chest import draw_not_chest, photographs

Gray = npt.NDArray[np.uint8]

WORK_SIDE = 256  # px, long side of the films in memory
CLASS_OF_VIEW = {
    **dict.fromkeys(("PA", "AP", "AP Supine", "AP_SUPINE", "frontal"), "frontal"),
    "L": "lateral",
    **dict.fromkeys(("CT", "OTHER", "other/figure"), "other"),
}
ALL_FRONTAL = ("nih", "pediatric")  # sets that publish frontal films only
VERSIONS = {"frontal": 3, "lateral": 60, "other": 60}  # altered copies per film
DRAWN = 1500  # pictures of other things
MEMBERS, HIDDEN, DECAY = 5, 48, 0.3
SEED = 18


@dataclass(frozen=True)
class Example:
    """One film whose view is known.

    Attributes:
        picture: uint8, long side at most 256 px.
        kind: one of ``CLASSES``; ``patient``: for grouped validation; ``source``; ``name``.
        may_train: do its terms allow machine learning.
    """

    picture: Gray
    kind: str
    patient: str
    source: str
    name: str
    may_train: bool


def main() -> None:
    """Train on everything that may be used, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("roots", nargs="+", help="folders with the data/ of finished runs (mirror, sandbox)")
    parser.add_argument("--truth", type=Path, help="CSV with the columns image, view")
    parser.add_argument("--out", type=Path, default=Path("pipeline/view_weights.npz"))
    options = parser.parse_args()
    examples = [example for root in options.roots for example in read_examples(Layout.at(root), options.truth)]
    write_model(train([example for example in examples if example.may_train]), options.out)


def read_examples(layout: Layout, truth: Path | None) -> Iterator[Example]:
    """Every pool film whose view is known: from the truth, or from its set where that holds one view only."""
    rows = join(read_pool(layout), read_table(layout.dedupe))
    views = _known_views(layout, rows, truth)
    forbidden = _forbidden(rows)
    known = {
        (row["source"], row["item_id"]): (
            view,
            None if pd.isna(row["patient_key"]) else str(row["patient_key"]),
            not banned,
        )
        for row, view, banned in zip(rows.to_dict("records"), views, forbidden, strict=True)
        if view is not None
    }
    for key, png in iter_images(layout.pool, "pool"):
        name = (key["source"], key["item_id"])
        if name in known:
            view, patient, may_train = known[name]
            picture = shrink(np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8))
            group = patient or "/".join(map(str, name))
            yield Example(picture, CLASS_OF_VIEW[view], group, str(name[0]), "/".join(map(str, name)), may_train)


def train(examples: Sequence[Example], seed: int = SEED) -> ViewModel:
    """Fit the ensemble on altered copies of ``examples`` and on drawn pictures of other things."""
    rng = np.random.default_rng(seed)
    pictures, kinds = training_set(examples, rng)
    thumbs, aspects = zip(*(thumbnail(picture) for picture in pictures), strict=True)
    vectors = features(np.stack(thumbs), np.array(aspects, np.float32))
    mean, scale = vectors.mean(axis=0), vectors.std(axis=0) + 0.05
    standard = np.clip((vectors - mean) / scale, -6, 6)
    targets = np.array([CLASSES.index(kind) for kind in kinds])
    networks = tuple(_network(standard, targets, seed + member) for member in range(MEMBERS))
    return ViewModel(mean.astype(np.float32), scale.astype(np.float32), networks)


def training_set(examples: Sequence[Example], rng: np.random.Generator) -> tuple[list[Gray], list[str]]:
    """Altered copies of the films and drawn other pictures, with their classes."""
    pictures, kinds = [], []
    for example in examples:
        for _ in range(VERSIONS[example.kind]):
            pictures.append(alter(example.picture, rng))
            kinds.append(example.kind)
    films = [example.picture for example in examples if example.kind != "other"]
    photos = photographs()
    for _ in range(DRAWN):
        pictures.append(alter(draw_not_chest(films, photos, rng), rng))
        kinds.append("other")
    return pictures, kinds


def alter(picture: Gray, rng: np.random.Generator) -> Gray:
    """A copy as another scanner or site might have made it: turned a little, cut, mirrored, re-toned, framed."""
    height, width = picture.shape
    turned = cv2.getRotationMatrix2D((width / 2, height / 2), rng.normal(0, 4), 1.0)
    changed = cv2.warpAffine(picture, turned, (width, height), borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < 0.5:
        changed = changed[:, ::-1]
    top, bottom, left, right = rng.uniform(0, 0.12, 4) * (rng.random() < 0.7)
    changed = changed[int(top * height) : int((1 - bottom) * height), int(left * width) : int((1 - right) * width)]
    levels = 255 * np.clip(
        (np.arange(256) / 255 * rng.uniform(0.7, 1.3) + rng.uniform(-0.15, 0.15)), 0, 1
    ) ** rng.uniform(0.6, 1.7)
    changed = cv2.LUT(np.ascontiguousarray(changed), levels.astype(np.uint8))
    if rng.random() < 0.12:
        changed = 255 - changed
    if rng.random() < 0.3:
        top, bottom, left, right = (int(side) for side in rng.integers(0, 50, 4) * (rng.random(4) < 0.6))
        changed = cv2.copyMakeBorder(
            changed, top, bottom, left, right, borderType=cv2.BORDER_CONSTANT, value=(float(rng.choice([0, 0, 255])),)
        )
    if rng.random() < 0.3:
        changed = cv2.GaussianBlur(changed, (0, 0), rng.uniform(0.4, 1.6))
    if rng.random() < 0.3:
        changed = np.clip(changed + rng.normal(0, rng.uniform(1, 8), changed.shape), 0, 255).astype(np.uint8)
    return np.asarray(changed, np.uint8)


def shrink(picture: Gray) -> Gray:
    """``picture`` with its long side at most 256 px."""
    factor = WORK_SIDE / max(picture.shape)
    if factor >= 1:
        return picture
    size = (max(8, round(picture.shape[1] * factor)), max(8, round(picture.shape[0] * factor)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def write_model(model: ViewModel, path: Path) -> None:
    """Write the weights as half floats; plain arrays in one compressed file."""
    arrays = {"mean": model.mean, "scale": model.scale, "members": np.array(len(model.networks))}
    for index, layers in enumerate(model.networks):
        arrays |= {f"{name}_{index}": layer for name, layer in zip(("w1", "b1", "w2", "b2"), layers, strict=True)}
    halves = {name: value.astype(np.float16) for name, value in arrays.items()}
    with atomic(path) as file:
        np.savez_compressed(file, allow_pickle=False, **halves)


def _network(standard: npt.NDArray[np.floating], targets: npt.NDArray[np.intp], seed: int) -> tuple:  # type: ignore[type-arg]
    network = MLPClassifier((HIDDEN,), alpha=DECAY, batch_size=256, max_iter=15, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a fixed number of epochs on purpose
        network.fit(standard, targets)
    (first, second), (first_bias, second_bias) = network.coefs_, network.intercepts_
    return tuple(np.asarray(part, np.float32) for part in (first, first_bias, second, second_bias))


def _known_views(layout: Layout, rows: pd.DataFrame, truth: Path | None) -> list[str | None]:
    by_image = _truth_by_image(truth)
    drawn = _drawn_truth(layout)
    found: list[str | None] = []
    for row in rows.to_dict("records"):
        if pd.isna(row["pixel_sha256"]):
            found.append(None)
        elif drawn is not None:
            found.append(drawn.get(str(row["image_id"])))
        else:
            place = unquote(str(row["fetched_url"])).partition("://")[2]
            found.append(by_image.get(place) or ("frontal" if row["source"] in ALL_FRONTAL else None))
    return found


def _truth_by_image(truth: Path | None) -> dict[str, str]:
    if truth is None:
        return {}
    table = pd.read_csv(truth, dtype=str)
    return dict(zip(table["image"], table["view"], strict=True))


def _drawn_truth(layout: Layout) -> dict[str, str] | None:
    """View by the sha256 of the file, where the run's films were drawn."""
    path = layout.sandbox / "truth" / "films.csv"
    if not path.exists():
        return None
    table = pd.read_csv(str(path), dtype=str)
    table = table[table["defect"].isna() | (table["defect"] == "")]
    return dict(zip(table["sha256"], table["view"], strict=True))


def _forbidden(rows: pd.DataFrame) -> list[bool]:
    """Which films must not train: their source forbids it, or they are copies of such a source's films."""
    closed = {name: source for name, source in registry().items() if not source.terms.machine_learning}
    hosts = {host for source in closed.values() for host in source.hosts}
    told = rows[["page_url", "url", "licence", "attribution", "finding"]].fillna("").astype(object)
    words = [" ".join(map(str, values)).lower() for values in told.itertuples(index=False)]
    names = tuple(hosts) + tuple(closed)
    banned = [
        source in closed or any(name in text for name in names)
        for source, text in zip(rows["source"], words, strict=True)
    ]
    clusters = {cluster for cluster, bad in zip(rows["cluster_id"], banned, strict=True) if bad and pd.notna(cluster)}
    return [bad or cluster in clusters for bad, cluster in zip(banned, rows["cluster_id"], strict=True)]


if __name__ == "__main__":
    main()
