"""Temporary files and folders: the dead leave none for long, the living keep theirs."""

import errno
import fcntl
import os
import tempfile
from pathlib import Path

import pytest

from sources.core import temporary
from sources.core.storage import atomic, atomic_folder
from sources.core.temporary import scratch_folder, sweep, temporary_file, temporary_folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def abandoned(folder, name):
    """A temporary folder and a temporary file, as a killed writer leaves them."""
    left = Path(tempfile.mkdtemp(dir=folder, prefix=f".{name}.", suffix=".tmp"))
    (left / "new").mkdir()
    (left / "new" / "pool-00000.parquet").write_bytes(b"x" * 1000)
    os.close(tempfile.mkstemp(dir=folder, prefix=f".{name}.", suffix=".tmp")[0])


@pytest.mark.parametrize("write", [atomic, atomic_folder])
def test_the_next_writer_of_the_same_target_sweeps(tmp_path, write):
    abandoned(tmp_path, "pool")
    abandoned(tmp_path, "pool")
    assert len(names(tmp_path)) == 4
    with write(tmp_path / "pool"):
        pass
    assert names(tmp_path) == ["pool"]


def test_what_has_another_name_stays(tmp_path):
    others = [".pool.mine.tmp", ".pool.abcdefgh.bak", ".pool2.abcdefgh.tmp", ".pool.abcdefghi.tmp", "pool.abcdefgh.tmp"]
    for name in others:
        (tmp_path / name).touch()
    (tmp_path / ".pool.linklink.tmp").symlink_to(tmp_path / others[0])
    sweep(tmp_path, ".pool.", ".tmp")
    assert names(tmp_path) == sorted([*others, ".pool.linklink.tmp"])


def test_names_with_signs_of_a_pattern_are_taken_literally(tmp_path):
    abandoned(tmp_path, "a[b]*")
    abandoned(tmp_path, "ab")
    with atomic(tmp_path / "a[b]*"):
        pass
    assert len(names(tmp_path)) == 3


def test_two_writers_of_one_target_do_not_disturb_each_other(tmp_path):
    with atomic(tmp_path / "a", "w") as first:
        first.write("first")
        with atomic(tmp_path / "a", "w") as second:
            second.write("second")
    assert (tmp_path / "a").read_text() == "first"
    with atomic_folder(tmp_path / "b") as outer:
        (outer / "one").touch()
        with atomic_folder(tmp_path / "b") as inner:
            (inner / "two").touch()
    assert names(tmp_path / "b") == ["one"]
    assert names(tmp_path) == ["a", "b"]


@pytest.mark.parametrize("make", [temporary_file, temporary_folder])
def test_a_writer_that_is_swept_before_it_holds_its_lock_tries_again(tmp_path, monkeypatch, make):
    real, calls = temporary._hold, []

    def swept_once(handle, path):
        calls.append(path)
        if len(calls) == 1:
            sweep(tmp_path, ".x.", ".tmp")
        return real(handle, path)

    monkeypatch.setattr(temporary, "_hold", swept_once)
    with make(tmp_path, ".x.", ".tmp"):
        assert len(names(tmp_path)) == 1
    assert len(calls) == 2
    assert names(tmp_path) == []


@pytest.mark.parametrize("make", [temporary_file, temporary_folder])
def test_a_file_system_without_locks_is_written_and_not_swept(tmp_path, monkeypatch, make):
    def without_locks(handle, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", without_locks)
    abandoned(tmp_path, "x")
    with make(tmp_path, ".x.", ".tmp"):
        assert len(names(tmp_path)) == 3
    assert len(names(tmp_path)) == 2


def test_temporary_files_of_a_stage_are_together_and_end_with_it(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("TMPDIR", raising=False)
    with scratch_folder() as folder:
        assert Path(tempfile.mkdtemp()).parent == folder == Path(os.environ["TMPDIR"])
        assert names(tmp_path) == [folder.name]
    assert names(tmp_path) == []
    assert tempfile.gettempdir() == str(tmp_path)
    assert "TMPDIR" not in os.environ
