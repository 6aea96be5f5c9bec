"""Quality flags against planted defects, on synthetic and on real films, and cleanvision on the same files.

Run: ``python -m benchmarks.quality [ROOT] [--truth views.csv]`` where ROOT holds the ``data/`` of a run on real films
up to dedupe, and the CSV has the columns ``image, view``. Networks trained without a film of the same patients (four
folds) judge the real films; the shipped networks judge the synthetic ones. Most unaltered real films have text on them,
and some a border, which counts as a false alarm here. Only the synthetic films therefore measure the precision of
``text``, ``border`` and ``collimated``. cleanvision runs in an environment of its own.
"""

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold

from benchmarks.peers import last_line, run_peer
from pipeline.classifiers.networks import shipped
from pipeline.core.layout import Layout
from pipeline.core.parallel import map_images, open_executor
from pipeline.decoding.decode import decode
from pipeline.imaging.arrays import Gray
from pipeline.imaging.png import shrink
from pipeline.ingest.quality import QualityNetworks, set_upright_and_measure, shipped_networks
from sources.sandbox import alter
from sources.sandbox.anatomy import draw_anatomy
from sources.sandbox.phantom import Exposure, frontal
from training.classifiers import fineness
from training.classifiers import upright as film_state
from training.classifiers.known_films import Example, read_examples

SHARED_VIEWS = Path(__file__).parents[2] / "shared" / "truth" / "views.csv"
RESULTS = Path(__file__).parent / "results" / "quality.json"
POOL_SIDE = 1024
FOLDS, SEED = 4, 5
SYNTHETIC = 200
F1, RECALL, FALSE_ALARMS, TIMES = 0.97, 0.99, 0.003, 1.5
WORKERS = 2

Alter = Callable[[Gray, np.random.Generator], Gray]
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", nargs="?", default=".")
    parser.add_argument("--truth", type=Path, default=SHARED_VIEWS if SHARED_VIEWS.exists() else None)
    options = parser.parse_args()
    examples = [
        example
        for example in read_examples(Layout.at(options.root), options.truth, POOL_SIDE)
        if example.view_class == "frontal"
    ]
    synthetic, real = judge_synthetic(), judge_real(examples)
    speed = against_cleanvision([example.picture for example in examples])
    show("synthetic", synthetic)
    show("real", real)
    print(json.dumps(speed, indent=2))
    RESULTS.parent.mkdir(exist_ok=True)
    targets = {"f1": F1, "recall": RECALL, "false_alarms": FALSE_ALARMS, "times_cleanvision": TIMES}
    result = {"synthetic": synthetic, "real": real, "cleanvision": speed, "targets": targets}
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")


# -------------------------------------------------------------------------------------------------------- defects


def collimated(picture: Gray, rng: np.random.Generator) -> Gray:
    """With the shadow of a collimator, rotated by up to 6 degrees, on one to four sides."""
    height, width = picture.shape
    down, right = np.mgrid[:height, :width].astype(np.float32)
    turn = np.deg2rad(rng.uniform(-6, 6))
    u = (right - width / 2) * np.cos(turn) + (down - height / 2) * np.sin(turn)
    v = (down - height / 2) * np.cos(turn) - (right - width / 2) * np.sin(turn)
    lit = np.ones(picture.shape, np.float32)
    for side in rng.permutation(4)[: int(rng.integers(1, 5))]:
        half, along = ((width / 2, u), (width / 2, -u), (height / 2, v), (height / 2, -v))[int(side)]
        lit *= np.clip((half * (1 - 2 * rng.uniform(0.05, 0.15)) + along) / 3 + 0.5, 0, 1)
    shadow = np.clip(rng.normal(rng.uniform(2, 18), 3, picture.shape), 0, 40)
    return np.clip(picture * lit + (1 - lit) * shadow, 0, 255).astype(np.uint8)


