"""A small project whose every stage has run once: what trials start from, and what must be there again after them."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks import memory
from benchmarks.pipeline import PROJECT

SIZE, EXPERIMENT = memory.SIZE, memory.EXPERIMENT
COMMANDS = (
    *(
        "fetch --pipeline films",
        "ingest",
        "dedupe",
        "views",
        "segment",
        "harmonise",
        "manifest",
        "split",
        f"prepare {SIZE}",
    ),
    *("contradictions", f"train {EXPERIMENT}", f"evaluate {EXPERIMENT}", "report"),
)
CHANGING = ("fetch.json", ".lock")  # files that hold times or may stay
CODE = ("pipeline", "sources", "training", "curation", "dvc.yaml")  # what a whole run depends on
NOT_BUILT = ("films/", "profile", "params.yaml", ".dvc", "dvc.", *(f"{name}/" for name in CODE))
TOKEN = "CXNET_TRIAL"
PATIENCE_S = 20.0


@dataclass
class Project:
    """The folder, the seconds that each command took, and the sha256 of every file."""

    root: Path
    seconds: dict[str, float] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    @property
    def profile(self) -> Path:
        return self.root / "profile.yaml"

    @property
    def temporary(self) -> Path:
        return self.root / "tmp"

    @classmethod
    def make(cls, root: Path, films: int) -> "Project":
        """Draw films, and run all stages on them."""
        project = cls(root)
        project.temporary.mkdir(parents=True)
        memory.draw(root / "films", films, 96)
        memory.write_profile(root, root / "films")
        for command in COMMANDS:
            began = time.perf_counter()
            done = project.run(command)
            project.seconds[command] = time.perf_counter() - began
            if done.returncode:
                raise SystemExit(f"`cxnet-data {command}` failed: {done.stderr}")
        project.files = project.snapshot()
        return project

    def copy(self, root: Path) -> "Project":
        """The same project in another folder."""
        shutil.copytree(self.root, root, symlinks=True)
        return Project(root, self.seconds, self.files)

    def start(self, command: str, token: str = "") -> "subprocess.Popen[str]":
        """Start a command in a session of its own."""
        words = [sys.executable, "-m", "pipeline.cli", *command.split()]
        return subprocess.Popen(
            [*words, "--params", str(self.profile), "--root", str(self.root)],
            cwd=PROJECT,
            env=os.environ | {"TMPDIR": str(self.temporary), "CXNET_WORKERS": "2", TOKEN: token},
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        process = self.start(command)
        _, errors = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, "", errors)

    def snapshot(self) -> dict[str, str]:
        """sha256 of every file of the data set; models and their reports differ in floating point, so only names."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            name = path.relative_to(self.root).as_posix()
            if path.is_file() and not name.startswith(NOT_BUILT) and path.name not in CHANGING:
                varies = name.startswith(("models/", "reports/", "data/judged/"))
                found[name] = "" if varies else hashlib.sha256(path.read_bytes()).hexdigest()
        return found

    def compare(self) -> tuple[str | None, int]:
        """What is not as it was (None: all is), and the number of files that should not be there."""
        now = self.snapshot()
        wrong = sorted(name for name, digest in self.files.items() if now.get(name) != digest)
        more = len(set(now) - set(self.files)) + len([path for path in self.temporary.iterdir() if path.is_dir()])
        return (f"differs: {', '.join(wrong[:3])}" if wrong else None), more


def new_token() -> str:
    """A mark by which all processes of one trial are known."""
    return uuid.uuid4().hex


def survivors(token: str) -> list[psutil.Process]:
    """Processes of a trial that still run after a while; they are ended."""
    processes = [process for process in psutil.process_iter() if _is_marked(process, token)]
    _, alive = psutil.wait_procs(processes, timeout=PATIENCE_S)
    for process in alive:
        process.kill()
    return alive


def _is_marked(process: psutil.Process, token: str) -> bool:
    try:
        return process.environ().get(TOKEN) == token and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
