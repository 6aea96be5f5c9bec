"""Members of a zip or tar archive in the archive's order, without unpacking it."""

import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterator

from upath import UPath

from sources.errors import CxnetError


def read_members(path: UPath, wanted: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of each wanted member.

    Raises:
        CxnetError: the archive is damaged.
    """
    try:
        yield from _members(path, wanted)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise CxnetError(f"{path} is a damaged archive ({error}); fetch it again.") from error


def _members(path: UPath, wanted: Collection[str]) -> Iterator[tuple[str, bytes]]:
    with path.open("rb") as file:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                for name in archive.namelist():
                    if name in wanted:
                        yield name, archive.read(name)
            return
        file.seek(0)
        with tarfile.open(fileobj=file, mode="r|*") as stream:
            for entry in stream:
                if entry.name in wanted and (content := stream.extractfile(entry)):
                    yield entry.name, content.read()
