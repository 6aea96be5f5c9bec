"""A Dask cluster started with its own commands gives the same bytes as this process; a lost worker changes nothing."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import Executor
from importlib import import_module
from pathlib import Path

import pytest
from collection import draw_collection, tables, write_profile
from typer.testing import CliRunner

from pipeline.cli.main import app
from pipeline.core import cluster as dask_cluster
from pipeline.core.layout import Layout
from pipeline.core.parallel import map_images, open_executor
from pipeline.core.stages import BUILD_STAGES
from pipeline.profile.load import load_params
from sources.core.errors import CxnetError
from sources.core.storage import read_table

PROJECT = Path(__file__).parents[3]
QUIET = {"DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "critical"}
SOON_S = 60


class Machines:
    """A scheduler and its workers: processes of their own, standing in another folder than the tests."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        self._start("scheduler", "--host", "127.0.0.1", "--port", self.address.rsplit(":")[-1])

    def add_worker(self):
        where = ["--host", "127.0.0.1", "--local-directory", str(self.folder)]
        return self._start("worker", self.address, "--nthreads", "1", "--no-nanny", *where)

    def _start(self, kind, *options):
        command = [sys.executable, "-m", "dask", kind, *options, "--no-dashboard"]
        environment = os.environ | QUIET | {"PYTHONPATH": str(PROJECT)}  # the code under test
        with (self.folder / f"{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def wait(self, workers):
        from distributed import Client

        with Client(self.address, timeout=SOON_S, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=SOON_S)

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def machines(folder, workers):
    folder.mkdir()
    cluster = Machines(folder)
    try:
        for _ in range(workers):
            cluster.add_worker()
        if workers:
            cluster.wait(workers)
        yield cluster
    finally:
        cluster.stop()


class Deadly(Executor):
    """An executor during whose n-th task one of the workers is killed."""

    def __init__(self, inner, victim, when):
        self.inner, self.victim, self.left, self.width = inner, victim, when, 2

    def submit(self, fn, /, *args, **kwargs):
        future = self.inner.submit(fn, *args, **kwargs)
        self.left -= 1
        if self.left == 0:
            self.victim.send_signal(signal.SIGKILL)
            self.victim.wait()
        return future


BUILD = (*BUILD_STAGES, "prepare")


def run_all(layout, options, executor_of):
    draw_collection(layout)
    for name in BUILD:
        with executor_of(name) as executor:
            item = {"size": 32} if name == "prepare" else {}
            import_module(f"pipeline.{name}.stage").run(layout, options, executor, **item)
    return tables(layout)


@pytest.fixture(scope="module")
def profile(tmp_path_factory):
    return write_profile(tmp_path_factory.mktemp("profile") / "params.yaml")


@pytest.fixture(scope="module")
def expected(profile, tmp_path_factory):
    layout = Layout.at(tmp_path_factory.mktemp("local"))
    written = run_all(layout, load_params(profile), lambda name: contextlib.nullcontext())
    assert len(read_table(layout.duplicates)) == 3
    assert len(read_table(layout.splits)["split"].dropna()) == 12
    return written


def test_stages_on_a_cluster_write_the_same_bytes_and_a_killed_worker_changes_none(
    profile, expected, tmp_path, monkeypatch
):
    with machines(tmp_path / "machines", workers=2) as cluster:
        monkeypatch.chdir(tmp_path)  # a relative root means the same folder to the workers
        by_verbs(cluster.address, profile, expected)
        by_killing(cluster, load_params(profile), expected, tmp_path)


def by_verbs(address, profile, expected):
    layout = Layout.at("here")
    draw_collection(layout)
    for stage in BUILD:
        options = ["--params", str(profile), "--root", "here"]
        options += ["--scheduler", address] if stage not in ("manifest", "split") else []
        answer = CliRunner().invoke(app, [stage, *(["32"] if stage == "prepare" else []), *options])
        assert answer.exit_code == 0, (stage, answer.output, answer.exception)
    assert tables(layout) == expected


def by_killing(cluster, options, expected, tmp_path):
    killed = []

    @contextlib.contextmanager
    def executor_of(name):
        if name not in ("ingest", "dedupe", "views", "prepare"):
            yield None
            return
        victim = cluster.add_worker()
        cluster.wait(3)
        with open_executor(scheduler=cluster.address) as executor:
            deadly = Deadly(executor, victim, when=4)
            yield deadly
        assert deadly.left < 0, "tasks followed the loss"
        killed.append(name)

    assert run_all(Layout.at(tmp_path / "killed"), options, executor_of) == expected
    assert killed == ["ingest", "dedupe", "views", "prepare"]
    assert [process.poll() for process in cluster.processes[3:]] == [-signal.SIGKILL] * 4


def test_tasks_of_a_lost_worker_are_repeated_and_results_keep_their_order(tmp_path):
    def square(number):
        time.sleep(0.02)
        return number**2

    with machines(tmp_path / "machines", workers=2) as cluster, open_executor(scheduler=cluster.address) as executor:
        assert executor.width == 2
        deadly = Deadly(executor, cluster.processes[1], when=12)
        assert list(map_images(square, range(40), deadly)) == [number**2 for number in range(40)]


def test_cluster_that_does_not_answer_or_has_no_worker_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(dask_cluster, "PATIENCE_S", 10)  # a loaded machine takes seconds to connect
    with (
        machines(tmp_path / "machines", workers=0) as cluster,
        pytest.raises(CxnetError, match="has no worker; start some with `dask worker"),
        open_executor(scheduler=cluster.address),
    ):
        pass
    for address in (cluster.address, "nonsense"):
        with (
            pytest.raises(CxnetError, match=f"No Dask scheduler answers at {address}.*start one"),
            open_executor(scheduler=address),
        ):
            pass
