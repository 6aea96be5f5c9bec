"""Fetches that are killed: a process with everything imported forks one fetch per line of its input, and kills it.

Reads lines ``<url of a site>\t<folder>\t<when to kill it>`` and prints the exit code for each. It kills the fetch after
so many seconds, at the first ``note`` about an unfinished file, or never (empty).
"""

import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from toy import POLICY, Toy, fetch

from sources.transport.client import Client

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def main() -> None:
    print("ready", flush=True)
    for line in sys.stdin:
        url, folder, when = line.rstrip("\n").split("\t")
        child = os.fork()
        if child == 0:
            fetch(Toy(url), Path(folder), with_client=Client(POLICY, now=lambda: NOW))
            os._exit(0)
        if when:
            wait_until(when, Path(folder))
            os.kill(child, signal.SIGKILL)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def wait_until(when: str, folder: Path) -> None:
    if when != "note":
        time.sleep(float(when))
        return
    for _ in range(4000):
        if list(folder.glob(".parts/*.json")):
            return
        time.sleep(0.005)


if __name__ == "__main__":
    main()
