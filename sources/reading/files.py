"""Files in a local folder or a bucket: list the images below it, read one of them, and never leave it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import quote, unquote

from upath import UPath

from sources.core.errors import CxnetError, UsageError
from sources.core.formats import HEAD_BYTES, image_format

EXTENSIONS = frozenset({".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".dcm", ".dicom"})
CHUNK_BYTES = 1 << 20
UNPRINTABLE = "the file's name has characters that cannot be stored; rename it"
OUTSIDE_LINK = "a link to a place outside the folder"


@dataclass(frozen=True)
class Entry:
    """An image file.

    Attributes:
        place: its path below the folder.
        problem: why it must not be read, or None.
    """

    place: str
    problem: str | None = None


class Files:
    """The files below ``path``, a local folder or a bucket URL (``s3://bucket/prefix``).

    Raises:
        CxnetError: this kind of bucket is not supported.
    """

    def __init__(self, path: str) -> None:
        self.path, self.is_local = path, False
        with self._explained():
            root = UPath(path)
            self.is_local = root.protocol in ("", "file")
            self._root = UPath(Path(root.path).expanduser().resolve()) if self.is_local else root

    def images(self) -> list[Entry]:
        """Every image file below the folder, by path: recognized by its extension, else by its first bytes.

        Hidden files are ignored, linked folders are not entered.

        Raises:
            CxnetError: the folder cannot be listed.
            UsageError: this kind of bucket needs a package that is not installed.
        """
        with self._explained():
            entries = self._local() if self.is_local else self._remote()
            return sorted(entries, key=lambda entry: entry.place)

    def url(self, place: str) -> str:
        """The address of a file below the folder."""
        return f"{self._base()}/{quote(place)}"

    def chunks(self, url: str) -> Iterator[bytes]:
        """The bytes of the file at ``url`` (as :meth:`url` returns it).

        Raises:
            CxnetError: it is missing, or it is outside the folder.
        """
        with self._explained(), self._open(self._place(url)) as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    def size(self, url: str) -> int:
        """The size in bytes of the file at ``url`` (as :meth:`url` returns it).

        Raises:
            CxnetError: it is missing.
        """
        with self._explained():
            return int((self._root / self._place(url)).stat().st_size)

    def read(self, place: str, limit: int) -> bytes:
        """The content of a file that has at most ``limit`` bytes.

        Raises:
            CxnetError: it cannot be read, is larger, or is outside the folder.
        """
        with self._explained(), self._open(place) as file:
            content = file.read(limit + 1)
        if len(content) > limit:
            raise CxnetError(f"{self.path}/{place} is larger than {limit >> 20} MB; split it.")
        return content

    def _base(self) -> str:
        return Path(self._root.path).as_uri() if self.is_local else str(self._root).rstrip("/")

    def _place(self, url: str) -> str:
        return unquote(url.removeprefix(f"{self._base()}/"))

    def _local(self) -> Iterator[Entry]:
        root = Path(self._root.path)
        if not root.is_dir():
            raise NotADirectoryError(f"there is no such folder: {root}")
        for folder, subfolders, names in os.walk(root, onerror=_raise):
            subfolders[:] = [name for name in subfolders if not name.startswith(".")]
            for name in names:
                if not name.startswith("."):
                    yield from self._local_entry(root, Path(folder) / name)

    def _local_entry(self, root: Path, path: Path) -> Iterator[Entry]:
        place = path.relative_to(root).as_posix()
        if not place.isprintable():  # this includes names that are not UTF-8: no table could store them
            yield Entry(ascii(place)[1:-1], UNPRINTABLE)
        elif path.is_symlink() and not path.resolve().is_relative_to(root):
            yield Entry(place, OUTSIDE_LINK)
        elif path.is_file() and self._is_image(place):
            yield Entry(place)

    def _remote(self) -> Iterator[Entry]:
        top = self._root.path.strip("/")
        keys = [str(key).strip("/") for key in self._root.fs.find(self._root.path)]
        if not keys:
            raise FileNotFoundError("nothing is stored there")
        for key in keys:
            place = PurePosixPath(key.removeprefix(top).strip("/"))
            if any(part.startswith(".") for part in place.parts):
                continue
            if not str(place).isprintable():
                yield Entry(ascii(str(place))[1:-1], UNPRINTABLE)
            elif self._is_image(str(place)):
                yield Entry(str(place))

    def _is_image(self, place: str) -> bool:
        if PurePosixPath(place).suffix.lower() in EXTENSIONS:
            return True
        try:
            with (self._root / place).open("rb") as file:
                return image_format(file.read(HEAD_BYTES)) is not None
        except PermissionError:
            return True  # it may be an image: its row will say that it cannot be read

    @contextmanager
    def _open(self, place: str) -> Iterator[IO[bytes]]:
        path = self._root / place
        if is_outside(place) or (self.is_local and not Path(path.path).resolve().is_relative_to(self._root.path)):
            raise CxnetError(f"{place} is outside {self.path}; only files inside the folder are read.")
        with path.open("rb") as file:
            yield file

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
            if self.is_local and not isinstance(error, OSError | ValueError):
                raise
            raise CxnetError(f"Cannot read {self.path}: {error}; check the path in the profile's `folders`.") from error


def is_outside(place: str) -> bool:
    """Does a path leave the folder it should be below (absolute, ``..``, a drive letter, an address)?"""
    path = PurePosixPath(place.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or ":" in place or "\x00" in place


def _raise(error: OSError) -> None:
    raise error
