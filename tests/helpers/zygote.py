"""Fetches that are killed: a process that has imported everything forks one per request, and ends it with SIGKILL.

Reads lines ``<url of a site>\t<folder>\t<when it is killed>``; answers each with the exit code.
Killed: after so many seconds, at the first ``note`` on an unfinished file, or (empty) never.
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
