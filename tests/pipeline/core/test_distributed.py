"""A Dask cluster started with its own commands gives the same bytes as this process; a lost worker changes nothing."""

import contextlib
import signal
import time
from concurrent.futures import Executor
from importlib import import_module

import pytest
from collection import draw_collection, tables, write_profile
from dask_machines import machines
from typer.testing import CliRunner

from pipeline.cli.main import app
from pipeline.core import cluster as dask_cluster
from pipeline.core.layout import Layout
from pipeline.core.parallel import map_images, open_executor
from pipeline.core.stages import BUILD_STAGES
from pipeline.profile.load import load_params
from sources.core.errors import CxnetError
from sources.core.storage import read_table


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
            item = {"inputs": "32"} if name == "prepare" else {}
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
