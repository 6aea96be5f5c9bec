"""fastdup on a folder: ``python fastdup_pairs.py pairs FOLDER 0`` prints seconds and pairs as JSON."""

import json
import sys
import tempfile
import time
from pathlib import Path


def main(folder: str) -> None:
    import fastdup

    with tempfile.TemporaryDirectory() as work:
        began = time.perf_counter()
        task = fastdup.create(work_dir=work, input_dir=folder)
        task.run(overwrite=True, num_threads=2, verbose=False)
        similar = task.similarity()
        seconds = time.perf_counter() - began
    names = [[Path(str(path)).name for path in similar[side]] for side in ("filename_from", "filename_to")]
    best: dict[tuple[str, str], float] = {}
    for a, b, score in zip(*names, similar["distance"], strict=True):
        if a != b:
            pair = (min(a, b), max(a, b))
            best[pair] = max(best.get(pair, 0.0), float(score))
    print(json.dumps({"seconds": seconds, "pairs": [[a, b, score] for (a, b), score in sorted(best.items())]}))


if __name__ == "__main__":
    main(sys.argv[2])
