"""A Dask cluster on this machine, started with Dask's own commands."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
QUIET = {"DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "critical"}
SOON_S = 60


class Machines:
    """A scheduler and its workers: processes of their own, standing in another folder than the tests."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        self._start("scheduler", "--host", "127.0.0.1", "--port", self.address.rsplit(":")[-1])

    def add_worker(self):
        where = ["--host", "127.0.0.1", "--local-directory", str(self.folder)]
        return self._start("worker", self.address, "--nthreads", "1", "--no-nanny", *where)

    def _start(self, kind, *options):
        command = [sys.executable, "-m", "dask", kind, *options, "--no-dashboard"]
        environment = os.environ | QUIET | {"PYTHONPATH": str(PROJECT)}  # the code under test
        with (self.folder / f"{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def wait(self, workers):
        from distributed import Client

        with Client(self.address, timeout=SOON_S, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=SOON_S)

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def machines(folder, workers):
    folder.mkdir()
    cluster = Machines(folder)
    try:
        for _ in range(workers):
            cluster.add_worker()
        if workers:
            cluster.wait(workers)
        yield cluster
    finally:
        cluster.stop()
