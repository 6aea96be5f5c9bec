"""Two runs of one project at once: the second is refused, and the options of the first stay."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks.pipeline import PROJECT
from benchmarks.trials import Tally
from benchmarks.trials.project import TOKEN, new_token, survivors
from pipeline.profile.load import load_params

STAGES = {"early": "sleep 300", "late": "cp params.yaml used.yaml"}


def trials(count: int) -> dict[str, Tally]:
    """Start a second run beside a first one, ``count`` times."""
    tally = Tally()
    for _ in range(count):
        with tempfile.TemporaryDirectory() as folder:
            token = new_token()
            problem = _trial(Path(folder), token)
            tally.add(problem, orphans=len(survivors(token)))
    return {"two profiles at once": tally}


def _trial(project: Path, token: str) -> str | None:
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], cwd=project, check=True)
    (project / "profiles").mkdir()
    for seed in (1, 2):
        (project / "profiles" / f"p{seed}.yaml").write_text(f"extends: sandbox\nsplit: {{seed: {seed}}}\n")
    stages = {name: {"cmd": command} for name, command in STAGES.items()}
    (project / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    first = _start(project, "p1", token)
    while not (project / "params.yaml").exists() and first.poll() is None:
        time.sleep(0.1)
    time.sleep(1)
    second = _start(project, "p2", token)
    _, errors = second.communicate()
    seed = load_params(project / "params.yaml").split.seed
    first.terminate()
    first.communicate()
    if second.returncode != 1 or "Another" not in errors:
        return f"the second run was not refused: {second.returncode} {errors[-200:]}"
    return None if seed == 1 else "the second run changed the options of the first"


def _start(project: Path, profile: str, token: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "run", "--profile", profile],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(PROJECT), TOKEN: token},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