def written(picture: Gray, rng: np.random.Generator) -> Gray:
    """With one to three lines of text; letters have 2 to 5 % of the long side."""
    result = picture.copy()
    height, width = result.shape
    for _ in range(int(rng.integers(1, 4))):
        tall = rng.uniform(0.02, 0.05) * max(height, width)
        words = "".join(rng.choice(list("ABCDEFGHKLMNPRSTUVXYZ0123456789"), int(rng.integers(5, 12))))
        at = int(rng.uniform(0.02, 0.5) * width), int(rng.uniform(0.06, 0.95) * height)
        ink = np.zeros_like(result)
        cv2.putText(ink, words, at, cv2.FONT_HERSHEY_SIMPLEX, tall / 22, 255, max(1, round(tall / 9)), cv2.LINE_AA)
        tone = 255 if result[ink > 127].mean() < 140 else 0
        result = np.where(ink > 127, tone, result).astype(np.uint8)
    return result


DEFECTS: dict[str, tuple[str, Alter]] = {  # name -> the flag that must find it, and the alteration
    "rotated by 90": ("rotated", alter.rotated_90),
    "rotated by 180": ("rotated", alter.rotated_180),
    "rotated by 270": ("rotated", lambda picture, rng: np.ascontiguousarray(np.rot90(picture))),
    "inverted": ("inverted", alter.inverted),
    "mirrored": ("mirrored", alter.mirrored),
    "border": ("border", alter.bordered),
    "collimated": ("collimated", collimated),
    "text": ("text", written),
    "blurred": ("blurred", fineness.blur),
    "blurred by a square": ("blurred", fineness.box_blur),
    "upscaled": ("upscaled", fineness.upscale),
    "few levels": ("few_levels", alter.few_levels),
    "few levels, JPEG": ("few_levels", lambda picture, rng: jpeg(alter.few_levels(picture, rng))),
}


def jpeg(picture: Gray) -> Gray:
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


# --------------------------------------------------------------------------------------------------------- judging


def judge_synthetic() -> list[Row]:
    """Flags of synthetic films by the shipped networks, which were trained on other synthetic films."""
    rng = np.random.default_rng(SEED)
    networks = shipped_networks()
    return tally(_flags(phantom(number, rng), networks, rng) for number in range(SYNTHETIC))


def phantom(number: int, rng: np.random.Generator) -> Gray:
    """A synthetic frontal film, upright, normal or with COVID-19."""
    anatomy = draw_anatomy(rng, float(rng.uniform(20, 90)), "F" if number % 2 else "M")
    size = int(rng.integers(380, 620)), int(rng.integers(380, 620))
    label, severity = ("covid", float(rng.uniform(0.3, 1))) if number % 2 else ("normal", 0.0)
    exposure = Exposure(*size, 900_000 + number, label, severity, 1, number, number % 3 == 0)
    return np.asarray(frontal(anatomy, exposure)[0], np.uint8)


def judge_real(examples: Sequence[Example]) -> list[Row]:
    """Flags of real films by networks trained without films of the same patients."""
    patients = [example.patient for example in examples]
    rng = np.random.default_rng(SEED)
    flags = []
    for training, judged in GroupKFold(FOLDS).split(patients, groups=patients):
        networks = trained([examples[place] for place in training if examples[place].may_train])
        flags += [_flags(examples[place].picture, networks, rng) for place in judged]
    return tally(flags)


def trained(examples: Sequence[Example]) -> QualityNetworks:
    """Networks trained as the shipped ones, on ``examples`` alone."""
    small = [
        Example(
            np.asarray(shrink(example.picture, film_state.WORK_SIDE)),
            example.view_class,
            example.patient,
            example.source,
            example.name,
            True,
        )
        for example in examples
    ]
    upright, side = film_state.train_upright(small), film_state.train_side(small)
    views = shipped("views")  # this benchmark does not measure which films are frontal
    return QualityNetworks(views, upright, side, fineness.train(examples))


