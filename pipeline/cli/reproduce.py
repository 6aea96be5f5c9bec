"""``cxnet-data run``: choose the profile, then let DVC bring everything up to date, one run at a time."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import typer

from pipeline.cli.active import CHECKSUM, TEMPORARY, activate, checksum
from pipeline.core.exclusive import Hold, exclusive
from pipeline.fetch.retries import ask_again, to_retry
from sources.core.errors import CxnetError, UsageError
from sources.core.text import visible

SITE_CACHE = "DVC_SITE_CACHE_DIR"
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def reproduce(project: Path, profile: str | None) -> Path:
    """Run ``dvc repro`` in ``project`` on ``profile`` (None = the active one) and return the report's path.

    A second run in the same project is refused, so that it cannot change the options of the first.

    Raises:
        UsageError: no such profile, it is not valid, or ``project`` is not a project folder.
        CxnetError: another run is in progress, or a stage failed; the results of earlier stages are intact.
    """
    for name in ("dvc.yaml", ".dvc"):
        if not (project / name).exists():
            raise UsageError(f"{project} holds no {name}; run this command in the project's folder.")
    raw = project / "data" / "raw"
    with exclusive(project / TEMPORARY / "cxnet-run.lock", "Another `cxnet-data run`") as hold:
        active = activate(project, profile)
        ask_again(raw)
        environment = {CHECKSUM: checksum(active) or "", **_private_cache(project)}
        returncode = _run_to_its_end([sys.executable, "-m", "dvc", "repro"], project, environment, hold)
    if returncode < 0:
        signal.raise_signal(-returncode)  # now this process ends by it, too
    if returncode == 130:
        raise KeyboardInterrupt
    if returncode:
        raise CxnetError(
            "The run stopped at the stage named above; fix the reported error and run again. Finished stages are kept."
        )
    for name, reason in to_retry(raw).items():
        warning = f"warning: '{name}' is incomplete: {reason.rstrip('.')}; the next run tries again."
        typer.echo(visible(warning), err=True)
    return project / "reports" / "index.html"


def _run_to_its_end(command: list[str], folder: Path, environment: dict[str, str], hold: Hold) -> int:
    """Exit code of a command, negative where a signal ended it.

    The command gets its own process group, so that Ctrl-C reaches this process alone. Each signal that arrives here is
    forwarded once, to the command and to all processes that it started.
    """
    signals = _Forwarding()
    with (
        signals.forwarded(),
        subprocess.Popen(
            command, cwd=folder, env=_environment() | environment, pass_fds=[hold.descriptor], process_group=0
        ) as process,
    ):
        hold.note(f"process {process.pid}")
        signals.forward_to(process.pid)
        returncode = process.wait()
        psutil.wait_procs(signals.recipients)  # DVC may end before its stage has cleaned up
    return -signals.received[0] if signals.received else returncode


class _Forwarding:
    """Forwards signals to a process and its descendants.

    Attributes:
        received: the signals that came.
        recipients: the processes that got them.
    """

    def __init__(self) -> None:
        self.received: list[int] = []
        self.recipients: list[psutil.Process] = []
        self._pid: int | None = None

    def forward_to(self, pid: int) -> None:
        """Forward signals to the process ``pid`` from now on, first those that came before."""
        self._pid = pid
        for number in self.received:
            self._send(number)

    @contextmanager
    def forwarded(self) -> Iterator[None]:
        """Within the ``with`` statement, signals are forwarded and do nothing else."""
        handled = [number for number in FORWARDED if signal.getsignal(number) is not signal.SIG_IGN]  # nohup ignores
        before = {number: signal.signal(number, self._receive) for number in handled}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _receive(self, number: int, frame: object) -> None:
        self.received.append(number)
        self._send(number)

    def _send(self, number: int) -> None:
        if self._pid is None:
            return
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self._pid)
            for process in [*parent.children(recursive=True), parent]:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(number)
                    self.recipients.append(process)


def _private_cache(project: Path) -> dict[str, str]:
    """A folder of this user alone for what DVC remembers; its default in /var/tmp is open to all users.

    Raises:
        CxnetError: it cannot be written.
    """
    folder = project / TEMPORARY / "site"
    if SITE_CACHE in os.environ:
        return {}
    try:
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise CxnetError(f"Cannot write {folder}: {error.strerror}.") from error
    return {SITE_CACHE: str(folder.absolute())}


def _environment() -> dict[str, str]:
    """The environment of the stages: their commands find this installation, and DVC sends no usage statistics."""
    scripts = str(Path(sys.executable).parent)
    return os.environ | {"PATH": os.pathsep.join([scripts, os.environ.get("PATH", "")]), "DVC_NO_ANALYTICS": "1"}
