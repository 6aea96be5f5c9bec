"""Which files may be films: by their extension, else by their first bytes."""

import zlib
from collections.abc import Callable
from enum import Enum
from pathlib import PurePosixPath

from sources.core.formats import EXTENSIONS, HEAD_BYTES, image_format

IMAGES = frozenset(f".{extension}" for extensions in EXTENSIONS.values() for extension in extensions)
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
OTHERS = frozenset(  # never opened to see what they are
    (
        *(".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".html", ".htm", ".md", ".rst", ".pdf", ".doc", ".docx"),
        *(".xls", ".xlsx", ".ods", ".parquet", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".log", ".py", ".ipynb"),
        *(".r", ".m", ".sh", ".bat", ".js", ".css", ".sql", ".db", ".sqlite", ".h5", ".hdf5", ".npz", ".mat", ".pkl"),
        *(".pickle", ".pth", ".pt", ".onnx", ".mp4", ".avi", ".mov", ".mp3", ".wav", ".nii", ".mha", ".mhd", ".nrrd"),
        *(".raw", ".stl", ".obj", ".7z", ".rar", ".exe", ".dll", ".so"),
    )
)
DIRECTORY_OF_DICOM = "dicomdir"  # lists the files of a disc, and shows nothing


class Kind(Enum):
    """What a file in a folder is for us."""

    IMAGE = "image"
    ARCHIVE = "archive"
    OTHER = "other"


def kind_of(name: str, read_head: Callable[[], bytes]) -> Kind:
    """The kind of a file.

    Args:
        name: of the file.
        read_head: returns its first :data:`HEAD_BYTES`; called only if the name does not decide.
    """
    known = kind_by_name(name)
    if known is not None:
        return known
    return Kind.IMAGE if _shows_image(read_head()) else Kind.OTHER


def kind_by_name(name: str) -> Kind | None:
    """The kind of a file by its name alone; None if its first bytes must decide."""
    lower = name.lower()
    if lower.endswith(ARCHIVES):
        return Kind.ARCHIVE
    suffix = PurePosixPath(lower).suffix
    if suffix == ".gz":
        suffix = PurePosixPath(lower.removesuffix(".gz")).suffix
    if suffix in IMAGES:
        return Kind.IMAGE
    return Kind.OTHER if suffix in OTHERS or lower == DIRECTORY_OF_DICOM else None


def stem_of(name: str) -> str:
    """A file's name without the extensions of images and of their compression (``a.b.dcm.gz`` is ``a.b``)."""
    if name.lower().endswith(".gz"):
        name = name[:-3]
    stem, dot, suffix = name.rpartition(".")
    return stem if stem and (dot + suffix).lower() in IMAGES else name


def word_for(name: str) -> str:
    """The kind of a file that is passed over, as a message counts it: its extension."""
    suffix = PurePosixPath(name).suffix
    return suffix.lower() if 1 < len(suffix) <= 12 and suffix[1:].isalnum() else "without extension"


def _shows_image(head: bytes) -> bool:
    if head.startswith(b"\x1f\x8b"):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
        except zlib.error:
            return False
    return image_format(head) is not None