def _flags(picture: Gray, networks: QualityNetworks, rng: np.random.Generator) -> dict[str, list[str]]:
    """Flags of the unaltered film and of every altered one, by name."""
    flags = {"unaltered": set_upright_and_measure(picture, networks)[1].flags}
    for name, (_, change) in DEFECTS.items():
        flags[name] = set_upright_and_measure(change(picture, rng), networks)[1].flags
    return flags


def tally(films: "Sequence[dict[str, list[str]]] | Iterator[dict[str, list[str]]]") -> list[Row]:
    """Per defect: recall, share of false alarms on unaltered films, precision and F1."""
    flags = pd.DataFrame(list(films))
    rows = []
    for name, (flag, _) in DEFECTS.items():
        hits = int(flags[name].map(lambda listed, flag=flag: flag in listed).sum())
        alarms = int(flags["unaltered"].map(lambda listed, flag=flag: flag in listed).sum())
        precision, recall = hits / max(1, hits + alarms), hits / len(flags)
        rows.append(
            {
                "defect": name,
                "films": len(flags),
                "recall": recall,
                "false_alarms": alarms / len(flags),
                "precision": precision,
                "f1": 2 * precision * recall / max(precision + recall, 1e-9),
            }
        )
    return rows


# ----------------------------------------------------------------------------------------------------- cleanvision


def against_cleanvision(films: Sequence[Gray], most: int = 400) -> Row:
    """Seconds of both on the same files with the same processes, and how well each finds the blurred ones."""
    rng = np.random.default_rng(SEED)
    chosen = [films[place] for place in rng.permutation(len(films))[:most]]
    with tempfile.TemporaryDirectory() as folder:
        for number, film in enumerate(chosen):
            for name, picture in (("sharp", film), ("blurred", fineness.blur(film, rng))):
                cv2.imwrite(f"{folder}/{number:04d}-{name}.png", picture)
        paths = sorted(Path(folder).iterdir())
        with open_executor(WORKERS) as executor:
            list(map_images(flags_of_file, paths[:4], executor))  # the processes start before the measurement
            began = time.perf_counter()
            ours = list(map_images(flags_of_file, paths, executor))
            seconds = time.perf_counter() - began
        row: Row = {"files": len(paths), "seconds": seconds, "images_per_s": len(paths) / seconds}
        row["blurred"] = _score(
            {path.name for path, flags in zip(paths, ours, strict=True) if "blurred" in flags}, paths
        )
        try:
            peer = run_peer("cleanvision", "cleanvision_issues", folder)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            return row | {"cleanvision": f"not measured: {last_line(error)}"}
        row["cleanvision"] = {"seconds": peer["seconds"], "blurred": _score(set(peer["blurry"]), paths)}
        return row | {"times_as_long": seconds / peer["seconds"]}


def flags_of_file(path: Path) -> list[str]:
    """Decode one file and compute its flags, as ingest does."""
    gray = decode(path.read_bytes(), max_megapixels=100).gray
    return list(set_upright_and_measure(shrink(gray, POOL_SIDE), shipped_networks())[1].flags)


def _score(flagged: set[str], paths: Sequence[Path]) -> Row:
    planted = {path.name for path in paths if "-blurred" in path.name}
    hits = len(flagged & planted)
    precision, recall = hits / max(1, len(flagged)), hits / len(planted)
    return {"precision": precision, "recall": recall, "f1": 2 * precision * recall / max(precision + recall, 1e-9)}


def show(title: str, rows: Sequence[Row]) -> None:
    print(f"\n{title} films\n{'defect':<18}{'films':>6}{'recall':>8}{'false':>8}{'precision':>11}{'F1':>7}")
    for row in rows:
        values = f"{row['recall']:>8.3f}{row['false_alarms']:>8.3f}{row['precision']:>11.3f}{row['f1']:>7.3f}"
        print(f"{row['defect']:<18}{row['films']:>6}{values}")


if __name__ == "__main__":
    main()
