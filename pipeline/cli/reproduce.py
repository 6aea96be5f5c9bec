"""``cxnet-data run``: choose the profile, then let DVC bring everything up to date."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from pipeline.core.profile import load_params
from sources.core.errors import CxnetError, UsageError, unknown

ACTIVE = "params.yaml"


def reproduce(project: Path, profile: str | None) -> Path:
    """Run ``dvc repro`` in ``project`` on ``profile`` (None = the active one) and return the report's path.

    Raises:
        UsageError: no such profile, it is not valid, or ``project`` is not a project folder.
        CxnetError: a stage failed; what earlier stages made is intact.
    """
    if not (project / "dvc.yaml").is_file():
        raise UsageError(f"{project} holds no dvc.yaml; run this command in the project's folder.")
    if profile is not None:
        activate(project, profile)
    load_params(project / ACTIVE)
    returncode = _run_to_its_end([sys.executable, "-m", "dvc", "repro"], project)
    if returncode < 0 or returncode == 130:
        raise KeyboardInterrupt
    if returncode:
        raise CxnetError(
            "The run stopped at the stage named above; mend what it says and run again: finished stages are kept."
        )
    return project / "reports" / "index.html"


def _run_to_its_end(command: list[str], folder: Path) -> int:
    """Exit code of a command, negative where a signal ended it; a SIGTERM to this process ends all its stages."""
    told: list[int] = []
    with subprocess.Popen(command, cwd=folder, env=_environment()) as process:

        def pass_on(number: int, frame: object) -> None:
            told.append(number)
            parent = psutil.Process(process.pid)
            for child in [*parent.children(recursive=True), parent]:
                with suppress(psutil.NoSuchProcess):
                    child.send_signal(number)  # not SIGINT: jobs in the background may ignore that

        before = signal.signal(signal.SIGTERM, pass_on)
        try:
            returncode = process.wait()
        finally:
            signal.signal(signal.SIGTERM, before)
    return -told[0] if told else returncode


def activate(project: Path, profile: str) -> None:
    """Make ``params.yaml`` point to a profile, given by its name or as ``profiles/<name>.yaml``.

    Raises:
        UsageError: there is no such profile, or params.yaml is a file of the user's own that would be lost.
    """
    chosen = project / "profiles" / f"{Path(profile).stem}.yaml"
    if not chosen.is_file() or profile not in (chosen.stem, f"profiles/{chosen.name}"):
        raise unknown("profile", profile, sorted(path.stem for path in project.glob("profiles/*.yaml")))
    active = project / ACTIVE
    if active.exists() and not active.is_symlink() and not _is_copy_of_a_profile(active):
        raise UsageError(
            f"{active} holds options of your own; move it to profiles/<name>.yaml and run with --profile <name>."
        )
    target = Path("profiles") / chosen.name
    if active.is_symlink() and active.readlink() == target:
        return
    fresh = active.with_suffix(".yaml.tmp")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(active)


def _is_copy_of_a_profile(active: Path) -> bool:
    """Where symbolic links do not exist, git and zip files turn the link into a file; such a file may be replaced."""
    content = active.read_bytes()
    profiles = list(active.parent.glob("profiles/*.yaml"))
    return content in [path.read_bytes() for path in profiles] or content.decode(errors="replace").strip().startswith(
        "profiles/"
    )


def _environment() -> dict[str, str]:
    """The stages' commands find ``cxnet-data`` of this installation, and nobody phones home."""
    scripts = str(Path(sys.executable).parent)
    return os.environ | {"PATH": os.pathsep.join([scripts, os.environ.get("PATH", "")]), "DVC_NO_ANALYTICS": "1"}
