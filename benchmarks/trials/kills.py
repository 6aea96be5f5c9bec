"""Every stage is killed or asked to end in mid-work, and then run again."""

import os
import signal
import subprocess
import time

from benchmarks.trials import Tally
from benchmarks.trials.project import Project, new_token, survivors

WAYS = ("kill main", "kill group", "SIGTERM", "SIGHUP", "SIGINT")
EXIT_CODES = {"SIGTERM": 143, "SIGHUP": 129, "SIGINT": 130}
STARTING_S = 0.3  # before Python can listen to signals


def trials(project: Project, command: str, instants: int) -> dict[str, Tally]:
    """End a command at so many instants, in one way after the other."""
    tally = Tally()
    for number in range(instants):
        way = WAYS[number % len(WAYS)]
        delay = max(STARTING_S, project.seconds[command] * (number + 0.5) / instants)
        problem, leftovers, orphans = trial(project, command, way, delay)
        where = f"{way} after {delay:.2f} s: "
        tally.add(where + problem if problem else None, leftovers, orphans)
    return {f"ended: {command.split()[0]}": tally}


def trial(project: Project, command: str, way: str, delay: float) -> tuple[str | None, int, int]:
    """End a command after ``delay`` seconds, run it again: the problem, the leftovers and the orphans."""
    token = new_token()
    process = project.start(command, token)
    time.sleep(delay)
    if process.poll() is None:
        end(process, way)
    _, errors = process.communicate()
    orphans = len(survivors(token))
    problems = []
    if process.returncode > 0 and process.returncode != EXIT_CODES.get(way):
        problems.append(f"exit code {process.returncode} ({errors.strip()[-200:]})")
    again = project.run(command)
    if again.returncode:
        problems.append(f"the next run failed ({again.stderr.strip()[-200:]})")
    wrong, leftovers = project.compare()
    problems += [wrong] if wrong else []
    return "; ".join(problems) or None, leftovers, orphans


def end(process: "subprocess.Popen[str]", way: str) -> None:
    """End a process that is the leader of its group, in one of :data:`WAYS`."""
    if way == "kill main":
        process.kill()
    elif way == "kill group":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.send_signal(signal.Signals[way])
