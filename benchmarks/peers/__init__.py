"""Packages to compare with: each script of this folder runs in an environment of its package and prints JSON.

The environments are below ``$CXNET_BENCH_CACHE``, by default ``~/.cache/cxnet-data``.
"""

import json
import os
import signal
import subprocess
import venv
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("CXNET_BENCH_CACHE", Path.home() / ".cache" / "cxnet-data"))
TIMEOUT_S = 240.0  # of one run


def run_peer(package: str, script: str, *arguments: str) -> Any:
    """Run a script of this folder in the environment of its package, and read the JSON of its last line.

    Raises:
        OSError, subprocess.SubprocessError, ValueError: the package cannot be installed, or the script fails.
    """
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [str(environment(package) / "bin" / "python"), str(HERE / f"{script}.py"), *arguments]
    with subprocess.Popen(command, start_new_session=True, **streams) as process:
        try:
            output, errors = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # includes its worker processes
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, package, output, errors)
    return json.loads(output.strip().splitlines()[-1])


def environment(package: str, *also: str) -> Path:
    """The environment of a package, created on first use; ``also`` lists further requirements."""
    folder = CACHE / package
    if not (folder / ".ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", package, *also]
        subprocess.run(install, check=True, timeout=1800, capture_output=True, text=True)
        (folder / ".ready").touch()
    return folder


def last_line(error: Exception) -> str:
    """The last line of the error output of a failed run."""
    lines = str(getattr(error, "stderr", "") or error).strip().splitlines()
    return lines[-1][:160] if lines else type(error).__name__
