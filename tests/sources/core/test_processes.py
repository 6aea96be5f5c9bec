"""Worker processes end with their parent, whatever ends it; a signal to the group ends the parent alone."""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from sources.core.errors import CxnetError
from sources.core.processes import SEMAPHORES, process_pool
from sources.core.storage import atomic_folder
from sources.core.temporary import scratch_folder

PROJECT = Path(__file__).parents[3]
ENDINGS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@pytest.fixture
def at_work(tmp_path):
    """A command in mid-work, in a session of its own: the process, and all that it started."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.helpers.working", str(tmp_path)],
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": str(PROJECT), "TMPDIR": str(tmp_path)},
        preexec_fn=lambda: [signal.signal(number, signal.SIG_DFL) for number in ENDINGS],
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )
    while len(list(tmp_path.glob("worker-*"))) < 2:
        assert process.poll() is None
        time.sleep(0.05)
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) >= 2
    yield process, family
    for each in [*family, process]:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    process.communicate()


def leftovers(folder):
    return [path.name for path in folder.iterdir() if not path.name.startswith("worker-")]


@pytest.mark.parametrize("group", [False, True])
@pytest.mark.parametrize("number", ENDINGS)
def test_a_signal_cleans_up_says_so_and_leaves_nobody(at_work, tmp_path, number, group):
    process, family = at_work
    os.killpg(process.pid, number) if group else process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == ENDINGS[number]
    assert len(said.splitlines()) == 1
    assert said.startswith(
        "cxnet-data: Interrupted." if number == signal.SIGINT else f"cxnet-data: Ended by {number.name}."
    )
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not alive
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("kind", ["parent", "group"])
def test_whoever_is_killed_leaves_no_worker(at_work, kind):
    process, family = at_work
    process.kill() if kind == "parent" else os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=60)
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not alive


def test_the_next_writer_removes_what_a_killed_one_was_writing_and_nothing_of_one_at_work(
    at_work, tmp_path, monkeypatch
):
    process, _ = at_work
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = leftovers(tmp_path)
    assert len(before) == 2
    with scratch_folder(), atomic_folder(tmp_path / "out") as new:
        (new / "whole").touch()
    assert sorted(leftovers(tmp_path)) == sorted([*before, "out"])
    process.kill()
    process.wait(timeout=60)
    with scratch_folder(), atomic_folder(tmp_path / "out") as new:
        (new / "whole").touch()
    assert leftovers(tmp_path) == ["out"]


def test_semaphores_of_the_killed_are_removed_by_the_next_pool(at_work):
    process, _ = at_work
    named = [path for path in SEMAPHORES.glob("sem.cxnet-*") if f"-{process.pid}-" in path.name]
    assert named
    with process_pool(1) as pool:
        assert pool.submit(int, "7").result() == 7
    assert all(path.exists() for path in named)  # its owner is alive
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=60)
    with process_pool(1) as pool:
        assert pool.submit(int, "7").result() == 7
    assert not any(path.exists() for path in named)


def test_a_worker_that_is_killed_is_one_sentence_and_the_others_end():
    reported = pytest.raises(CxnetError, match=r"^A worker process was killed, most likely .* fewer --workers\.$")
    with reported, process_pool(2) as pool:
        tasks = [pool.submit(time.sleep, 3600) for _ in range(2)]
        pool.submit(int)  # Python's pool watches a new worker from its next task or result on
        multiprocessing.active_children()[0].kill()
        tasks[0].result()
    assert not multiprocessing.active_children()


def test_a_failure_of_the_parent_does_not_wait_for_its_workers():
    with pytest.raises(ValueError, match="stop"), process_pool(2) as pool:
        for _ in range(8):
            pool.submit(time.sleep, 3600)
        raise ValueError("stop")
    assert not multiprocessing.active_children()
