"""What happens to the project when something goes wrong: a table of tried, held, leftovers and orphans.

Run: ``python -m benchmarks.faults [--quick] [--only KIND ...] [--again]`` or ``make test-faults``. Every stage and
whole runs are killed in several ways and at many instants, tables, arrays and files are damaged and swapped, disks are
full, two runs start at once, hosts die, and small files ask for much. Targets: all hold, nothing stays behind, no
process stays alive.

Finished kinds are in ``benchmarks/results/faults.json``; an interrupted run goes on with the others.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import Any

from benchmarks.trials import Tally, bombs, damage, disk, hosts, kills, runs, whole_runs
from benchmarks.trials.project import COMMANDS, Project

RESULTS = Path(__file__).parent / "results" / "faults.json"
FILMS = {"quick": 100, "full": 200}
INSTANTS = {"quick": 1, "full": 20}
SWAP_STEP = {"quick": 4, "full": 1}
FLIPS = {"quick": 96, "full": 750}
PAIRS_OF_RUNS = {"quick": 1, "full": 5}

Trials = Callable[[Path], dict[str, Tally]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few trials, in a few minutes")
    parser.add_argument("--only", nargs="+", default=[], metavar="KIND", help="these kinds: bombs, kills, kills-train")
    parser.add_argument("--again", action="store_true", help="also repeat the kinds that are done")
    options = parser.parse_args()
    mode = "quick" if options.quick else "full"
    done = finished(mode)
    with tempfile.TemporaryDirectory() as folder:
        for kind, trials in chosen(kinds(mode), options.only).items():
            if kind in done and not options.again:
                continue
            done[kind] = {name: asdict(tally) for name, tally in trials(Path(folder)).items()}
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps({"mode": mode, "kinds": done}, indent=2) + "\n")
    tallies = {name: Tally(**values) for kind in done.values() for name, values in kind.items()}
    show(tallies)
    if not all(tally.is_met for tally in tallies.values()):
        raise SystemExit(1)


def kinds(mode: str) -> dict[str, Trials]:
    """Name -> trials of one kind; those on a project make it when they are the first."""

    @cache
    def project(root: Path) -> Project:
        return Project.make(root / "p", FILMS[mode])

    def ended(command: str, root: Path) -> dict[str, Tally]:
        return kills.trials(project(root), command, INSTANTS[mode])

    full_disks = COMMANDS[1:] if mode == "full" else ("manifest",)  # fetch would see another folder
    return {
        "bombs": lambda root: bombs.trials(mode == "quick"),
        "hosts": lambda root: hosts.trials(),
        "runs": lambda root: runs.trials(PAIRS_OF_RUNS[mode]),
        "flips": lambda root: (
            damage.flips(project(root), FLIPS[mode]) | damage.flipped_arrays(project(root), FLIPS[mode])
        ),
        "swaps": lambda root: damage.swaps(project(root), SWAP_STEP[mode]),
        "rot": lambda root: damage.rot(project(root), 10),
        "disk": lambda root: on_full_disks(project(root), full_disks),
        **{f"kills-{command.split()[0]}": partial(ended, command) for command in COMMANDS},
        "whole-runs": lambda root: whole_runs.trials(root / "whole", FILMS[mode] // 4, INSTANTS[mode]),
    }


def chosen(all_kinds: dict[str, Trials], names: list[str]) -> dict[str, Trials]:
    """The kinds with one of ``names`` or with one before their hyphen; all without names."""
    unknown = [name for name in names if not any(_is_named(kind, name) for kind in all_kinds)]
    if unknown:
        raise SystemExit(f"no such kind: {', '.join(unknown)}; there are {', '.join(all_kinds)}")
    return {kind: trials for kind, trials in all_kinds.items() if not names or any(_is_named(kind, n) for n in names)}


def _is_named(kind: str, name: str) -> bool:
    return kind == name or kind.startswith(f"{name}-")


def on_full_disks(project: Project, commands: tuple[str, ...]) -> dict[str, Tally]:
    tallies = disk.trials(project, commands)
    if tallies is None:
        print("full disk: skipped, as only root can mount a small file system")
    return tallies or {}


def finished(mode: str) -> dict[str, dict[str, dict[str, Any]]]:
    """The kinds that an earlier run of this mode has finished."""
    if not RESULTS.is_file():
        return {}
    before = json.loads(RESULTS.read_text())
    return dict(before["kinds"]) if before["mode"] == mode else {}


def show(tallies: dict[str, Tally]) -> None:
    print(f"{'trials':<24}{'tried':>8}{'held':>8}{'leftovers':>11}{'orphans':>9}")
    for name, tally in tallies.items():
        print(f"{name:<24}{tally.tried:>8}{tally.held:>8}{tally.leftovers:>11}{tally.orphans:>9}")
    for name, tally in tallies.items():
        for note in tally.notes:
            print(f"  {name}: {note}")


if __name__ == "__main__":
    main()
