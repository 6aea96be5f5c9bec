"""Files in a local folder or a bucket: list the images below it, read one of them, and never step outside."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import quote, unquote

from upath import UPath

from sources.core.errors import CxnetError, UsageError

EXTENSIONS = frozenset({".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".dcm", ".dicom"})
CHUNK_BYTES = 1 << 20
HEAD_BYTES = 132
UNPRINTABLE = "the file's name has characters that cannot be stored; rename it"
MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"II*\x00", b"MM\x00*", b"BM")


@dataclass(frozen=True)
class Entry:
    """An image file: ``place`` is its path below the folder, ``problem`` says why it must not be read."""

    place: str
    problem: str | None = None


class Files:
    """The files below ``path``, a local folder or a bucket URL (``s3://bucket/prefix``).

    Raises:
        CxnetError: there are no buckets of that kind.
    """

    def __init__(self, path: str) -> None:
        self.path, self.is_local = path, False
        with self._explained():
            root = UPath(path)
            self.is_local = root.protocol in ("", "file")
            self._root = UPath(Path(root.path).expanduser().resolve()) if self.is_local else root

    def images(self) -> list[Entry]:
        """Every image file below the folder, by path: known extensions as they are, other files by their first bytes.

        Hidden files are passed over, linked folders are not entered.

        Raises:
            CxnetError: the folder cannot be listed.
            UsageError: the kind of bucket needs a package that is not installed.
        """
        with self._explained():
            entries = self._local() if self.is_local else self._remote()
            return sorted(entries, key=lambda entry: entry.place)

    def url(self, place: str) -> str:
        """The address of a file below the folder."""
        return f"{self._base()}/{quote(place)}"

    def chunks(self, url: str) -> Iterator[bytes]:
        """The bytes of the file at ``url`` (one that :meth:`url` gave).

        Raises:
            CxnetError: it is gone, or it lies outside the folder.
        """
        place = unquote(url.removeprefix(f"{self._base()}/"))
        with self._explained(), self._open(place) as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    def size(self, url: str) -> int:
        """Bytes of the file at ``url`` (one that :meth:`url` gave).

        Raises:
            CxnetError: it is gone.
        """
        with self._explained():
            return int((self._root / unquote(url.removeprefix(f"{self._base()}/"))).stat().st_size)

    def read(self, place: str, limit: int) -> bytes:
        """The content of a file that has at most ``limit`` bytes.

        Raises:
            CxnetError: it cannot be read, is larger, or lies outside the folder.
        """
        with self._explained(), self._open(place) as file:
            content = file.read(limit + 1)
        if len(content) > limit:
            raise CxnetError(f"{self.path}/{place} is larger than {limit >> 20} MB; split it.")
        return content

    def _base(self) -> str:
        return Path(self._root.path).as_uri() if self.is_local else str(self._root).rstrip("/")

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
        if not place.isprintable():  # also what is no UTF-8: no table could hold such a name
            yield Entry(ascii(place)[1:-1], UNPRINTABLE)
        elif path.is_symlink() and not path.resolve().is_relative_to(root):
            yield Entry(place, "a link that leads out of the folder")
        elif path.is_file() and self._is_image(place):
            yield Entry(place)

    def _remote(self) -> Iterator[Entry]:
        top = self._root.path.strip("/")
        found = [str(key).strip("/") for key in self._root.fs.find(self._root.path)]
        if not found:
            raise FileNotFoundError("nothing is stored there")
        for key in found:
            place = PurePosixPath(key.removeprefix(top).strip("/"))
            hidden = any(part.startswith(".") for part in place.parts)
            if hidden:
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
                return looks_like_image(file.read(HEAD_BYTES))
        except PermissionError:
            return True  # it may be one: its row will say that it cannot be read

    @contextmanager
    def _open(self, place: str) -> Iterator[IO[bytes]]:
        path = self._root / place
        if is_outside(place) or (self.is_local and not Path(path.path).resolve().is_relative_to(self._root.path)):
            raise CxnetError(f"{place} lies outside {self.path}; only files inside the folder are read.")
        with path.open("rb") as file:
            yield file

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what file systems raise into one sentence; each kind of bucket has errors of its own."""
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


def looks_like_image(head: bytes) -> bool:
    """Do these first bytes begin a JPEG, PNG, GIF, TIFF, BMP, WebP or DICOM file?"""
    return head.startswith(MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP") or head[128:132] == b"DICM"


def is_outside(place: str) -> bool:
    """Does a path leave the folder that it is meant to be below (absolute, ``..``, a drive letter, an address)?"""
    path = PurePosixPath(place.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or ":" in place or "\x00" in place


def _raise(error: OSError) -> None:
    raise error
