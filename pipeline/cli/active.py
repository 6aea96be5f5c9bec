"""``params.yaml``, the active profile with all its options: written from a profile, and fixed for a whole run.

DVC and the stages read this file. ``cxnet-data run`` writes it from a profile in ``profiles/``. Its header names the
profile and holds a checksum, so that manual changes are detected and never lost.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.core.params import Params
from pipeline.profile.extends import find_profile
from pipeline.profile.load import load_params
from pipeline.profile.text import bare_text
from sources.core.errors import CxnetError, UsageError
from sources.core.file_locks import try_lock

ACTIVE = "params.yaml"
PROFILES = "profiles"
TEMPORARY = Path(".dvc", "tmp")  # where DVC keeps its locks
CHECKSUM = "CXNET_PARAMS_SHA256"  # set for the stages of a run: sha256 of the params.yaml that the run began with
HEAD = (
    "# All options of the active profile, written by `cxnet-data run` from {source}.\n"
    "# Change that file, not this one; `cxnet-data profile` explains each option. sha256 of the lines below:\n"
    "# {sha256}\n\n"
)
PATTERN = re.compile(re.escape(HEAD).replace(r"\{source\}", "(?P<source>.+)").replace(r"\{sha256\}", "(?P<sha256>.+)"))


def activate(project: Path, profile: str | None) -> Path:
    """Write ``params.yaml`` from a profile, given by its name or path; None = from the profile it was written from.

    A ``params.yaml`` of the user's own is used as it is if no profile is given.

    Raises:
        UsageError: there is no such profile, it is not valid, or a params.yaml of the user's own would be lost.
        CxnetError: DVC is running with the current options.
    """
    active = project / ACTIVE
    if profile is None:
        chosen = _source(active)
        if chosen is None:
            load_params(active)
            return active
    else:
        chosen = find_profile(profile, project / PROFILES)
        if active.is_file() and not active.is_symlink() and not _is_generated(active):
            raise UsageError(
                f"{active} holds options of your own; move it to {PROFILES}/<name>.yaml and run with --profile <name>."
            )
    text = active_text(project, chosen)
    if active.is_symlink() or not active.is_file() or active.read_text(encoding="utf-8") != text:
        with _while_dvc_is_idle(project):
            _replace(active, text)
    return active


def active_text(project: Path, profile: Path) -> str:
    """What ``params.yaml`` holds while ``profile`` is active."""
    body = bare_text(load_params(profile))
    source = profile.relative_to(project) if profile.is_relative_to(project) else profile
    return HEAD.format(source=source, sha256=hashlib.sha256(body.encode()).hexdigest()) + body


@contextmanager
def steady_params(path: Path) -> Iterator[Params]:
    """The options in ``path`` for a stage, which fails if the file is not the same from its run's start to its end.

    DVC records the options that the file has when a stage ends. Without this check, a result could be recorded under
    options that it was not made with.

    Raises:
        UsageError: it is not a valid profile.
        CxnetError: it has changed.
    """
    before = checksum(path)
    expected = os.environ.get(CHECKSUM)
    if path.name == ACTIVE and expected is not None and before != expected:
        raise CxnetError(f"{path} has changed since the run began, and this stage was not started; run again.")
    yield load_params(path)
    if checksum(path) != before:
        raise CxnetError(f"{path} changed while this stage was running, so its result is not recorded; run again.")


def outdated(path: Path) -> str | None:
    """A warning if ``path`` was written from a profile that has changed since; None if it is up to date."""
    with suppress(UsageError, OSError):
        source = None if os.environ.get(CHECKSUM) or path.name != ACTIVE else _source(path)
        if source is not None and not path.is_symlink() and active_text(path.parent, source) != path.read_text():
            return f"{path} was written from an older {source}; `cxnet-data run` renews it."
    return None


def checksum(path: Path) -> str | None:
    """sha256 of a file; None if it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _source(active: Path) -> Path | None:
    """The profile from which ``active`` was written; None if its options are the user's own."""
    if active.is_symlink():  # as versions before 0.1 had it
        return active.parent / active.readlink()
    if not active.is_file():
        raise UsageError(f"{active} does not exist; choose a profile, for example with --profile sandbox.")
    if not _is_generated(active):
        return None
    match = PATTERN.match(active.read_text(encoding="utf-8"))
    assert match is not None
    source = active.parent / match["source"]
    if not source.is_file():
        raise UsageError(f"{source}, from which {active} was written, is gone; choose another profile with --profile.")
    return source


def _is_generated(active: Path) -> bool:
    """Is the file exactly what was written from a profile?"""
    try:
        text = active.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False
    match = PATTERN.match(text)
    return match is not None and hashlib.sha256(text[match.end() :].encode()).hexdigest() == match["sha256"]


def _replace(active: Path, text: str) -> None:
    from sources.core.storage import atomic  # imports pandas, which most commands do not need

    with atomic(active, "w") as file:
        file.write(text)


@contextmanager
def _while_dvc_is_idle(project: Path) -> Iterator[None]:
    """Keep DVC from starting while the options change.

    DVC holds ``lock`` except while the command of a stage runs; then ``rwlock`` names the process of that stage.

    Raises:
        CxnetError: DVC is running.
    """
    folder = project / TEMPORARY
    folder.mkdir(parents=True, exist_ok=True)
    busy = f"DVC is running in {project} with the options in {ACTIVE}; wait until it has finished, then run again."
    with (folder / "lock").open("a") as file:
        if not try_lock(file.fileno()):
            raise CxnetError(busy)
        import psutil

        if any(psutil.pid_exists(pid) for pid in _stage_processes(folder / "rwlock")):
            raise CxnetError(busy)
        yield


def _stage_processes(rwlock: Path) -> list[int]:
    """The processes that DVC's ``rwlock`` names."""
    try:
        entries = json.loads(rwlock.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return []
    readers = [process for processes in entries.get("read", {}).values() for process in processes]
    return [int(process["pid"]) for process in (*readers, *entries.get("write", {}).values())]
