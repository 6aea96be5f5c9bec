"""Duplicate detection on real films with checked truth: cxnet-data, imagededup, plain imagehash and fastdup.

All methods get the same files and the same cores. The script installs imagededup and fastdup in environments of their
own below ``$CXNET_BENCH_CACHE``, by default ``~/.cache/cxnet-data``. If one of them does not run, its row shows why.
The films are those of ``views.csv`` in the truth folder. Run: ``python -m benchmarks.dedupe [--quick]``; ``--quick``
skips imagededup and fastdup.
"""

import argparse
import hashlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from benchmarks.peers import TIMEOUT_S, last_line, run_peer
from pipeline.core.parallel import map_images, open_executor
from pipeline.core.params import DedupeParams
from pipeline.dedupe.candidates import find_candidates
from pipeline.dedupe.films import FilmStore, MeasuredFilm, measure
from pipeline.dedupe.hashes import phash
from pipeline.dedupe.nearest import near_pairs
from pipeline.dedupe.verdicts import prove_candidates
from pipeline.imaging.arrays import Gray

HERE = Path(__file__).parent
SHARED = HERE.parents[1] / "shared"
RESULTS = HERE / "results" / "dedupe.json"
DISTANCES = tuple(range(0, 18, 2))
WORKERS = 2
SMALLEST_SIDE = 512  # px; films are decoded at the smallest JPEG scale whose long side reaches it
HASH_SIDE = 128
SEARCH_HASHES = 100_000
PRECISION, RECALL = 0.99, 0.97

