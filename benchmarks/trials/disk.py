"""A disk that is full while a stage writes: one sentence with the name that the user knows, and nothing lost."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from benchmarks.trials import Tally
from benchmarks.trials.project import Project

SLACK_KB = (0, 8, 64)  # free space that a stage finds


def trials(project: Project, commands: tuple[str, ...]) -> dict[str, Tally] | None:
    """Run commands on a file system that is nearly full; None where this user cannot mount one."""
    if os.getuid() != 0 or shutil.which("mount") is None:
        return None
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if not _mount(place, "size=1g"):
            return None
        try:
            copy = project.copy(place / "p")
            copy.profile.write_text(copy.profile.read_text().replace(str(project.root), str(copy.root)))
            for command in commands:
                _fill_and_run(copy, place, command, tally)
        finally:
            subprocess.run(["umount", "--lazy", place], check=False)
    return {"full disk": tally}


def _fill_and_run(project: Project, place: Path, command: str, tally: Tally) -> None:
    for slack in SLACK_KB:
        filler = place / "filler"
        free = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, free - slack * 1024))
        done = project.run(command)
        filler.unlink()
        problems = []
        text = done.stderr.strip()
        if done.returncode and (("No space left" not in text and "disk is full" not in text) or ".tmp" in text):
            problems.append(f"{command}: {text[-200:]}")
        wrong, _ = project.compare()
        problems += [f"{command}: {wrong} while the disk is full"] if wrong else []
        again = project.run(command)
        wrong, leftovers = project.compare()
        if again.returncode or wrong:
            problems.append(f"{command}: the next run: {wrong} {again.stderr.strip()[-200:]}")
        tally.add("; ".join(problems) or None, leftovers)


def _mount(place: Path, options: str) -> bool:
    return subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=False).returncode == 0
