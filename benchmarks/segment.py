"""Lung masks: Dice and contour distance by origin of the true masks, what the quality is worth, and films per second.

Run: ``python -m benchmarks.segment [ROOT] [--masks masks.csv] [--network lungs.onnx] [--sheet worst.png]`` where ROOT
holds the ``data/`` of a run up to dedupe on real films. Only films whose patients the network was not trained on count
(:mod:`training.classifiers.known_lungs`). Without real films only synthetic ones are judged.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.stats import spearmanr

from pipeline.classifiers.lungs import SHIPPED, LungNetwork, lung_network
from pipeline.core.layout import Layout
from pipeline.core.params import SegmentParams
from pipeline.imaging.arrays import Gray
from pipeline.imaging.masks import mask_of_size
from pipeline.segment.find import Lungs, find_lungs
from pipeline.segment.variants import dice
from training.classifiers.known_lungs import DEFINITIONS, draw_lungs, read_known_lungs

SHARED_MASKS = Path(__file__).parents[2] / "shared" / "truth" / "masks.csv"
RESULTS = Path(__file__).parent / "results" / "segment.json"
TARGETS = {"mean": 0.96, "5th percentile": 0.90, "films_per_s": 40}
SIDE = 512  # px, long side of the judged films
SYNTHETIC, SEED = 40, 1018  # films of people that the network has not seen
TILE = 240  # px


@dataclass(frozen=True, eq=False)
class Judged:
    """A film with a known mask, and what was found on it.

    Attributes:
        name: of the film.
        origin: of the known mask.
        picture: (H, W) uint8.
        truth: (H, W) bool.
        found: the lungs found by the definition of the origin.
        dice: of the two masks.
        distance: mean distance of the two contours, as a share of the film's width.
    """

    name: str
    origin: str
    picture: Gray
    truth: Gray
    found: Lungs
    dice: float
    distance: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", nargs="?", default=".")
    parser.add_argument("--masks", type=Path, default=SHARED_MASKS)
    parser.add_argument("--network", default=SHIPPED)
    parser.add_argument("--sheet", type=Path, help="write the films to this PNG, the worst first")
    options = parser.parse_args()
    judged = [*judge_synthetic(options.network)]
    if options.masks.exists() and (Path(options.root) / "data" / "pool").exists():
        judged += judge_real(Layout.at(options.root), options.masks, options.network)
    else:
        print(f"skipped: real films, as {options.masks} or {options.root}/data/pool does not exist")
    rows = [
        table_row(origin, [one for one in judged if one.origin == origin]) for origin in ("synthetic", *DEFINITIONS)
    ]
    show([row for row in rows if row])
    speed = films_per_second(options.network, [one.picture for one in judged])
    RESULTS.parent.mkdir(exist_ok=True)
    result = {"dice": [row for row in rows if row], "speed": speed, "targets": TARGETS}
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    if options.sheet:
        write_sheet(
            sorted((one for one in judged if one.origin != "synthetic"), key=lambda one: one.dice), options.sheet
        )


def judge_synthetic(place: str) -> Iterator[Judged]:
    network, params = lung_network(place, "whole"), SegmentParams()
    for number, film in enumerate(draw_lungs(SYNTHETIC, SEED)):
        yield judge(f"synthetic/{number}", "synthetic", film.picture, film.masks["whole"] > 0, network, params)


def judge_real(layout: Layout, masks: Path, place: str) -> list[Judged]:
    """The held-out films; each once per origin of a mask, by the definition of that origin."""
    judged = []
    for film in read_known_lungs(layout, masks, SIDE):
        for origin, truth in film.masks.items() if film.is_held_out else ():
            params = SegmentParams(definition=DEFINITIONS[origin])  # type: ignore[arg-type]
            network = lung_network(place, params.definition)
            judged.append(judge(film.name, origin, film.picture, truth > 0, network, params))
    return judged


def judge(name: str, origin: str, picture: Gray, truth: Gray, network: LungNetwork, params: SegmentParams) -> Judged:
    found = find_lungs(picture, network, params)
    mask = mask_of_size(found.mask, *picture.shape[::-1]) > 0
    return Judged(name, origin, picture, truth, found, dice(mask, truth), contour_distance(mask, truth))


def contour_distance(first: Gray, second: Gray) -> float:
    """Mean distance from each contour to the other, both ways, as a share of the film's width; 1 without a contour."""
    contours = [mask & ~(cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) for mask in (first, second)]
    if not all(contour.any() for contour in contours):
        return 1.0
    away = [cv2.distanceTransform((~contour).astype(np.uint8), cv2.DIST_L2, 5) for contour in contours]
    both = np.concatenate([away[1][contours[0]], away[0][contours[1]]])
    return float(both.mean()) / first.shape[1]


