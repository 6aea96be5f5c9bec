import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path):
    """A DVC project of its own, without git."""
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], cwd=tmp_path, check=True)
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "sandbox.yaml").write_text((PROJECT / "profiles" / "sandbox.yaml").read_text())
    (tmp_path / "params.yaml").symlink_to("profiles/sandbox.yaml")
    return tmp_path


def heed_interrupts() -> None:
    """What is started in the background ignores them, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(project: Path, command: str, *words: str) -> subprocess.Popen[str]:
    (project / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"only": {"cmd": command}}}))
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "run", *words],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        preexec_fn=heed_interrupts,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_run_says_where_the_report_is(project):
    out, _ = (run := start(project, "echo done", "--profile", "profiles/sandbox.yaml")).communicate(timeout=60)
    assert run.returncode == 0
    assert out.splitlines()[-1] == f"Report: {project / 'reports' / 'index.html'}"


def test_a_stage_that_fails_is_one_sentence_more(project):
    _, said = (run := start(project, "false")).communicate(timeout=60)
    assert run.returncode == 1
    assert said.splitlines()[-1].startswith("cxnet-data: The run stopped at the stage named above")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_whoever_ends_a_run_ends_its_stages(project, number):
    run = start(project, "sleep 300")
    stages: list[psutil.Process] = []
    while not any(child.name() == "sleep" for child in stages):
        assert run.poll() is None
        time.sleep(0.05)
        stages = psutil.Process(run.pid).children(recursive=True)
    if number == signal.SIGINT:  # a terminal sends it to all of them
        for child in stages:
            child.send_signal(number)
    run.send_signal(number)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 130
    assert said.splitlines()[-1].startswith("cxnet-data: Interrupted")
    _, alive = psutil.wait_procs(stages, timeout=20)
    assert not alive
