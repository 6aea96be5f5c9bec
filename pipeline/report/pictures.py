"""The pictures of the report: which films it shows, and the text below each."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.core.layout import Layout
from pipeline.core.pictures import read_pictures, thumbnail
from pipeline.core.schema import UNLABELED
from pipeline.imaging.png import decode_png
from pipeline.report.numbers import general_reason, with_flags
from sources.core.items import KEY, Key

FIGURES = {  # of an evaluation -> what it shows
    "roc": "ROC curve of each class against all others, with the area below it.",
    "pr": "Precision and recall of each class at all thresholds, with average precision and its 95% interval.",
    "confusion": "Confusion matrix: how many films of each actual class got each predicted class.",
    "reliability": "Share of films of a class among those with about the same predicted probability, before and after "
    "the temperature that was fitted on the validation films. On the dashed line, both agree.",
    "risk_coverage": "Share of errors if the model decides only the films that it is surest of.",
    "losses": "Loss on the training and the validation films by epoch; the dashed line marks the epoch that was kept.",
}
GRAD_CAM = (
    "Films of class {label}. Above: the film, its predicted class and the probability. Below: how much each region "
    "speaks for that class (Grad-CAM), in one scale for all classes. “max 0” means that no region speaks for it: the "
    "class was predicted because less spoke for the others."
)
LIME = (
    "Films of class {label}: the film with its predicted class and probability, its Grad-CAM, and the regions that the "
    "probability depends on most (LIME): green ones support the class, red ones oppose it. R² tells how well they "
    "explain the probability."
)
EXPLAINED = {"gradcam_": GRAD_CAM, "lime_": LIME}  # start of the name of a figure -> what it shows
PER_SHEET = 12
PER_FLAG = 6
PAIRS_PER_KIND = 2
MATCHED = 6

Groups = dict[str, pd.DataFrame]  # title -> rows of the films below it


@dataclass(frozen=True)
class Figure:
    """One picture (JPEG or PNG) with its caption and its alternative text."""

    picture: bytes
    caption: str
    alt: str


@dataclass(frozen=True)
class Sheet:
    """Films that belong together, with a title."""

    title: str
    films: list[Figure]


@dataclass(frozen=True)
class Pair:
    """Both pictures of a proven pair (JPEG).

    Attributes:
        a: the first film.
        b: the second film.
        kind: the main difference.
        similarity: correlation of fine detail; None if it was not measured.
        names: both films by name.
    """

    a: bytes
    b: bytes
    kind: str
    similarity: float | None
    names: str


@dataclass(frozen=True)
class MatchedFilm:
    """A film before and after its tone curve (JPEG), and the curve as an SVG path."""

    name: str
    before: bytes
    after: bytes
    path: str


def choose_kept(kept: pd.DataFrame) -> Groups:
    """A few kept films per label, from all sources."""
    label = kept["label"].astype(object).fillna(UNLABELED)
    return {str(name): _mixed(films) for name, films in kept.groupby(label)}


def choose_excluded(manifest: pd.DataFrame) -> Groups:
    """A few excluded films with a picture, per stage and general reason."""
    excluded = manifest[manifest["excluded_by"].notna() & manifest["pixel_sha256"].notna()]
    titles = excluded["excluded_by"].astype(str) + ": " + excluded["reason"].map(general_reason)
    return {str(title): _mixed(films) for title, films in excluded.groupby(titles)}


def choose_flagged(manifest: pd.DataFrame) -> Groups:
    """A few films per quality flag."""
    return {str(flag): _mixed(films).head(PER_FLAG) for flag, films in with_flags(manifest).groupby("flag")}


def _mixed(films: pd.DataFrame) -> pd.DataFrame:
    """At most one sheet of films, taken from each source in turn; always the same ones."""
    turn = films.sort_values(list(KEY)).groupby("source").cumcount()
    return films.assign(turn=turn).sort_values(["turn", *KEY]).head(PER_SHEET)


def choose_pairs(pairs: pd.DataFrame) -> pd.DataFrame:
    """The weakest proofs of each kind: if they are convincing, so are the others."""
    return (
        pairs.sort_values(["kind", "similarity", "a_source", "a_item_id", "b_source", "b_item_id"])
        .groupby("kind")
        .head(PAIRS_PER_KIND)
    )


def choose_matched(manifest: pd.DataFrame) -> pd.DataFrame:
    """Some kept films with a tone curve."""
    return manifest[(manifest["status"] == "kept") & manifest["tone_curve"].notna()].head(MATCHED)


def thumbnails(layout: Layout, groups: Iterable[Groups], pairs: pd.DataFrame) -> dict[Key, bytes]:
    """A small JPEG of each film of the groups and pairs that has a picture in the pool."""
    keys = {key for group in groups for films in group.values() for key in _keys(films)}
    keys |= {*_keys(pairs, "a_"), *_keys(pairs, "b_")}
    return {key: thumbnail(decode_png(png, "/".join(key))) for key, png in read_pictures(layout, keys).items()}


def _keys(rows: pd.DataFrame, prefix: str = "") -> list[Key]:
    return list(zip(rows[f"{prefix}source"], rows[f"{prefix}item_id"], strict=True))


def plot(name: str, png: bytes) -> Figure:
    """A figure of an evaluation, with what it shows; ``name`` is that of its file, without extension."""
    start, _, label = name.partition("_")
    explained = EXPLAINED.get(f"{start}_")
    shown = explained.format(label=label) if explained else FIGURES.get(name, name.replace("_", " "))
    return Figure(png, shown, name.replace("_", " "))


def sheets(groups: Groups, pictures: dict[Key, bytes], detail: str) -> list[Sheet]:
    """A sheet per group that has pictures; the caption is the film's name and its value in the column ``detail``."""
    made = []
    for title, films in groups.items():
        figures = [
            Figure(pictures[source, item_id], f"{source}/{item_id} · {value}", f"film from {source}")
            for source, item_id, value in zip(films["source"], films["item_id"], films[detail], strict=True)
            if (source, item_id) in pictures
        ]
        if figures:
            made.append(Sheet(title, figures))
    return made


def pair_figures(pairs: pd.DataFrame, pictures: dict[Key, bytes]) -> list[Pair]:
    """The pairs with two pictures."""
    figures = []
    for row in pairs.to_dict("records"):
        a, b = (row["a_source"], row["a_item_id"]), (row["b_source"], row["b_item_id"])
        if a in pictures and b in pictures:
            similarity = None if pd.isna(row["similarity"]) else float(row["similarity"])
            figures.append(Pair(pictures[a], pictures[b], row["kind"], similarity, f"{'/'.join(a)} and {'/'.join(b)}"))
    return figures


def matched_films(layout: Layout, films: pd.DataFrame) -> list[MatchedFilm]:
    """The films with their tone curves."""
    curves = dict(zip(_keys(films), films["tone_curve"], strict=True))
    made = []
    for key, png in sorted(read_pictures(layout, curves).items()):
        name = "/".join(key)
        gray = decode_png(png, name)
        after = thumbnail(gray, tone_curve=curves[key])
        made.append(MatchedFilm(name, thumbnail(gray), after, curve_path(curves[key])))
    return made


def curve_path(tone_curve: bytes) -> str:
    """SVG path of a look-up table of 256 entries in a 256 x 256 box with the origin at the bottom left."""
    levels = np.frombuffer(tone_curve, np.uint8)
    return "M" + " L".join(f"{gray} {255 - int(level)}" for gray, level in enumerate(levels))
