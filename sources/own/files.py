"""A local folder or a bucket: list the images below it, read one of its files, and never leave it."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import quote, unquote

from upath import UPath

from sources.core.errors import CxnetError, UsageError
from sources.own.kinds import Kind, kind_by_name
from sources.own.listing import Listing, list_bucket, list_local
from sources.own.members import read_member
from sources.own.names import is_outside

CHUNK_BYTES = 1 << 20
SCHEME = "own://"  # of the addresses of files: they do not say where on this machine the folder is
CHANGED = "the file changed while it was read; fetch again when it is complete"
MOVED = "an earlier version wrote this address, and the folder has moved since; fetch without --locked"


class Files:
    """The files below ``path``, a local folder or a bucket URL (``s3://bucket/prefix``).

    Args:
        path: the folder.
        name: of the source, for the addresses of the files.

    Raises:
        CxnetError: this kind of bucket is not supported.
    """

    def __init__(self, path: str, name: str) -> None:
        self.path, self._name, self._is_local = path, name, False
        with self._explained():
            root = UPath(path)
            self._is_local = root.protocol in ("", "file")
            self._root = UPath(Path(root.path).expanduser().resolve()) if self._is_local else root

    def list(self, but: str | None = None) -> Listing:
        """What is below the folder; ``but`` is the place of a file that is not looked at: the table.

        Raises:
            CxnetError: the folder cannot be listed.
            UsageError: this kind of bucket needs a package that is not installed.
        """
        with self._explained():
            return list_local(Path(self._root.path), but) if self._is_local else list_bucket(self._root, but)

    @property
    def folder(self) -> str:
        """The absolute path of a local folder; "" for a bucket."""
        return str(self._root.path) if self._is_local else ""

    def has(self, place: str) -> bool:
        """Is there a file at a path below a local folder, whatever it is? False for one that leads outside."""
        try:
            return self._is_local and not is_outside(place) and Path(self._root.path, place).is_file()
        except (OSError, ValueError):
            return False

    def url(self, file: str) -> str:
        """The address of a file below the folder: it does not say where the folder is."""
        return f"{SCHEME}{self._name}/{quote(file)}"

    def chunks(self, url: str) -> Iterator[bytes]:
        """The bytes of the file at ``url`` (as :meth:`url` returns it).

        Raises:
            CxnetError: it cannot be read, changes meanwhile, or is outside the folder. The message is for a row: it
                does not say where the folder is.
        """
        with self._as_reasons(), self._open(self._file(url)) as file:
            before = _state(file) if self._is_local else None
            received = 0
            while chunk := file.read(CHUNK_BYTES):
                received += len(chunk)
                if before is not None and received > before[0]:
                    raise CxnetError(CHANGED)
                yield chunk
            if before is not None and (_state(file) != before or received != before[0]):
                raise CxnetError(CHANGED)

    def size(self, url: str) -> int:
        """The size in bytes of the file at ``url`` (as :meth:`url` returns it).

        Raises:
            CxnetError: it is missing.
        """
        with self._as_reasons():
            return int((self._root / self._file(url)).stat().st_size)

    @contextmanager
    def opened(self, place: str, limit: int) -> Iterator[IO[bytes]]:
        """The file at ``place``, or the member of an archive there, which must have at most ``limit`` bytes.

        Raises:
            CxnetError: it cannot be read, is larger, or is outside the folder.
        """
        with self._explained():
            if (archive := self._archive_in(place)) is not None:
                content = read_member(self._root / archive, place[len(archive) + 1 :], limit)
                if content is None:
                    raise FileNotFoundError(f"{archive} has no such member of at most {limit >> 20:,} MB")
                yield io.BytesIO(content)
                return
            with self._open(place) as file:
                if (self._root / place).stat().st_size > limit:
                    raise CxnetError(f"{self.path}/{place} is larger than {limit >> 20:,} MB; split it.")
                yield file

    def _archive_in(self, place: str) -> str | None:
        """The archive that a path leads into, or None."""
        for parent in PurePosixPath(place).parents:
            if kind_by_name(parent.name) is Kind.ARCHIVE and (self._root / str(parent)).is_file():
                return str(parent)
        return None

    def _file(self, url: str) -> str:
        """The path below the folder that an address means.

        Raises:
            CxnetError: an earlier version wrote the address, for another place of the folder.
        """
        own = f"{SCHEME}{self._name}/"
        if url.startswith(own):
            return unquote(url.removeprefix(own))
        base = f"{Path(self._root.path).as_uri() if self._is_local else str(self._root).rstrip('/')}/"
        if url.startswith(base):
            return unquote(url.removeprefix(base))
        raise CxnetError(MOVED)

    @contextmanager
    def _open(self, place: str) -> Iterator[IO[bytes]]:
        path = self._root / place
        if is_outside(place) or (self._is_local and not Path(path.path).resolve().is_relative_to(self._root.path)):
            raise CxnetError(f"{place} is outside the folder '{self._name}'; only files inside it are read.")
        if self._is_local and Path(path.path).exists() and not Path(path.path).is_file():  # a pipe would never end
            raise CxnetError(f"{place} is a folder, a pipe or a device; only files are read.")
        with path.open("rb") as file:
            yield file

    @contextmanager
    def _as_reasons(self) -> Iterator[None]:
        """Turn what goes wrong with one file into a reason for its row, which does not say where the folder is."""
        try:
            with self._explained():
                yield
        except UsageError:
            raise
        except CxnetError as error:
            cause = error.__cause__
            if cause is None:
                raise
            reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else type(cause).__name__
            raise CxnetError(f"the file cannot be read ({reason})") from cause

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what file systems raise into one sentence; every kind of bucket has errors of its own."""
        try:
            yield
        except CxnetError:
            raise
        except ImportError as error:
            raise UsageError(f"{self.path} needs a package that is not installed: {error}.") from error
        except Exception as error:
            if self._is_local and not isinstance(error, OSError | ValueError | RuntimeError):
                raise
            raise CxnetError(f"Cannot read {self.path}: {error}; check the path in the profile's `folders`.") from error


def _state(file: IO[bytes]) -> tuple[int, int]:
    """Size and time of the last change of an open file."""
    state = os.fstat(file.fileno())
    return state.st_size, state.st_mtime_ns
