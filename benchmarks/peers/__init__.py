"""What is compared with: each file runs in the environment of its package and prints JSON.

The environments are made below ``$CXNET_BENCH_CACHE``, else ``~/.cache/cxnet-data``.
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
PATIENCE_S = 240.0  # longest run of a peer


def ask(package: str, script: str, *arguments: str) -> Any:
    """Run a script beside this file in the environment of its package, which is made when it is not there."""
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [str(environment(package) / "bin" / "python"), str(HERE / f"{script}.py"), *arguments]
    with subprocess.Popen(command, start_new_session=True, **streams) as asked:
        try:
            said, complaint = asked.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(asked.pid, signal.SIGKILL)  # its worker processes, too
            raise
    if asked.returncode:
        raise subprocess.CalledProcessError(asked.returncode, package, said, complaint)
    return json.loads(said.strip().splitlines()[-1])


def environment(package: str, *also: str) -> Path:
    """The folder of the package's own environment, made once; ``also`` are further requirements."""
    folder = CACHE / package
    if not (folder / ".ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", package, *also]
        subprocess.run(install, check=True, timeout=1800, capture_output=True, text=True)
        (folder / ".ready").touch()
    return folder


def reason(error: Exception) -> str:
    """The last line that a peer said."""
    said = str(getattr(error, "stderr", "") or error).strip().splitlines()
    return said[-1][:160] if said else type(error).__name__
