"""What happens to the project when something goes wrong: a table of tried, held, leftovers and orphans.

Run: ``python -m benchmarks.faults [--quick] [--only KIND ...] [--stages STAGE ...] [--again]`` or ``make test-faults``.
Every stage is killed in several ways and at many instants, tables and files are damaged and swapped, disks are full,
two runs start at once, and small files ask for much. Targets: all hold, nothing stays behind, no process stays alive.

Finished kinds are in ``benchmarks/results/faults.json``; an interrupted run goes on with the others.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.trials import Tally, bombs, damage, disk, kills, runs
from benchmarks.trials.project import Project

RESULTS = Path(__file__).parent / "results" / "faults.json"
FILMS = {"quick": 100, "full": 200}
INSTANTS = {"quick": 1, "full": 20}
SWAP_STEP = {"quick": 4, "full": 1}
DISK_STAGES: dict[str, tuple[str, ...]] = {"quick": ("manifest",), "full": ()}  # () = all
FLIPS = {"quick": 96, "full": 750}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few trials, in a few minutes")
    parser.add_argument("--only", nargs="+", choices=("kills", "damage", "disk", "runs", "bombs"), help="these kinds")
    parser.add_argument("--stages", nargs="+", default=[], help="kill and fill the disk in these stages alone")
    parser.add_argument("--again", action="store_true", help="also repeat the kinds that are done")
    options = parser.parse_args()
    mode, stages = "quick" if options.quick else "full", tuple(options.stages)
    done = {} if options.again else finished(mode)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for kind, trials in kinds(mode, stages).items():
            if kind in done or (options.only and kind not in options.only):
                continue
            done[kind] = {name: asdict(tally) for name, tally in trials(root).items()}
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps({"mode": mode, "kinds": done}, indent=2) + "\n")
    tallies = {name: Tally(**values) for kind in done.values() for name, values in kind.items()}
    show(tallies)
    if not all(tally.is_met for tally in tallies.values()):
        raise SystemExit(1)


def kinds(mode: str, stages: tuple[str, ...]) -> dict[str, Callable[[Path], dict[str, Tally]]]:
    """Name -> trials of one kind; those on a project make it when they are the first."""

    @cache
    def project(root: Path) -> Project:
        return Project.make(root / "p", FILMS[mode])

    return {
        "bombs": lambda root: bombs.trials(mode == "quick"),
        "runs": lambda root: runs.trials(1 if mode == "quick" else 5),
        "damage": lambda root: damage_of(project(root), mode),
        "disk": lambda root: on_full_disks(project(root), stages or DISK_STAGES[mode]),
        "kills": lambda root: kills.trials(project(root), INSTANTS[mode], stages),
    }


def damage_of(project: Project, mode: str) -> dict[str, Tally]:
    return damage.flips(project, FLIPS[mode]) | damage.swaps(project, SWAP_STEP[mode]) | damage.rot(project, 10)


def on_full_disks(project: Project, stages: tuple[str, ...]) -> dict[str, Tally]:
    tallies = disk.trials(project, stages)
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
