"""``snapshot.json``: what a snapshot is, and the hash of everything in it."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from upath import UPath

from pipeline.audit.dataset import SNAPSHOT
from sources.core.errors import CxnetError, UsageError
from sources.core.storage import write_json

FORMAT = 1  # of snapshots; a later one is refused
MAX_BYTES = 100_000_000
BLOCK = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class FileRecord(BaseModel):
    """A file of a snapshot: its hash and size."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    sha256: str
    bytes: int


class SnapshotRecord(BaseModel):
    """What a snapshot is.

    Attributes:
        format: :data:`FORMAT`.
        name: of the version, such as ``v1.0``.
        profile: name of the profile.
        code: version of the package.
        purpose: what it is for: open | commercial | noncommercial | all (against the licenses).
        root_sha256: one hash over all ``files``.
        manifest_sha256: hash of the manifest.
        films: kept films by class of terms; ``pictures``: those whose pictures are here.
        files: path -> hash and size of the data.
        texts: the same of what only describes it: card, Croissant, citation. They state ``root_sha256``.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    format: int
    name: str
    profile: str
    code: str
    purpose: str
    root_sha256: str
    manifest_sha256: str
    films: dict[str, int]
    pictures: dict[str, int]
    files: dict[str, FileRecord]
    texts: dict[str, FileRecord]

    def write(self, folder: UPath) -> None:
        """Write it."""
        write_json(folder / SNAPSHOT, self.model_dump(mode="json"))


def read_record(folder: UPath) -> SnapshotRecord:
    """The record of the snapshot in ``folder``.

    Raises:
        UsageError: there is no snapshot.
        CxnetError: its record is damaged, edited or of a later version.
    """
    path = folder / SNAPSHOT
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CxnetError(f"{path} is larger than {MAX_BYTES:,} bytes; it is no record of a snapshot.")
        record = SnapshotRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UsageError(f"{folder} is no snapshot: it has no {SNAPSHOT}.") from None
    except ValidationError as error:
        entry = error.errors()[0]
        where = ".".join(map(str, entry["loc"])) or "the file"
        raise CxnetError(
            f"{path} is damaged or of another version ({where}: {entry['msg']}); get the snapshot again."
        ) from None
    if record.format != FORMAT:
        raise CxnetError(f"{path} has format {record.format}, this version reads {FORMAT}; update cxnet-data.")
    for name in (*record.files, *record.texts):
        if name.startswith("/") or ".." in name.split("/") or "\\" in name:
            raise CxnetError(f"{path} names a file outside the snapshot ({name!r}); do not trust it.")
    if root_of(record.files) != record.root_sha256:
        raise CxnetError(f"{path} was edited: its root hash is not that of the files that it lists; get it again.")
    return record


def check_name(name: str) -> str:
    """The name of a version.

    Raises:
        UsageError: it could not be the name of a folder everywhere.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"'{name}' cannot be the name of a version; use letters, digits, dots and dashes: v1.0.")
    return name


def root_of(files: Mapping[str, FileRecord]) -> str:
    """One hash over paths, sizes and hashes, in the order of the paths."""
    lines = (f"{record.sha256}  {record.bytes}  {path}\n" for path, record in sorted(files.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def record_files(folder: UPath, names: Iterable[str]) -> dict[str, FileRecord]:
    """Hash the named files below ``folder``."""
    return {name: record_file(folder / name) for name in sorted(names)}


def record_file(path: UPath) -> FileRecord:
    """Hash and size of a file."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            size += len(block)
    return FileRecord(sha256=digest.hexdigest(), bytes=size)


def files_below(folder: UPath) -> list[str]:
    """Paths of all files below ``folder``, relative to it, in order."""
    start = len(folder.path.rstrip("/")) + 1
    return sorted(path.path[start:] for path in folder.rglob("*") if path.is_file())


def plain(record: SnapshotRecord) -> dict[str, Any]:
    """The record without its lists of files, for people."""
    return record.model_dump(mode="json", exclude={"files", "texts"})
