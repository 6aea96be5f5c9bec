"""Find the films of the data set that are most similar to any image file, and draw the aligned overlay.

Reads the pool and ``dedupe.parquet``. The image is decoded and set upright as ingest does it, then goes through the
candidate search and the proof of dedupe together with the films of the pool. Films proven to show the same exposure
come first, the most similar first; then the films with the nearest pHash. In a large pool, only the films with the
nearest pHash (of the image as it is, mirrored, inverted, trimmed or of its center) are looked at.
"""

from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any

import cv2
import imagehash
import numpy as np
import pandas as pd
from PIL import Image
from tqdm import tqdm

from pipeline.classifiers.film_file import read_film
from pipeline.core.layout import Layout
from pipeline.core.parallel import map_images, open_executor
from pipeline.core.params import DedupeParams, IngestParams, Params
from pipeline.core.pictures import read_pictures
from pipeline.core.tables import iter_images, read_rows
from pipeline.dedupe.candidates import find_candidates
from pipeline.dedupe.films import FilmStore, MeasuredFilm, measure, measure_png
from pipeline.dedupe.proof import Proof, kind_of
from pipeline.dedupe.verdicts import prove_candidates
from pipeline.imaging.arrays import Gray
from pipeline.imaging.png import decode_png
from sources.core.errors import CxnetError, UsageError
from sources.core.items import KEY
from sources.core.storage import atomic

MAX_FILMS = 5000  # films whose pictures are read
FEW_FILMS = 200  # up to this many films are measured in this process; starting workers would take longer


@dataclass(frozen=True)
class SimilarFilm:
    """A film of the pool beside the image.

    Attributes:
        source, item_id: name of the film.
        kind: main difference from the image, as in ``duplicate_kind``; None if not proven to be the same exposure.
        similarity, overlap: as in ``duplicates.parquet``; None if not proven.
        phash_distance: bits of 64 in which the two pHashes differ.
        label, view, cluster_id: columns of the film.
    """

    source: str
    item_id: str
    kind: str | None
    similarity: float | None
    overlap: float | None
    phash_distance: int
    label: str | None
    view: str | None
    cluster_id: str | None


@dataclass(frozen=True)
class SimilarFilms:
    """The films most similar to an image.

    Attributes:
        proven: number of films in the pool that show the same exposure.
        films: the most similar films, the best first.
    """

    proven: int
    films: tuple[SimilarFilm, ...]

    def __str__(self) -> str:
        """One sentence about the result."""
        if not self.proven:
            return "No film shows this exposure. The nearest by pHash:"
        count = "1 film shows" if self.proven == 1 else f"{self.proven} films show"
        return f"{count} this exposure (with a kind). Any others are the nearest by pHash:"

    @staticmethod
    def columns() -> tuple[str, ...]:
        """Names of the columns of :meth:`rows`."""
        return tuple(entry.name for entry in fields(SimilarFilm))

    def rows(self) -> list[tuple[Any, ...]]:
        """The films as rows of a table."""
        return [astuple(film) for film in self.films]


@dataclass(frozen=True, eq=False)
class Query:
    """The image whose films are looked for, as ingest would take it into the pool.

    Attributes:
        image_id: sha256 of the file.
        gray: (H, W) uint8, upright, positive and shrunk.
        scale: pixels as received per pixel of ``gray``.
        inverted: whether it was a negative.
        film: what dedupe measures of it; pHash and dHash by the package `imagehash`.
    """

    image_id: str
    gray: Gray
    scale: float
    inverted: bool
    film: MeasuredFilm


@dataclass(frozen=True, eq=False)
class Match:
    """A film proven to show the exposure of the image.

    Attributes:
        proof: proof from the image to the film.
        kind: the main difference between the two.
    """

    proof: Proof
    kind: str


def similar_films(
    layout: Layout, image: Path, params: Params, *, nearest: int = 5, overlay: Path | None = None
) -> SimilarFilms:
    """Find the films of the pool that are most similar to an image file.

    Args:
        layout: where the pool and ``dedupe.parquet`` are.
        image: any image file.
        params: the profile; its ``ingest`` and ``dedupe`` options apply.
        nearest: how many films to return.
        overlay: PNG file to write, with the image in red and the best film, moved onto it, in cyan; not written if no
            film is proven to show the exposure.

    Raises:
        UsageError: ``image`` does not exist or is not a usable picture, or ``overlay`` is not named ``.png``.
        CxnetError: the pool or ``dedupe.parquet`` is missing or empty.
    """
    if overlay is not None and overlay.suffix.lower() != ".png":
        raise UsageError(f"The overlay is a PNG file; name it {overlay.stem}.png.")
    query = read_query(image, params.ingest)
    rows = _nearest_by_hash(read_rows(layout, after="dedupe"), query.film)
    if rows.empty:
        raise CxnetError(f"{layout.pool} contains no film to compare with; fetch and ingest some first.")
    matches = _match(layout, query, rows, params.dedupe)
    similarity = [matches[place].proof.similarity if place in matches else np.nan for place in rows.index]
    order = ["similarity", "phash_distance", *KEY]
    best = rows.assign(similarity=similarity).sort_values(order, ascending=[False, True, True, True]).head(nearest)
    if overlay is not None and matches:
        _write_overlay(layout, query.gray, best.iloc[0], matches[int(best.index[0])].proof, overlay)
    films = zip(best.index.tolist(), best.to_dict("records"), strict=True)
    return SimilarFilms(len(matches), tuple(_similar_film(row, matches.get(place)) for place, row in films))


