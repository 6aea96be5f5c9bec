import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from pipeline.profile.load import load_params

PROJECT = Path(__file__).parents[3]
ONE_STAGE = {"stages": {"only": {"cmd": "echo done"}}}


@pytest.fixture
def project(tmp_path):
    """A DVC project of its own, without git."""
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], cwd=tmp_path, check=True)
    (tmp_path / "profiles").mkdir()
    for name, seed in (("first", 1), ("second", 2)):
        (tmp_path / "profiles" / f"{name}.yaml").write_text(f"extends: sandbox\nsplit: {{seed: {seed}}}\n")
    return tmp_path


def heed_signals() -> None:
    """What runs in the background or under nohup ignores some of them, and so would all that it starts."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def start(project: Path, *words: str, stages: dict | None = None) -> subprocess.Popen[str]:
    """Start `cxnet-data run`, on these stages of DVC if they are given."""
    if stages is not None:
        (project / "dvc.yaml").write_text(yaml.safe_dump(stages))
    scripts = str(Path(sys.executable).parent)
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "run", *words],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(PROJECT), "PATH": os.pathsep.join([scripts, os.environ["PATH"]])},
        preexec_fn=heed_signals,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def one_stage(command: str) -> dict:
    return {"stages": {"only": {"cmd": command}}}


def descendants_with_a_sleep(run: subprocess.Popen[str]) -> list[psutil.Process]:
    """All processes of a run, as soon as one of them is its stage's ``sleep``."""
    stages: list[psutil.Process] = []
    while not any(child.name() == "sleep" for child in stages):
        assert run.poll() is None, run.communicate()
        time.sleep(0.05)
        stages = psutil.Process(run.pid).children(recursive=True)
    return stages


def test_a_run_names_the_report(project):
    out, _ = (run := start(project, "--profile", "first", stages=ONE_STAGE)).communicate(timeout=60)
    assert run.returncode == 0
    assert out.splitlines()[-1] == f"Report: {project / 'reports' / 'index.html'}"


@pytest.mark.parametrize(("receipt", "times"), [({"retry": "no connection."}, 2), ({}, 1)])
def test_a_source_that_was_not_reached_is_fetched_again_by_the_next_run(project, receipt, times):
    command = f"mkdir -p data/raw/x && echo again >> log && echo '{json.dumps(receipt)}' > data/raw/x/fetch.json"
    outs = [{"data/raw/x": {"cache": False, "persist": True}}]
    for _ in range(2):
        run = start(project, "--profile", "first", stages={"stages": {"only": {"cmd": command, "outs": outs}}})
        _, message = run.communicate(timeout=60)
        assert run.returncode == 0, message
        told = "warning: 'x' is incomplete: no connection; the next run tries again." in message
        assert told is bool(receipt)
    assert len((project / "log").read_text().splitlines()) == times


def test_a_stage_that_fails_is_one_sentence_more(project):
    _, errors = (run := start(project, "--profile", "first", stages=one_stage("false"))).communicate(timeout=60)
    assert run.returncode == 1
    assert errors.splitlines()[-1].startswith("cxnet-data: The run stopped at the stage named above")


@pytest.mark.parametrize("missing", ["dvc.yaml", ".dvc"])
def test_a_folder_that_is_no_project_is_refused(project, missing):
    (project / "dvc.yaml").write_text(yaml.safe_dump(ONE_STAGE))
    (project / missing).rename(project / "elsewhere")
    _, errors = (run := start(project)).communicate(timeout=60)
    assert run.returncode == 2
    assert errors == f"cxnet-data: {project} holds no {missing}; run this command in the project's folder.\n"


ENDINGS = {
    signal.SIGTERM: (143, "cxnet-data: Ended by SIGTERM."),
    signal.SIGINT: (130, "cxnet-data: Interrupted."),
    signal.SIGHUP: (129, "cxnet-data: Ended by SIGHUP."),
}


@pytest.mark.parametrize("number", ENDINGS)
def test_a_signal_to_the_run_alone_ends_its_stages(project, number):
    run = start(project, "--profile", "first", stages=one_stage("sleep 300"))
    stages = descendants_with_a_sleep(run)
    run.send_signal(number)
    _, errors = run.communicate(timeout=60)
    exit_code, message = ENDINGS[number]
    assert run.returncode == exit_code
    assert errors.splitlines()[-1].startswith(message)
    _, alive = psutil.wait_procs(stages, timeout=20)
    assert not alive


