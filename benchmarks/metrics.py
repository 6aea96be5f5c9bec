"""Why the metrics of the bootstrap are our own: milliseconds per call, ours and scikit-learn's, on the same films.

An evaluation makes 1,000 calls of each per split (three times as many areas with three classes). Equal results are
checked here and, for all kinds of films, in tests/training/evaluate/test_metrics.py.

Run: ``python -m benchmarks.metrics``.
"""

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import metrics as sklearn_metrics

from training.evaluate.metrics import auroc, confusion

RESULTS = Path(__file__).parent / "results" / "metrics.json"
FILMS = (200, 2_000, 20_000)
CALLS, TURNS = 50, 5


def main() -> None:
    rows = [row for count in FILMS for row in compare(count)]
    print(f"{'films':>7}  {'metric':<18}{'ours, ms':>10}{'scikit-learn, ms':>18}{'ratio':>8}")
    for row in rows:
        times = f"{row['ours_ms']:>10.3f}{row['theirs_ms']:>18.3f}{row['ratio']:>8.1f}"
        print(f"{row['films']:>7}  {row['metric']:<18}{times}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(rows, indent=2) + "\n")


def compare(count: int) -> list[dict[str, float | str]]:
    """Time the area under the ROC curve and the confusion matrix on ``count`` synthetic films."""
    rng = np.random.default_rng(0)
    actual = rng.integers(0, 2, count)
    scores = np.clip(rng.normal(0.4 + 0.2 * actual, 0.2), 0, 1)
    predicted = (scores >= 0.5).astype(np.int64)
    weights = rng.multinomial(count, np.full(count, 1 / count)).astype(float)
    pairs: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "auroc": (
            lambda: auroc(actual == 1, scores, weights),
            lambda: sklearn_metrics.roc_auc_score(actual, scores, sample_weight=weights),
        ),
        "confusion": (
            lambda: confusion(actual, predicted, 2, weights),
            lambda: sklearn_metrics.confusion_matrix(actual, predicted, sample_weight=weights),
        ),
    }
    rows: list[dict[str, float | str]] = []
    for name, (ours, theirs) in pairs.items():
        np.testing.assert_allclose(ours(), theirs())
        turns = [(milliseconds(ours), milliseconds(theirs)) for _ in range(TURNS)]
        ours_ms, theirs_ms = (statistics.median(each) for each in zip(*turns, strict=True))
        ratio = theirs_ms / ours_ms
        rows.append({"films": count, "metric": name, "ours_ms": ours_ms, "theirs_ms": theirs_ms, "ratio": ratio})
    return rows


def milliseconds(function: Callable[[], Any]) -> float:
    """Mean time of a call."""
    began = time.perf_counter()
    for _ in range(CALLS):
        function()
    return (time.perf_counter() - began) / CALLS * 1000


if __name__ == "__main__":
    main()
