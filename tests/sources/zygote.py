"""Fetches that are killed: a process that has imported everything forks one per request, and ends it with SIGKILL.

Reads lines ``<url of a site>\t<folder>\t<seconds until it is killed, or empty>``; answers each with the exit code.
"""

import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from toy import POLICY, Toy, fetch

from sources.client import Client

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def main() -> None:
    print("ready", flush=True)
    for line in sys.stdin:
        url, folder, seconds = line.rstrip("\n").split("\t")
        child = os.fork()
        if child == 0:
            fetch(Toy(url), Path(folder), with_client=Client(POLICY, now=lambda: NOW))
            os._exit(0)
        if seconds:
            time.sleep(float(seconds))
            os.kill(child, signal.SIGKILL)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
