"""Whole runs (``cxnet-data run``) are ended again and again until one gets through: its tables are right."""

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import memory
from benchmarks.pipeline import PROJECT
from benchmarks.trials import Tally
from benchmarks.trials.kills import EXIT_CODES, WAYS, end
from benchmarks.trials.project import CODE, TOKEN, Project, new_token, survivors

FIRST_S = 2.0
MOST_ENDS_S = 1.3  # of the seconds of a whole run: the time after which a run is ended grows from the first to this


def trials(root: Path, films: int, ends: int) -> dict[str, Tally]:
    """End runs of one project ``ends`` times at random instants, each time later on average, and finish it."""
    reference, project = _project(root / "reference", films), _project(root / "project", films)
    began = time.perf_counter()
    if (problem := _finished(reference)) is not None:
        raise SystemExit(f"`cxnet-data run` failed: {problem}")
    seconds = time.perf_counter() - began
    project.files = reference.snapshot()
    tally, rng = Tally(), random.Random(0)
    for number in range(ends):
        way = WAYS[number % len(WAYS)]
        delay = rng.uniform(FIRST_S, FIRST_S + MOST_ENDS_S * seconds * (number + 1) / ends)
        problem, orphans = _ended(project, way, delay)
        tally.add(problem and f"{way} after {delay:.1f} s: {problem}", orphans=orphans)
    problem = _finished(project)
    wrong, leftovers = project.compare()
    tally.add("; ".join(filter(None, [problem, wrong])) or None, leftovers)
    return {"ended: whole runs": tally}


def _project(root: Path, films: int) -> Project:
    """A project of its own with the code, films and a profile, in which nothing has run."""
    project = Project(root)
    project.temporary.mkdir(parents=True)
    for name in CODE:
        copy = shutil.copytree if (PROJECT / name).is_dir() else shutil.copy
        copy(PROJECT / name, root / name)
    memory.draw(root / "films", films, 96)
    (root / "profiles").mkdir()
    memory.write_profile(root, root / "films").rename(root / "profiles" / "trial.yaml")
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], cwd=root, check=True)
    return project


def _start(project: Project, token: str) -> "subprocess.Popen[str]":
    environment = {
        "TMPDIR": str(project.temporary),
        "CXNET_WORKERS": "2",
        TOKEN: token,
        "PYTHONPATH": str(project.root),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "run", "--profile", "trial"],
        cwd=project.root,
        env=os.environ | environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _ended(project: Project, way: str, delay: float) -> tuple[str | None, int]:
    """End a run after ``delay`` seconds: what is not right, and the number of orphans."""
    token = new_token()
    process = _start(project, token)
    time.sleep(delay)
    if process.poll() is None:
        end(process, way)
    _, errors = process.communicate()
    orphans = len(survivors(token))
    is_right = process.returncode <= 0 or process.returncode == EXIT_CODES.get(way)
    return None if is_right else f"exit code {process.returncode} ({errors.strip()[-200:]})", orphans


def _finished(project: Project) -> str | None:
    """Run to the end: what went wrong, or None."""
    process = _start(project, new_token())
    _, errors = process.communicate()
    return errors.strip()[-500:] if process.returncode else None
