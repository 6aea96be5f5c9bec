"""A command with busy workers and a temporary file, as a stage has them: ``working.py <folder>``.

It writes ``ready`` when all is at work, and then waits to be ended.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from pipeline.cli.console import run_guarded
from pipeline.core.parallel import map_images, open_executor
from sources.core.storage import atomic_folder
from sources.core.temporary import scratch_folder

WORKERS = 2


def report(folder: str) -> None:
    """Leave the number of this process, then never end."""
    (Path(folder) / f"worker-{os.getpid()}").touch()
    time.sleep(3600)


def main() -> None:
    folder = Path(sys.argv[1])
    with scratch_folder(), open_executor(WORKERS) as executor, atomic_folder(folder / "out") as new:
        (new / "half").write_text("written")
        Path(tempfile.mkstemp()[1]).write_text("of a library")
        for _ in map_images(report, [str(folder)] * WORKERS, executor):
            pass


if __name__ == "__main__":
    run_guarded(main)
