"""The kept films with text and drawn marks in-painted: ``data/concealed/images-*.parquet``.

Reads ``data/manifest/images-*.parquet`` and writes the same rows in the same shards. An analysis can then be repeated
without what is written on the films (Fig. 17 of the paper shows both versions, arXiv:2006.13807). Only the pixels of
the marks change. Excludes nothing.
"""

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from pipeline.core.layout import Layout
from pipeline.core.parallel import map_images
from pipeline.core.params import Params
from pipeline.core.schema import IMAGES_SCHEMA, MANIFEST_SCHEMA
from pipeline.core.shards import replace_shards, with_picture
from pipeline.core.summary import Summary
from pipeline.core.tables import iter_images, shards
from pipeline.imaging.conceal import conceal
from pipeline.imaging.png import decode_png, encode_png
from sources.core.storage import open_parquet
from sources.core.text import counted


@dataclass(frozen=True)
class ConcealSummary(Summary):
    """Films, and how many of them had marks."""

    films: int
    changed: int

    def __str__(self) -> str:
        return f"{counted(self.films, 'film')}, {self.changed:,} with marks concealed"


@dataclass(frozen=True)
class Concealed:
    """One film without its marks: its row, its PNG, and whether there were any."""

    row: dict[str, Any]
    png: bytes
    changed: bool


def run(layout: Layout, params: Params, executor: Executor | None = None) -> ConcealSummary:
    """Write ``data/concealed``.

    Raises:
        CxnetError: there is no manifest, or it cannot be read.
    """
    films = changed = 0
    kept = iter_images(layout.manifest, "images", MANIFEST_SCHEMA.names)
    with replace_shards(layout.concealed, "images", IMAGES_SCHEMA, _shard_rows(layout)) as writer:
        for film in tqdm(map_images(_conceal_film, kept, executor), desc="conceal", unit="img", disable=None):
            writer.add(with_picture(film.row, film.png))
            films += 1
            changed += film.changed
    return ConcealSummary(films, changed)


def _conceal_film(film: tuple[dict[str, Any], bytes]) -> Concealed:
    """Runs in the worker processes; a film without marks keeps its bytes."""
    row, png = film
    gray = decode_png(png, f"{row['source']}/{row['item_id']}")
    clean = conceal(gray)
    return Concealed(row, png, False) if clean is gray else Concealed(row, encode_png(clean), True)


def _shard_rows(layout: Layout) -> int:
    """Rows per shard of the manifest's images: those of the first shard, as only the last one may have fewer."""
    with open_parquet(shards(layout.manifest, "images")[0], IMAGES_SCHEMA) as first:
        return max(1, first.metadata.num_rows)
