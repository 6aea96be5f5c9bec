"""Time to apply the decisions of people to as many films as NIH ChestX-ray14 has (112,120).

Run: ``python -m benchmarks.decisions``. Three stages apply all decisions. The time must not grow
with films x decisions.
"""

import hashlib
import json
import random
import time
from pathlib import Path

import pandas as pd

from pipeline.core.schema import DEDUPE_SCHEMA, POOL_SCHEMA, VIEWS_SCHEMA
from pipeline.decisions.file import Decision
from pipeline.decisions.replay import apply, effect

RESULTS = Path(__file__).parent / "results" / "decisions.json"
FILMS = 112_120
LINES = (0, 1_000, 10_000)
TARGET_S = 10.0
KINDS = (
    ("set", "label", "cap"),
    ("set", "view", "L"),
    ("set", "duplicate_of", ""),
    ("set", "duplicate_of", "nih/{other}"),
    ("exclude", "", ""),
    ("keep", "", ""),
)


def main() -> None:
    rows = make_rows()
    results = []
    for lines in LINES:
        decided = make_decisions(rows, lines)
        began = time.perf_counter()
        applied = apply(rows, decided)
        applied_at = time.perf_counter()
        effect(applied, decided)
        took = {"lines": lines, "apply_s": applied_at - began, "summary_s": time.perf_counter() - applied_at}
        results.append(took)
        print(f"{FILMS:,} films, {lines:>6,} decisions: {took['apply_s']:6.2f} s, summary {took['summary_s']:6.2f} s")
    print(f"under {TARGET_S:g} s: {'met' if results[-1]['apply_s'] < TARGET_S else 'MISSED'}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"films": FILMS, "target_s": TARGET_S, "results": results}, indent=2) + "\n")


def make_rows() -> pd.DataFrame:
    """Rows as the stages read them; every tenth film is a proven copy of the next one."""
    types = {entry.name: entry.type for schema in (POOL_SCHEMA, DEDUPE_SCHEMA, VIEWS_SCHEMA) for entry in schema}
    numbers = range(FILMS)
    values = {
        "source": "nih",
        "item_id": [str(number) for number in numbers],
        "image_id": [hashlib.sha256(str(number).encode()).hexdigest() for number in numbers],
        "excluded_by": ["dedupe" if number % 10 == 0 else None for number in numbers],
        "cluster_id": [f"c{number // 10}" if number % 10 < 2 else None for number in numbers],
        "duplicate_of": [f"nih/{number + 1}" if number % 10 == 0 else None for number in numbers],
    }
    rows = pd.DataFrame(values | {"label": "normal", "view": "PA", "view_source": "metadata"})
    rows = rows.assign(reason=rows["excluded_by"], duplicate_kind=None, similarity=None)
    return rows.astype({name: pd.ArrowDtype(types[name]) for name in rows})


def make_decisions(rows: pd.DataFrame, lines: int) -> list[Decision]:
    """Decisions of all kinds on random films; copies are declared of later films, so that there is no circle."""
    rng = random.Random(lines)
    images = rows["image_id"].tolist()
    decided = []
    for line in range(lines):
        film = rng.randrange(FILMS - 1)
        verb, name, value = KINDS[line % len(KINDS)]
        value = value.format(other=rng.randrange(film + 1, FILMS))
        decided.append(Decision(images[film], verb, name, value, "reader", "2020-06-24", "seen", line + 2))  # type: ignore[arg-type]
    return decided


if __name__ == "__main__":
    main()
