"""One image file as a film: decoded, shrunk and set upright, as ingest takes it into the pool."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.classifiers.networks import shipped
from pipeline.classifiers.upright import Orientation, detect_and_set_upright
from pipeline.core.params import IngestParams
from pipeline.decoding.contract import BadImage
from pipeline.decoding.guarded import decode_guarded
from pipeline.imaging.arrays import Gray
from pipeline.imaging.png import shrink
from sources.core.errors import UsageError
from sources.core.formats import HEAD_BYTES, image_format


@dataclass(frozen=True, eq=False)
class FilmFile:
    """A film that was read from a file.

    Attributes:
        image_id: sha256 of the file.
        gray: (H, W) uint8, upright, positive and shrunk.
        scale: pixels as received per pixel of ``gray``.
        orientation: how it was saved.
    """

    image_id: str
    gray: Gray
    scale: float
    orientation: Orientation


def read_film(path: Path, params: IngestParams) -> FilmFile:
    """Read an image file as ingest would.

    Raises:
        UsageError: it does not exist, is too large, or is not a usable picture.
    """
    try:
        if path.stat().st_size > params.max_file_mb * 1e6:
            raise UsageError(f"{path} is larger than {params.max_file_mb} MB (ingest.max_file_mb).")
        data = path.read_bytes()
        decoded = decode_guarded(data, max_megapixels=params.max_megapixels).gray
    except OSError as error:
        raise UsageError(f"Cannot read {path}: {error.strerror or error}.") from None
    except BadImage as error:
        raise UsageError(f"{path} is not a usable picture: {error}.") from None
    small = shrink(decoded, params.long_side)
    gray, orientation = detect_and_set_upright(small, shipped("views"), shipped("upright"), shipped("side"))
    return FilmFile(hashlib.sha256(data).hexdigest(), gray, decoded.shape[1] / small.shape[1], orientation)


def image_files(given: Path) -> Iterator[Path]:
    """The path itself, or the images below a folder, sorted: files that begin like one and are not hidden.

    Raises:
        UsageError: the folder has no image.
    """
    if not given.is_dir():
        yield given
        return
    images = [path for path in sorted(given.rglob("*")) if _is_visible(path, given) and _is_image(path)]
    if not images:
        raise UsageError(f"{given} holds no image.")
    yield from images


def _is_visible(path: Path, folder: Path) -> bool:
    return path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)


def _is_image(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return image_format(file.read(HEAD_BYTES)) is not None
    except OSError:
        return True  # reading it again says why that is impossible
