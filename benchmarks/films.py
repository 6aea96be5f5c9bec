"""Processor time per film of ingest, of measuring in dedupe and of prepare, relative to OpenCV that decodes the file.

Run: ``python -m benchmarks.films [--films 80] [--root ROOT]`` where ROOT holds the ``data/raw`` of a run. This is what
a film costs on one core, without candidates, proofs and tables; ``benchmarks/pipeline.py`` measures whole stages. All
parts run in turn, several times, so that a busy machine slows them alike, and the best time of each counts.
"""

import argparse
import time
from collections.abc import Callable
from itertools import islice

import cv2
import numpy as np

from benchmarks.pipeline import TARGETS, received_images
from pipeline.core.layout import Layout
from pipeline.core.params import IngestParams, PrepareParams
from pipeline.decoding.guarded import decode_guarded
from pipeline.dedupe.films import measure_png
from pipeline.imaging.png import decode_png, shrink
from pipeline.ingest.intake import Task, ingest_image
from pipeline.ingest.quality import set_upright_and_measure, shipped_networks
from pipeline.prepare.inputs import to_input

ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=80)
    parser.add_argument("--root", default=".")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    images = usable(Layout.at(options.root), options.films)
    ms = {name: seconds * 1000 / len(images) for name, seconds in measure(images).items()}
    ms["ingest without judges"] = ms["ingest"] - ms["judges"]
    print(f"{len(images)} films: OpenCV {ms['received']:.2f} ms as received, {ms['pool']:.2f} ms from the pool")
    for name, bare, target in (
        ("ingest", "received", TARGETS["ingest"]),
        ("ingest without judges", "received", TARGETS["ingest without judges"]),
        ("dedupe, measuring only", "pool", TARGETS["dedupe"]),
        ("prepare", "pool", TARGETS["prepare"]),
    ):
        ratio = ms[name] / ms[bare]
        print(f"{name:<24}{ms[name]:>7.2f} ms{ratio:>7.2f}  {target} {'met' if ratio <= target else 'MISSED'}")


def usable(layout: Layout, count: int) -> list[bytes]:
    """About ``count`` received images that become films, spread evenly over all."""
    total = sum(1 for _ in received_images(layout))
    spread = islice(received_images(layout), 0, None, max(1, total // count))
    return [data for data in spread if ingested(data) is not None]


def measure(images: list[bytes]) -> dict[str, float]:
    """Processor time of every part over all images, in seconds; the best of several rounds."""
    pool = [png for png in map(ingested, images) if png is not None]
    shrunk = [shrink(decode_guarded(data, max_megapixels=100).gray, IngestParams().long_side) for data in images]
    networks = shipped_networks()
    parts: dict[str, Callable[[], object]] = {
        "received": lambda: [bare(data) for data in images],
        "ingest": lambda: [ingested(data) for data in images],
        "judges": lambda: [set_upright_and_measure(gray, networks) for gray in shrunk],
        "pool": lambda: [bare(png) for png in pool],
        "dedupe, measuring only": lambda: [measure_png(png) for png in pool],
        "prepare": lambda: [to_input(decode_png(png), None, 320, PrepareParams()) for png in pool],
    }
    best = dict.fromkeys(parts, float("inf"))
    for _ in range(ROUNDS):
        for name, part in parts.items():
            began = time.process_time()
            part()
            best[name] = min(best[name], time.process_time() - began)
    return best


def bare(data: bytes) -> object:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)


def ingested(data: bytes) -> bytes | None:
    """The pool picture of an image; None if it is no film."""
    return ingest_image(Task(("benchmark", "film"), data), IngestParams()).png


if __name__ == "__main__":
    main()
