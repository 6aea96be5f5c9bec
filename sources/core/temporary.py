"""Temporary files and folders that do not stay behind for long when their writer is killed.

A writer holds a file lock as long as it lives, however it ends. The next writer in the same place removes what nobody
holds. Where the file system has no locks, nothing is removed.
"""

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sources.core.file_locks import try_lock

LOCK = "lock"  # in a temporary folder: the file that its writer holds
ATTEMPTS = 100
RANDOM = "[a-z0-9_]{8}"  # what tempfile puts between prefix and suffix


@contextmanager
def temporary_file(folder: Path, prefix: str, suffix: str) -> Iterator[tuple[int, Path]]:
    """Yield a new file in ``folder``, open and locked, and its path; it is removed unless it has been renamed.

    Raises:
        OSError: ``folder`` cannot be written.
    """
    sweep(folder, prefix, suffix)
    for _ in range(ATTEMPTS):
        handle, name = tempfile.mkstemp(dir=folder, prefix=prefix, suffix=suffix)
        if _hold(handle, Path(name)):
            break
        os.close(handle)
    else:
        raise FileExistsError(errno.EEXIST, "Temporary files are removed as soon as they are made", str(folder))
    try:
        yield handle, Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
        os.close(handle)


@contextmanager
def temporary_folder(folder: Path, prefix: str, suffix: str) -> Iterator[Path]:
    """Yield a new folder in ``folder``, which only this user can open; it is removed at the end.

    Raises:
        OSError: ``folder`` cannot be written.
    """
    sweep(folder, prefix, suffix)
    with ExitStack() as at_the_end:
        for _ in range(ATTEMPTS):
            new = Path(tempfile.mkdtemp(dir=folder, prefix=prefix, suffix=suffix))
            with suppress(FileNotFoundError, FileExistsError):  # swept before it was locked
                handle = os.open(new / LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
                if _hold(handle, new / LOCK):
                    at_the_end.callback(os.close, handle)
                    break
                os.close(handle)
        else:
            raise FileExistsError(errno.EEXIST, "Temporary files are removed as soon as they are made", str(folder))
        at_the_end.callback(shutil.rmtree, new, ignore_errors=True)
        yield new


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield the folder of all temporary files of this process, and of what it starts, until the end of the ``with``.

    Libraries that make temporary files of their own leave none behind, either.

    Raises:
        OSError: the usual temporary folder cannot be written.
    """
    usual, variable = tempfile.tempdir, os.environ.get("TMPDIR")
    with temporary_folder(Path(tempfile.gettempdir()), "cxnet-", "") as folder:
        tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
        try:
            yield folder
        finally:
            tempfile.tempdir = usual
            if variable is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = variable


def sweep(folder: Path, prefix: str, suffix: str) -> None:
    """Remove this user's temporary files and folders of that name whose writer has ended."""
    name = re.compile(re.escape(prefix) + RANDOM + re.escape(suffix))
    for path in folder.iterdir():
        if name.fullmatch(path.name):
            with suppress(OSError):
                _remove_if_dead(path)


def _remove_if_dead(path: Path) -> None:
    if path.is_symlink() or path.lstat().st_uid != os.getuid():
        return
    held = path / LOCK if path.is_dir() else path
    handle = os.open(held, os.O_RDWR | os.O_NOFOLLOW | (os.O_CREAT if path.is_dir() else 0), 0o600)
    try:
        if not try_lock(handle):
            return
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    finally:
        os.close(handle)


def _hold(handle: int, path: Path) -> bool:
    """Lock an open new file; False = a sweeper was faster and has removed it, or is about to."""
    try:
        if not try_lock(handle):
            return False
    except OSError:
        return True  # a file system without locks is no reason to fail
    with suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(handle))
    return False
