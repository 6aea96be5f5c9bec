"""The films of a data set that are nearest to any image file, with the aligned overlay as a picture.

Reads the pool and ``dedupe.parquet``. The image goes through the nets and the proof of dedupe beside the films of the
pool: those proven to show its exposure come first, the surest first; then those whose pHash is nearest. In a large
pool only the films with the nearest pHash (as it is, mirrored, inverted, trimmed or centred) are looked at.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from pipeline.core.layout import Layout
from pipeline.core.parallel import map_images, open_executor
from pipeline.core.params import DedupeParams, IngestParams
from pipeline.core.pictures import read_pictures
from pipeline.core.tables import iter_images, read_rows
from pipeline.dedupe.candidates import find_candidates
from pipeline.dedupe.films import HASHES, Film, Films, measure, measure_png
from pipeline.dedupe.kinds import kind_of
from pipeline.dedupe.proof import Proof
from pipeline.dedupe.verdicts import judge
from pipeline.imaging.arrays import Gray
from pipeline.imaging.decode import BadImage, decode
from pipeline.imaging.png import decode_png, shrink
from sources.core.errors import CxnetError, UsageError
from sources.core.items import KEY
from sources.core.storage import atomic
from sources.download.store import sha256_of

COLUMNS = ("source", "item_id", "kind", "similarity", "overlap", "phash_distance", "label", "view", "cluster_id")
LOOKED_AT = 5000  # films whose pictures are read
ALONE = 200  # so few films are measured in this process

Row = tuple[Any, ...]


def similar_films(
    layout: Layout, image: Path, *, nearest: int, overlay: Path | None
) -> tuple[str, tuple[str, ...], list[Row]]:
    """What was found in one sentence, column names, and a row for each of the ``nearest`` films.

    The overlay with the first of them is written to ``overlay``.

    Raises:
        UsageError: ``image`` does not exist or is no usable picture, or ``overlay`` is not called ``.png``.
        CxnetError: the pool or ``dedupe.parquet`` is missing or empty.
    """
    if overlay is not None and overlay.suffix.lower() != ".png":
        raise UsageError(f"The overlay is a PNG; call it {overlay.stem}.png.")
    gray = read_image(image)
    asked = measure(gray)
    rows = _nearest_by_hash(read_rows(layout, after="dedupe"), asked)
    if rows.empty:
        raise CxnetError(f"{layout.pool} holds no film to compare with; fetch and ingest some first.")
    proofs = _prove_against(layout, asked, rows)
    rows = rows.assign(similarity=[proofs[place].similarity if place in proofs else np.nan for place in rows.index])
    best = rows.sort_values(["similarity", "bits", *KEY], ascending=[False, True, True, True]).head(nearest)
    if overlay is not None:
        _write_overlay(layout, gray, best.iloc[0], proofs.get(int(best.index[0])), overlay)
    image_id = sha256_of(image)
    shown = zip(best.index.tolist(), best.to_dict("records"), strict=True)
    return _verdict(len(proofs)), COLUMNS, [_row(row, proofs.get(place), image_id) for place, row in shown]


def _verdict(proven: int) -> str:
    if not proven:
        return "No film shows this exposure; the nearest by pHash (bits of 64 that differ):"
    return f"{proven} {'film shows' if proven == 1 else 'films show'} this exposure (those with a kind):"


def read_image(path: Path) -> Gray:
    """An image file as a pool picture, (H, W) uint8.

    Raises:
        UsageError: it does not exist, or is no usable picture.
    """
    limits = IngestParams()
    try:
        if path.stat().st_size > limits.max_file_mb * 1e6:
            raise UsageError(f"{path} is larger than {limits.max_file_mb} MB; give a smaller image.")
        decoded = decode(path.read_bytes(), max_megapixels=limits.max_megapixels)
    except OSError as error:
        raise UsageError(f"Cannot read {path}: {error.strerror or error}.") from None
    except BadImage as error:
        raise UsageError(f"{path} is no usable picture: {error}.") from None
    return shrink(decoded.gray, limits.long_side)


def _nearest_by_hash(rows: pd.DataFrame, asked: Film) -> pd.DataFrame:
    """The rows with a film, with ``bits`` that their pHash differs from that of the image, at most ``LOOKED_AT``."""
    found = rows[rows["phash"].notna()].reset_index(drop=True)
    hashes = np.array([int(value, 16) for value in found["phash"]], np.uint64)
    variants = np.array(asked.hashes[: HASHES.index("dhash")], np.uint64)
    differing = np.bitwise_count(hashes[:, None] ^ variants[None, :]) if len(found) else np.zeros((0, 1), np.uint8)
    found = found.assign(bits=differing[:, 0].astype(int), least=differing.min(axis=1).astype(int))
    chosen = found.sort_values(["least", *KEY], kind="stable").head(LOOKED_AT)
    return chosen.sort_values(list(KEY), kind="stable", ignore_index=True)


def _prove_against(layout: Layout, asked: Film, rows: pd.DataFrame) -> dict[int, Proof]:
    """Place of a row -> proof that its film shows the exposure of the image."""
    params = DedupeParams()
    workers = 1 if len(rows) <= ALONE else 0
    with Films(len(rows) + 1) as films, open_executor(workers) as executor:
        films.add(asked)
        films.extend(map_images(measure_png, _pictures(layout, rows), executor))
        about = find_candidates(films, params).of_first(0)
        proven = judge(films, about, params, executor).proven
    return {second - 1: proof for (first, second), (proof, _) in proven.items() if first == 0}


def _pictures(layout: Layout, rows: pd.DataFrame) -> Iterator[bytes]:
    wanted = set(zip(rows["source"], rows["item_id"], strict=True))
    for row, png in iter_images(layout.pool, "pool"):
        if (row["source"], row["item_id"]) in wanted:
            yield png


def _row(row: dict[Any, Any], proof: Proof | None, image_id: str) -> Row:
    """What is shown of one film."""
    shown = {name: None if pd.isna(row.get(name)) else row[name] for name in COLUMNS if name in row}
    shown["phash_distance"] = row["bits"]
    if proof is not None:
        shown |= {
            "kind": "bytes" if row["image_id"] == image_id else kind_of(proof, 1.0, 1.0),
            "similarity": round(proof.similarity, 3),
            "overlap": round(proof.overlap, 3),
        }
    return tuple(shown.get(name) for name in COLUMNS)


def _write_overlay(layout: Layout, gray: Gray, row: "pd.Series[Any]", proof: Proof | None, path: Path) -> None:
    """Write the image in red and the film, moved onto it, in cyan: gray where they agree."""
    name = (row["source"], row["item_id"])
    film = decode_png(read_pictures(layout, [name])[name], "/".join(name))
    with atomic(path) as file:
        file.write(cv2.imencode(".png", overlay_of(gray, film, proof))[1].tobytes())


def overlay_of(gray: Gray, film: Gray, proof: Proof | None) -> Gray:
    """(H, W, 3) uint8 BGR, of the size of ``gray``; a film without proof is stretched over it."""
    size = (gray.shape[1], gray.shape[0])
    if proof is None:
        moved = cv2.resize(film, size, interpolation=cv2.INTER_AREA)
    else:
        shown = np.bitwise_not(film) if proof.change.inverted else film
        moved = cv2.warpAffine(shown, proof.transform[:2], size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return np.dstack([moved, moved, gray])