def table_row(origin: str, judged: Sequence[Judged]) -> dict[str, float | int | str]:
    """The figures of one origin; empty if it has no film."""
    if not judged:
        return {}
    scores = np.array([one.dice for one in judged])
    quality = [one.found.quality for one in judged]
    flagged = np.array([one.found.reason is not None for one in judged])
    poor = scores < TARGETS["5th percentile"]
    return {
        "origin": origin,
        "films": len(judged),
        "mean": float(scores.mean()),
        "5th percentile": float(np.percentile(scores, 5)),
        "worst": float(scores.min()),
        "contour": float(np.mean([one.distance for one in judged])),
        "whole film": sum(not one.found.is_plausible for one in judged),
        "flagged": int(flagged.sum()),
        "poor": int(poor.sum()),
        "poor and flagged": int((poor & flagged).sum()),
        "quality ~ Dice": float(spearmanr(quality, scores).statistic),
    }


def show(rows: Sequence[dict[str, float | int | str]]) -> None:
    print("".join(f"{name:>17}" for name in rows[0]))
    for row in rows:
        print("".join(f"{value:>17.4f}" if isinstance(value, float) else f"{value:>17}" for value in row.values()))
    print(
        f"targets: mean {TARGETS['mean']}, 5th percentile {TARGETS['5th percentile']}; contour as a share of the width"
    )


def films_per_second(place: str, films: Sequence[Gray], least_s: float = 3.0) -> dict[str, float]:
    """Films per second of one process on one thread: decoded by OpenCV, and decoded and segmented."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    files = [cv2.imencode(".png", cv2.resize(film, (900, 1024)))[1] for film in films[:40]]
    network, params = lung_network(place, "whole"), SegmentParams()
    both = seconds(lambda file: find_lungs(decoded(file), network, params), files, least_s)
    alone = seconds(decoded, files, least_s)
    cv2.setNumThreads(threads)
    print(f"{1 / both:.0f} films per second of processor time (target {TARGETS['films_per_s'] / 2:.0f} per core)")
    print(f"{both / alone:.1f} times as long as decoding with OpenCV")
    return {"films_per_s": 1 / both, "times_decoding": both / alone}


def decoded(file: Gray) -> Gray:
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_GRAYSCALE), np.uint8)


def seconds(work, files, least_s: float) -> float:  # type: ignore[no-untyped-def]
    """Processor time per file."""
    work(files[0])
    began, count = time.process_time(), 0
    while time.process_time() - began < least_s:
        work(files[count % len(files)])
        count += 1
    return (time.process_time() - began) / count


def write_sheet(judged: Sequence[Judged], path: Path, columns: int = 8, most: int = 48) -> None:
    """The films with the found contour (red) and the known one (green)."""
    tiles = [tile(one) for one in judged[:most]]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[first : first + columns]) for first in range(0, len(tiles), columns)]
    cv2.imwrite(str(path), np.vstack(rows))


def tile(one: Judged) -> Gray:
    film = cv2.cvtColor(cv2.resize(one.picture, (TILE, TILE), interpolation=cv2.INTER_AREA), cv2.COLOR_GRAY2BGR)
    for mask, color in ((one.truth, (0, 220, 0)), (one.found.mask, (0, 0, 255))):
        small = cv2.resize(mask.astype(np.uint8), (TILE, TILE), interpolation=cv2.INTER_NEAREST)
        cv2.drawContours(film, cv2.findContours(small, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], -1, color, 1)
    words = f"{one.dice:.2f} q{one.found.quality:.2f} {one.origin[:3]}{' W' if not one.found.is_plausible else ''}"
    cv2.putText(film, words, (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 255, 255), 1, cv2.LINE_AA)
    return film


if __name__ == "__main__":
    main()
