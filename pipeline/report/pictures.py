"""The report's pictures: which films are shown, and what stands below each."""

from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.layout import Layout
from pipeline.core.pictures import read_pictures, thumbnail
from pipeline.imaging.png import decode_png
from pipeline.report.numbers import general_reason, with_flags
from sources.core.items import KEY, Key

PER_SHEET = 12
PAIRS_PER_KIND = 2
TONES = 6
FLAGGED = 6


def choose_kept(kept: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A few kept films per label, spread over the sources."""
    return {str(label): _spread(films) for label, films in kept.groupby("label")}


def choose_excluded(manifest: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A few excluded films that have a picture, per stage and general reason."""
    seen = manifest[manifest["excluded_by"].notna() & manifest["pixel_sha256"].notna()]
    titles = seen["excluded_by"].astype(str) + ": " + seen["reason"].map(general_reason)
    return {str(title): _spread(films) for title, films in seen.groupby(titles)}


def choose_flagged(manifest: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A few films per quality flag."""
    flagged = with_flags(manifest)
    return {str(flag): _spread(films).head(FLAGGED) for flag, films in flagged.groupby("flag")}


def _spread(films: pd.DataFrame) -> pd.DataFrame:
    """At most a sheet of films, taking turns between sources, in a fixed order."""
    turn = films.sort_values(list(KEY)).groupby("source").cumcount()
    return films.assign(turn=turn).sort_values(["turn", *KEY]).head(PER_SHEET)


def choose_pairs(pairs: pd.DataFrame) -> pd.DataFrame:
    """The weakest proofs of every kind: where they convince, the others do."""
    return (
        pairs.sort_values(["kind", "similarity", "a_source", "a_item_id", "b_source", "b_item_id"])
        .groupby("kind")
        .head(PAIRS_PER_KIND)
    )


def choose_tones(manifest: pd.DataFrame) -> pd.DataFrame:
    """Some kept films that have a tone curve."""
    return manifest[(manifest["status"] == "kept") & manifest["tone_curve"].notna()].head(TONES)


def shown_names(sheets: dict[str, dict[str, pd.DataFrame]], pairs: pd.DataFrame, tones: pd.DataFrame) -> set[Key]:
    """The names of all films that the page shows."""
    shown = [films for group in sheets.values() for films in group.values()]
    names = {name for films in [*shown, tones] for name in _keys(films)}
    return names | set(_keys(pairs, "a_")) | set(_keys(pairs, "b_"))


def _keys(rows: pd.DataFrame, prefix: str = "") -> list[Key]:
    return list(zip(rows[f"{prefix}source"], rows[f"{prefix}item_id"], strict=True))


def thumbnails(layout: Layout, names: Iterable[Key]) -> dict[Key, bytes]:
    """A small JPEG per name that has a picture in the pool."""
    return {name: thumbnail(decode_png(png, "/".join(name))) for name, png in read_pictures(layout, names).items()}


def sheets_shown(
    groups: dict[str, pd.DataFrame], pictures: dict[Key, bytes], told: str
) -> list[tuple[str, list[dict[str, Any]]]]:
    """(title, films) with the picture, a caption and an alternative text each."""
    shown = []
    for title, films in groups.items():
        figures = [
            {
                "picture": pictures[row["source"], row["item_id"]],
                "caption": _caption(row, told),
                "alt": f"film of {row['source']}",
            }
            for row in films.to_dict("records")
            if (row["source"], row["item_id"]) in pictures
        ]
        if figures:
            shown.append((title, figures))
    return shown


def _caption(row: dict[Hashable, Any], told: str) -> str:
    detail = row["view"] if told == "label" else row["reason"]
    return f"{row['source']}/{row['item_id']} · {detail}"


def pairs_shown(pairs: pd.DataFrame, pictures: dict[Key, bytes]) -> list[dict[str, Any]]:
    """Both pictures of every pair, with kind, correlation and names."""
    return [
        {
            "a": pictures[row["a_source"], row["a_item_id"]],
            "b": pictures[row["b_source"], row["b_item_id"]],
            "kind": row["kind"],
            "similarity": None if pd.isna(row["similarity"]) else row["similarity"],
            "names": f"{row['a_source']}/{row['a_item_id']} and {row['b_source']}/{row['b_item_id']}",
        }
        for row in pairs.to_dict("records")
        if (row["a_source"], row["a_item_id"]) in pictures and (row["b_source"], row["b_item_id"]) in pictures
    ]


def tones_shown(layout: Layout, tones: pd.DataFrame) -> list[dict[str, Any]]:
    """Every film before and after its tone curve, with the curve as an SVG path."""
    curves = dict(zip(_keys(tones), tones["tone_curve"], strict=True))
    shown = []
    for key, png in sorted(read_pictures(layout, curves).items()):
        name = "/".join(key)
        gray = decode_png(png, name)
        before, after = thumbnail(gray), thumbnail(gray, tone_curve=curves[key])
        shown.append({"before": before, "after": after, "path": curve_path(curves[key]), "name": name})
    return shown


def curve_path(tone_curve: bytes) -> str:
    """SVG path of a 256-entry look-up table in a 256 x 256 box whose origin is at the bottom left."""
    levels = np.frombuffer(tone_curve, np.uint8)
    return "M" + " L".join(f"{grey} {255 - int(level)}" for grey, level in enumerate(levels))