def read_query(path: Path, params: IngestParams) -> Query:
    """Read an image file as ingest would.

    Raises:
        UsageError: it does not exist, is too large, or is not a usable picture.
    """
    film = read_film(path, params)
    return Query(film.image_id, film.gray, film.scale, film.orientation.inverted, _measure(film.gray))


def overlay_of(gray: Gray, film: Gray, proof: Proof) -> Gray:
    """Draw a picture in red and a film in cyan, so that they are gray where they agree.

    Args:
        gray: (H, W) uint8, the picture.
        film: (h, w) uint8, moved onto the picture by ``proof``.
        proof: proof from the picture to the film.

    Returns:
        (H, W, 3) uint8 BGR.
    """
    size = (gray.shape[1], gray.shape[0])
    positive = np.bitwise_not(film) if proof.change.inverted else film
    moved = cv2.warpAffine(positive, proof.transform[:2], size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return np.dstack([moved, moved, gray])


def _measure(gray: Gray) -> MeasuredFilm:
    """Measure one picture, with the hashes of the package `imagehash`; the pool's are equal to them."""
    film, picture = measure(gray), Image.fromarray(gray)
    phash, dhash = (int(str(hashed), 16) for hashed in (imagehash.phash(picture), imagehash.dhash(picture)))
    return replace(film, hashes=film.hashes._replace(phash=phash, dhash=dhash))


def _nearest_by_hash(rows: pd.DataFrame, query: MeasuredFilm) -> pd.DataFrame:
    """Select at most ``MAX_FILMS`` rows with a film, the nearest by pHash, sorted by name; add ``phash_distance``."""
    known = rows[rows["phash"].notna()].reset_index(drop=True)
    hashes = np.array([int(value, 16) for value in known["phash"]], np.uint64)
    differing = np.bitwise_count(hashes[:, None] ^ np.array(query.hashes.phashes, np.uint64))
    known = known.assign(phash_distance=differing[:, 0].astype(int), least=differing.min(axis=1).astype(int))
    chosen = known.sort_values(["least", *KEY], kind="stable").head(MAX_FILMS)
    return chosen.sort_values(list(KEY), kind="stable", ignore_index=True)


def _match(layout: Layout, query: Query, rows: pd.DataFrame, params: DedupeParams) -> dict[int, Match]:
    """Prove which rows show the exposure of the image; place of a row -> match."""
    workers = 1 if len(rows) <= FEW_FILMS else 0
    with FilmStore(len(rows) + 1) as films, open_executor(workers) as executor:
        films.add(query.film)
        measured = map_images(measure_png, _pictures(layout, rows), executor)
        films.extend(tqdm(measured, "similar: films", len(rows), unit="film", disable=None))
        candidates = find_candidates(films, params).of_first(0)
        proven = prove_candidates(films, candidates, params, executor).proven
        widths = films.sizes[1:, 0]
    matches = {}
    for (first, second), pair in proven.items():
        if first == 0:
            row, place = rows.iloc[second - 1], second - 1
            matches[place] = Match(pair.proof, _kind(query, row, pair.proof, int(widths[place])))
    return matches


def _kind(query: Query, row: "pd.Series[Any]", proof: Proof, pool_width: int) -> str:
    if row["image_id"] == query.image_id:
        return "bytes"
    negatives = int(query.inverted) + int(not pd.isna(row["inverted"]) and bool(row["inverted"]))
    return kind_of(proof, query.scale, float(row["width"]) / pool_width, negatives)


def _pictures(layout: Layout, rows: pd.DataFrame) -> Iterator[bytes]:
    wanted = set(zip(rows["source"], rows["item_id"], strict=True))
    for row, png in iter_images(layout.pool, "pool"):
        if (row["source"], row["item_id"]) in wanted:
            yield png


def _similar_film(row: dict[Any, Any], match: Match | None) -> SimilarFilm:
    optional = {name: None if pd.isna(row[name]) else str(row[name]) for name in ("label", "view", "cluster_id")}
    return SimilarFilm(
        source=row["source"],
        item_id=row["item_id"],
        kind=match.kind if match else None,
        similarity=round(match.proof.similarity, 3) if match else None,
        overlap=round(match.proof.overlap, 3) if match else None,
        phash_distance=row["phash_distance"],
        **optional,
    )


def _write_overlay(layout: Layout, gray: Gray, row: "pd.Series[Any]", proof: Proof, path: Path) -> None:
    """Write the overlay of the image and one film of the pool."""
    name = (row["source"], row["item_id"])
    film = decode_png(read_pictures(layout, [name])[name], "/".join(name))
    with atomic(path) as file:
        file.write(cv2.imencode(".png", overlay_of(gray, film, proof))[1].tobytes())