Pair = tuple[str, str]
Scored = dict[Pair, float]
Row = dict[str, Any]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="skip imagededup and fastdup")
    quick = options.parse_args().quick
    truth = Truth(SHARED / "truth", Path(os.environ.get("CXNET_MIRROR", SHARED / "mirror")))
    with tempfile.TemporaryDirectory() as folder:
        truth.link_into(Path(folder))
        rows, kinds = measure_all(truth, Path(folder), quick)
    show(rows, kinds)
    ours = rows[0]
    met = bool(ours["precision"] >= PRECISION and ours["recall"] >= RECALL)
    print(f"Precision >= {PRECISION} and recall >= {RECALL}: {'met' if met else 'MISSED'}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"rows": rows, "recall_by_kind": kinds, "met": met}, indent=2) + "\n")


def measure_all(truth: "Truth", folder: Path, quick: bool) -> tuple[list[Row], Row]:
    """Rows of the table, with cxnet-data first, and its recall by kind of copy."""
    names = sorted(path.name for path in folder.iterdir())
    with open_executor(WORKERS) as executor:
        list(map_images(len, ["warm", "up"] * WORKERS, executor))
        seconds, proven = timed(lambda: our_pairs(folder, names, executor))
        rows = [truth.score("cxnet-data, all steps", proven, seconds)]
        hash_seconds, hashed = timed(lambda: our_hash_pairs(folder, names, 10, executor))
        rows.append(truth.best("cxnet-data, hash search only", hashed, hash_seconds, DISTANCES))
    seconds, hashed = timed(lambda: imagehash_pairs(folder, names, DISTANCES[-1]))
    rows += [truth.score(f"imagehash pHash <= {bits}", at_least(hashed, -bits), seconds) for bits in DISTANCES]
    if not quick:
        rows += peer_rows(truth, folder)
    return rows, truth.recall_by_kind(proven)


# ----------------------------------------------------------------------------------------------------------- ours


def our_pairs(folder: Path, names: list[str], executor: Executor | None) -> Scored:
    """All steps of the stage, from files: equal bytes, decode once, hashes, features, votes, proofs."""
    params = DedupeParams()
    copies: dict[bytes, list[str]] = {}
    for name in names:
        copies.setdefault(hashlib.sha256((folder / name).read_bytes()).digest(), []).append(name)
    groups = list(copies.values())
    with FilmStore(len(groups)) as films:
        films.extend(map_images(measure_file, [folder / group[0] for group in groups], executor))
        proven = prove_candidates(films, find_candidates(films, params), params, executor).proven
    pairs = {pair: 1.0 for group in groups for pair in itertools.combinations(group, 2)}
    for (a, b), pair in proven.items():
        pairs |= dict.fromkeys(itertools.product(groups[a], groups[b]), pair.proof.similarity)
    return pairs


def our_hash_pairs(folder: Path, names: list[str], distance: int, executor: Executor | None) -> Scored:
    """Only decoding, pHash and the exact search."""
    hashes = np.array(list(map_images(hash_file, [folder / name for name in names], executor)), np.uint64)
    pairs = near_pairs(hashes, distance).tolist()
    return {(names[a], names[b]): -float((int(hashes[a]) ^ int(hashes[b])).bit_count()) for a, b in pairs}


def measure_file(path: Path) -> MeasuredFilm:
    return measure(read_small(path, SMALLEST_SIDE))


def hash_file(path: Path) -> int:
    return phash(read_small(path, HASH_SIDE))


def read_small(path: Path, side: int) -> Gray:
    """The film at the smallest JPEG scale whose long side has at least ``side`` pixels."""
    from PIL import Image

    data = path.read_bytes()
    with Image.open(path) as picture:
        longest = max(picture.size)
    flags = {8: cv2.IMREAD_REDUCED_GRAYSCALE_8, 4: cv2.IMREAD_REDUCED_GRAYSCALE_4, 2: cv2.IMREAD_REDUCED_GRAYSCALE_2}
    flag = next((flag for scale, flag in flags.items() if longest // scale >= side), cv2.IMREAD_GRAYSCALE)
    gray = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    assert gray is not None, path
    return gray


# ---------------------------------------------------------------------------------------------------------- peers


def imagehash_pairs(folder: Path, names: list[str], distance: int) -> Scored:
    """imagehash alone: hash every file, compare all pairs."""
    import imagehash
    from PIL import Image

    hashes = []
    for name in names:
        with Image.open(folder / name) as picture:
            hashes.append(int(str(imagehash.phash(picture)), 16))
    values = np.array(hashes, np.uint64)
    differing = np.bitwise_count(values[:, None] ^ values[None, :])
    places = np.argwhere(np.triu(differing <= distance, 1)).tolist()
    return {(names[a], names[b]): -float(differing[a, b]) for a, b in places}


def peer_rows(truth: "Truth", folder: Path) -> list[Row]:
    """imagededup and fastdup, each at the threshold with the best F1 on this truth."""
    rows = []
    for peer, distance in (("imagededup", DISTANCES[-1]), ("fastdup", 0)):
        try:
            result = run_peer(peer, f"{peer}_pairs", "pairs", str(folder), str(distance))
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            rows.append({"method": peer, "note": f"not measured: {last_line(error)}"})
            continue
        pairs = {(min(a, b), max(a, b)): float(score) for a, b, score in result["pairs"]}
        thresholds = sorted({-score for score in pairs.values()}) if peer == "fastdup" else DISTANCES
        rows.append(truth.best(peer, pairs, result["seconds"], thresholds))
        if peer == "imagededup":
            rows.append(search_row())
    return rows


def search_row() -> Row:
    """Only the search, among synthetic hashes: cxnet-data against imagededup."""
    rng = np.random.default_rng(5)
    centers = rng.integers(0, 2**63, SEARCH_HASHES // 2, dtype=np.uint64)
    flips = np.bitwise_or.reduce(np.uint64(1) << rng.integers(0, 64, (SEARCH_HASHES // 2, 4), dtype=np.uint64), axis=1)
    hashes = np.concatenate([centers, centers ^ flips])
    ours, pairs = timed(lambda: near_pairs(hashes, 6))
    theirs, more = TIMEOUT_S, "more than "
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.writelines(f"{value:016x}\n" for value in hashes.tolist())
        file.flush()
        with suppress(subprocess.TimeoutExpired):
            theirs, more = float(run_peer("imagededup", "imagededup_pairs", "search", file.name, "6")["seconds"]), ""
    note = f"{len(pairs):,} pairs; imagededup took {more}{theirs:.0f} s, {more}{theirs / ours:.0f} times as long"
    return {"method": f"search of {SEARCH_HASHES:,} hashes at 6", "seconds": ours, "peer_s": theirs, "note": note}


# ---------------------------------------------------------------------------------------------------------- truth


class Truth:
    """The real films, the pairs that show one exposure, and the pairs that experts left open."""

    def __init__(self, folder: Path, mirror: Path) -> None:
        if not folder.is_dir() or not mirror.is_dir():
            sys.exit(f"This benchmark needs real films, but {folder} or {mirror} does not exist (set CXNET_MIRROR).")
        self.mirror = mirror
        films = sorted(pd.read_csv(folder / "views.csv")["image"])
        self.names = {film: f"{place:05d}{Path(film).suffix}" for place, film in enumerate(films)}
        duplicates = pd.read_csv(folder / "duplicates.csv")
        self.kinds = dict(zip(self._pairs(duplicates), duplicates["kind"], strict=True))
        self.unsure = set(self._pairs(pd.read_csv(folder / "unsure.csv")))

    def link_into(self, folder: Path) -> None:
        """Link all films into one flat folder, for packages that read folders."""
        for film, name in self.names.items():
            (folder / name).symlink_to((self.mirror / film).resolve())

    def score(self, method: str, pairs: Iterable[Pair], seconds: float) -> Row:
        listed = {(min(pair), max(pair)) for pair in pairs} - self.unsure
        right = len(listed & self.kinds.keys())
        precision, recall = right / max(len(listed), 1), right / len(self.kinds)
        f1 = 2 * precision * recall / max(precision + recall, 1e-9)
        scores = {"precision": round(precision, 4), "recall": round(recall, 4), "f1": round(f1, 4)}
        return {"method": method, "pairs": len(listed), **scores, "seconds": round(seconds, 2)}

    def best(self, method: str, scored: Scored, seconds: float, thresholds: Iterable[float]) -> Row:
        """The row of the threshold with the best F1."""
        rows = [
            self.score(method, at_least(scored, -threshold), seconds) | {"note": f"at {abs(threshold):g}"}
            for threshold in thresholds
        ]
        return max(rows, key=lambda row: float(row["f1"])) if rows else self.score(method, {}, seconds)

    def recall_by_kind(self, pairs: Iterable[Pair]) -> Row:
        listed = {(min(pair), max(pair)) for pair in pairs}
        kinds = pd.Series(self.kinds)
        hits = pd.Series([float(pair in listed) for pair in self.kinds], index=kinds.to_numpy())
        return {str(kind): round(share, 4) for kind, share in hits.groupby(level=0).mean().items()}

    def _pairs(self, table: pd.DataFrame) -> list[Pair]:
        both = zip(table["a"].map(self.names), table["b"].map(self.names), strict=True)
        return [(min(a, b), max(a, b)) for a, b in both if isinstance(a, str) and isinstance(b, str)]


def at_least(scored: Scored, lowest: float) -> list[Pair]:
    return [pair for pair, score in scored.items() if score >= lowest]


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def show(rows: list[Row], kinds: Row) -> None:
    print(f"{'method':<36}{'pairs':>7}{'precision':>11}{'recall':>8}{'F1':>8}{'seconds':>9}  note")
    for row in rows:
        cells = [f"{row[name]:>{width}.3f}" if name in row else " " * width for name, width in WIDTHS.items()]
        pairs = f"{row['pairs']:>7}" if "pairs" in row else " " * 7
        seconds = f"{row['seconds']:>9.2f}" if "seconds" in row else " " * 9
        print(f"{row['method']:<36}{pairs}{''.join(cells)}{seconds}  {row.get('note', '')}")
    print("recall by kind: " + ", ".join(f"{kind} {share:.3f}" for kind, share in kinds.items()))


WIDTHS = {"precision": 11, "recall": 8, "f1": 8}


if __name__ == "__main__":
    main()
