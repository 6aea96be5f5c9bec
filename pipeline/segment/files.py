"""Lung masks of any image files, as PNG files of the films' size (``cxnet-data lungs``).

Each file is decoded and set upright as ingest does it; its mask is turned back, so that it lies on the film as it is.
"""

import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from pipeline.classifiers.lungs import lung_network
from pipeline.classifiers.networks import shipped
from pipeline.classifiers.upright import detect_and_set_upright
from pipeline.core.parallel import map_images
from pipeline.core.params import IngestParams, SegmentParams
from pipeline.decoding.contract import BadImage
from pipeline.decoding.guarded import decode_guarded
from pipeline.imaging.arrays import Gray
from pipeline.imaging.masks import encode_mask, mask_of_size
from pipeline.imaging.png import shrink
from pipeline.segment.find import find_lungs
from sources.core.errors import UsageError
from sources.core.formats import HEAD_BYTES, image_format
from sources.core.storage import atomic
from sources.core.text import counted

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """An image and the place of its mask."""

    image: Path
    mask: Path


@dataclass(frozen=True)
class FileLungs:
    """What was found on one image.

    Attributes:
        image: its path.
        png: the mask, one bit per pixel; None if there is no mask.
        share, quality, is_cut, reason: as in :class:`pipeline.segment.find.Lungs`.
        problem: why the image could not be used, as a sentence; None if it could.
    """

    image: Path
    png: bytes | None = None
    share: float | None = None
    quality: float | None = None
    is_cut: bool | None = None
    reason: str | None = None
    problem: str | None = None


def plan(images: Sequence[Path], out: Path, overwrite: bool) -> list[Job]:
    """Which masks to write: ``<out>/<path below the given folder>.png`` for each image of a folder.

    Args:
        images: image files, and folders that hold some.
        out: folder for the masks.
        overwrite: whether masks may replace files.

    Raises:
        UsageError: a path does not exist, a folder has no image, or a file would be overwritten.
    """
    jobs = [Job(image, out / f"{below}.png") for given in images for image, below in _images(given, out)]
    jobs = list(dict.fromkeys(jobs))
    twice = [mask for mask, count in Counter(job.mask for job in jobs).items() if count > 1]
    if twice:
        raise UsageError(f"Two images would have the mask {twice[0]}; write them to different folders.")
    there = [] if overwrite else [job.mask for job in jobs if os.path.lexists(job.mask)]
    if there:
        more = f" and {counted(len(there) - 1, 'more file')}" if len(there) > 1 else ""
        raise UsageError(f"{there[0]}{more} would be overwritten; choose another --out, or give --overwrite.")
    return jobs


def write_masks(
    jobs: Sequence[Job], ingest: IngestParams, segment: SegmentParams, executor: Executor | None
) -> Iterator[FileLungs]:
    """Write the masks, and yield what was found in the order of the jobs; a bad image has a ``problem`` and no mask.

    Raises:
        UsageError: the network cannot be used.
        CxnetError: a mask cannot be written.
    """
    lung_network(segment.network, segment.definition)  # before any work
    found = map_images(partial(_find, ingest, segment), (job.image for job in jobs), executor)
    for job, lungs in zip(jobs, found, strict=True):
        if lungs.png is not None:
            with atomic(job.mask) as file:
                file.write(lungs.png)
        yield lungs


def _images(given: Path, out: Path) -> Iterator[tuple[Path, Path]]:
    """The images at a path, each with its path below the folder that holds it."""
    if not given.is_dir():
        if not given.exists():
            raise UsageError(f"{given} does not exist.")
        yield given, Path(given.name)
        return
    files = sorted(path for path in _visible_files(given) if not path.resolve().is_relative_to(out.resolve()))
    images = [path for path in files if _is_image(path)]
    if not images:
        raise UsageError(f"{given} holds no image.")
    if len(images) < len(files):
        log.warning(
            "%s: %s passed over, as no image begins like that", given, counted(len(files) - len(images), "file")
        )
    for path in images:
        yield path, path.relative_to(given)


def _visible_files(folder: Path) -> Iterable[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def _is_image(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return image_format(file.read(HEAD_BYTES)) is not None
    except OSError:
        return True  # reading it again says why that is impossible


def _find(ingest: IngestParams, segment: SegmentParams, image: Path) -> FileLungs:
    """Find the lungs on one image. Runs in the worker processes."""
    try:
        film = _read(image, ingest)
    except OSError as error:
        return FileLungs(image, problem=f"Cannot read {image}: {error.strerror or error}.")
    except BadImage as error:
        return FileLungs(image, problem=f"{image} is not a usable picture: {error}.")
    small = shrink(film, ingest.long_side)
    upright, orientation = detect_and_set_upright(small, shipped("views"), shipped("upright"), shipped("side"))
    lungs = find_lungs(upright, lung_network(segment.network, segment.definition), segment)
    mask = np.rot90(lungs.mask, -orientation.rotation // 90)
    png = encode_mask(mask_of_size(mask, film.shape[1], film.shape[0]) > 0)
    return FileLungs(image, png, lungs.share, lungs.quality, lungs.is_cut, lungs.reason)


def _read(image: Path, ingest: IngestParams) -> Gray:
    if image.stat().st_size > ingest.max_file_mb * 1e6:
        raise BadImage(f"it is larger than {ingest.max_file_mb} MB (ingest.max_file_mb)")
    return decode_guarded(image.read_bytes(), max_megapixels=ingest.max_megapixels).gray
