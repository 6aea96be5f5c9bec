"""The hash search of dedupe for 10,000, 100,000 and 1,000,000 films: seconds, memory, and their growth.

Synthetic hashes are real ones with flipped bits, so many that the share of pairs within the search distance equals the
share among real films of different exposures. Without real films, random hashes take their place. One film in ten is a
near copy of another. The number of pairs in the table therefore grows with the square of the films. Each size runs in a
process of its own. Run: ``python -m benchmarks.scale [--quick]``; ``--quick`` skips the largest size.
"""

import argparse
import json
import math
import multiprocessing
import os
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.dedupe import SHARED, Truth, hash_file
from pipeline.core.params import DedupeParams
from pipeline.dedupe.nearest import Words, choose_pieces, near_pairs

RESULTS = Path(__file__).parent / "results" / "scale.json"
SIZES = (10_000, 100_000, 1_000_000)
COPIES = 0.1  # share of films that are near copies
RANDOM_CENTERS, RANDOM_SHARE = 800, 3e-5  # without real films
CALIBRATED_ON = 20_000
LONGEST_S, MOST_MB, MOST_EXPONENT = 60.0, 2000.0, 1.2


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="skip the largest size")
    sizes = SIZES[:-1] if options.parse_args().quick else SIZES
    distance = DedupeParams().phash_distance
    centers, share, basis = real_hashes(distance) or random_hashes()
    flipped = calibrate(centers, share, distance)
    rows = [in_own_process(centers, flipped, size, distance) for size in sizes]
    exponent = growth(rows)
    met = {
        "growth": exponent <= MOST_EXPONENT,
        "seconds": rows[-1]["seconds"] < LONGEST_S,
        "memory": rows[-1]["peak_mb"] < MOST_MB,
    }
    show(rows, exponent, met, f"{basis}; each bit flipped with probability {flipped:.3f}; distance {distance}")
    setup = {"centers": basis, "flipped": flipped, "share_within": share, "distance": distance}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({**setup, "rows": rows, "exponent": exponent, "met": met}, indent=2) + "\n")


def real_hashes(distance: int) -> tuple[Words, float, str] | None:
    """pHashes of the real films, the share of pairs of different exposures within ``distance``, and a description.

    Returns None without real films.
    """
    mirror = Path(os.environ.get("CXNET_MIRROR", SHARED / "mirror"))
    if not mirror.is_dir() or not (SHARED / "truth").is_dir():
        return None
    truth = Truth(SHARED / "truth", mirror)
    with tempfile.TemporaryDirectory() as folder:
        truth.link_into(Path(folder))
        names = sorted(truth.names.values())
        hashes = np.array([hash_file(Path(folder) / name) for name in names], np.uint64)
    copies = truth.kinds.keys() | truth.unsure
    near = [(names[a], names[b]) for a, b in near_pairs(hashes, distance).tolist()]
    different = math.comb(len(names), 2) - len(copies)
    share = len([pair for pair in near if pair not in copies]) / different
    return hashes, share, f"based on {len(hashes)} real films; {share:.1e} of their pairs are within the distance"


def random_hashes() -> tuple[Words, float, str]:
    centers = np.random.default_rng(0).integers(0, 2**64, RANDOM_CENTERS, dtype=np.uint64)
    return centers, RANDOM_SHARE, f"based on {RANDOM_CENTERS} random hashes"


def calibrate(centers: Words, share: float, distance: int) -> float:
    """The probability of flipping a bit at which ``share`` of the pairs is within ``distance``."""
    low, high = 0.0, 0.5
    for _ in range(10):
        middle = (low + high) / 2
        reached = len(near_pairs(draw(centers, middle, CALIBRATED_ON), distance)) / math.comb(CALIBRATED_ON, 2)
        low, high = (middle, high) if reached > share else (low, middle)
    return (low + high) / 2


def draw(centers: Words, flipped: float, count: int) -> Words:
    """``count`` hashes near ``centers``: each bit is flipped with probability ``flipped``."""
    rng = np.random.default_rng(count)
    hashes = rng.choice(centers, count)
    for bit in range(64):
        hashes ^= (rng.random(count) < flipped).astype(np.uint64) << np.uint64(bit)
    return hashes


def with_copies(hashes: Words) -> Words:
    """The hashes, of which one in ten is replaced by a copy of another with up to four flipped bits."""
    rng = np.random.default_rng(len(hashes))
    copied = rng.choice(len(hashes), int(COPIES * len(hashes)), replace=False)
    bits = rng.integers(0, 64, (len(copied), 4), dtype=np.uint64)
    flips = np.bitwise_xor.reduce(np.uint64(1) << bits, axis=1)
    result = hashes.copy()
    result[copied] = rng.choice(hashes, len(copied)) ^ flips
    return result


def in_own_process(centers: Words, flipped: float, count: int, distance: int) -> dict[str, Any]:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
        return alone.submit(measure, centers, flipped, count, distance).result()


def measure(centers: Words, flipped: float, count: int, distance: int) -> dict[str, Any]:
    """Wall and processor seconds, pairs, and the peak memory of this process."""
    hashes = with_copies(draw(centers, flipped, count))
    began, worked = time.perf_counter(), time.process_time()
    pairs = near_pairs(hashes, distance)
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    agreeing = choose_pieces(hashes, distance)
    return {
        "films": count,
        "pairs": len(pairs),
        "seconds": seconds,
        "cpu_s": cpu,
        "peak_mb": peak,
        "agreeing_pieces": agreeing,
    }


def growth(rows: list[dict[str, Any]]) -> float:
    """Slope of log processor time over log films; other work on the machine hardly affects processor time."""
    films, seconds = (np.log([row[name] for row in rows]) for name in ("films", "cpu_s"))
    return float(np.polyfit(films, seconds, 1)[0])


def show(rows: list[dict[str, Any]], exponent: float, met: dict[str, bool], how: str) -> None:
    print(how)
    print(f"{'films':>10}{'pairs':>12}{'seconds':>10}{'cpu s':>10}{'peak MB':>10}")
    for row in rows:
        print(
            f"{row['films']:>10,}{row['pairs']:>12,}{row['seconds']:>10.2f}{row['cpu_s']:>10.2f}{row['peak_mb']:>10.0f}"
        )
    print(f"processor time grows with the number of films to the power of {exponent:.2f}")
    for name, target in (
        ("growth", f"exponent <= {MOST_EXPONENT}"),
        ("seconds", f"largest under {LONGEST_S:.0f} s"),
        ("memory", f"largest under {MOST_MB:.0f} MB"),
    ):
        print(f"{target}: {'met' if met[name] else 'MISSED'}")


if __name__ == "__main__":
    main()