def test_a_run_ends_after_its_stage_has_cleaned_up(project):
    (project / "slow.py").write_text(
        "import pathlib, signal, sys, time\n"
        "def clean_up(*_):\n"
        "    time.sleep(2)\n"
        "    pathlib.Path('cleaned').touch()\n"
        "    sys.exit(143)\n"
        "signal.signal(signal.SIGTERM, clean_up)\n"
        "pathlib.Path('ready').touch()\n"
        "time.sleep(300)\n"
    )
    run = start(project, "--profile", "first", stages=one_stage(f"exec {sys.executable} slow.py"))
    while not (project / "ready").exists():
        assert run.poll() is None, run.communicate()
        time.sleep(0.05)
    run.terminate()
    run.communicate(timeout=60)
    assert (project / "cleaned").exists()


def test_what_dvc_remembers_is_out_of_reach_of_other_users(project):
    start(project, "--profile", "first", stages=ONE_STAGE).communicate(timeout=60)
    private = project / ".dvc" / "tmp" / "site"
    assert private.stat().st_mode & 0o777 == 0o700
    assert any(private.rglob("*.db"))


def test_a_second_run_is_refused_and_the_options_of_the_first_stay(project):
    stages = {"stages": {"early": {"cmd": "sleep 300"}, "late": {"cmd": "cp params.yaml used.yaml"}}}
    first = start(project, "--profile", "first", stages=stages)
    sleep = next(child for child in descendants_with_a_sleep(first) if child.name() == "sleep")
    _, errors = (second := start(project, "--profile", "second")).communicate(timeout=60)
    assert second.returncode == 1
    assert errors.startswith("cxnet-data: Another `cxnet-data run` is running here (process ")
    assert len(errors.splitlines()) == 1
    assert load_params(project / "params.yaml").split.seed == 1
    sleep.kill()
    first.communicate(timeout=60)


def test_the_stages_of_a_run_that_was_killed_are_waited_for(project):
    """DVC goes on as an orphan: a run with other options must not begin beside it."""
    first = start(project, "--profile", "first", stages=one_stage("sleep 300"))
    stages = descendants_with_a_sleep(first)
    first.kill()
    first.wait(timeout=60)
    _, errors = (second := start(project, "--profile", "second")).communicate(timeout=60)
    assert (second.returncode, load_params(project / "params.yaml").split.seed) == (1, 1)
    assert "is running here" in errors
    for process in stages:
        process.kill()
    psutil.wait_procs(stages, timeout=20)
    third = start(project, "--profile", "second", stages=one_stage("echo done"))
    third.communicate(timeout=60)
    assert (third.returncode, load_params(project / "params.yaml").split.seed) == (0, 2)


def test_options_that_change_in_mid_run_stop_the_run_and_are_not_recorded(project):
    (project / "data").mkdir()
    command = "cxnet-data sandbox"  # draws nothing: the profile uses no sandbox
    (project / "profiles" / "live.yaml").write_text("extends: paper\n")
    stages = {"stages": {"sandbox": {"cmd": f"echo '# a change' >> params.yaml && {command}", "params": ["mirror"]}}}
    _, errors = (run := start(project, "--profile", "live", stages=stages)).communicate(timeout=60)
    assert run.returncode == 1
    assert "params.yaml has changed since the run began" in errors
    assert not (project / "dvc.lock").exists()


def test_a_profile_without_experiments_has_a_report(project):
    """The stages of our dvc.yaml around the models, with the report's other inputs left out."""
    shipped = yaml.safe_load((PROJECT / "dvc.yaml").read_text())["stages"]
    report = shipped["report"] | {"cmd": "mkdir -p reports && cat data/judged/* > reports/index.html"}
    report["deps"] = [path for path in report["deps"] if "judged" in path]
    stages = {name: shipped[name] for name in ("judged", "train", "evaluate")} | {"report": report}
    (project / "profiles" / "films.yaml").write_text("sources: [nih]\n")
    _, errors = (run := start(project, "--profile", "films", stages={"stages": stages})).communicate(timeout=60)
    assert run.returncode == 0, errors
    assert (project / "reports" / "index.html").read_text() == "One receipt per evaluated experiment.\n"
