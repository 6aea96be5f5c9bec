"""Train the networks that tell how a film was saved: ``python -m training.classifiers.upright --help``.

On upright frontal and lateral films whose terms allow it (:mod:`training.classifiers.known_films`), turned, negated and
mirrored here; pictures that are no chest film stand for "leave it as it is" (docs/quality-model-card.md).
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.classifiers.networks import Networks
from pipeline.classifiers.upright import STATES, features_both_ways, set_upright
from pipeline.core.layout import Layout
from pipeline.imaging.borders import without_border
from training.classifiers.altered import alter
from training.classifiers.known_films import Example, Gray, read_examples
from training.classifiers.networks import fit, write_networks
from training.classifiers.not_chest import draw_not_chest, photographs

WORK_SIDE = 256  # px, long side of the films in memory
VERSIONS = {"frontal": 2, "lateral": 12}  # altered copies per film and state
SIDE_VERSIONS = 6
OTHERS = 8  # altered copies of every picture that is no chest film
DRAWN = 1500
SEED = 18


def main() -> None:
    """Train on everything that may be used, and write both files of weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("roots", nargs="+", help="folders with the data/ of finished runs (mirror, sandbox)")
    parser.add_argument("--truth", type=Path, help="CSV with the columns image, view")
    parser.add_argument("--out", type=Path, default=Path("pipeline/classifiers/weights"), help="folder")
    options = parser.parse_args()
    known = [example for root in options.roots for example in read_examples(Layout.at(root), options.truth, WORK_SIDE)]
    examples = [example for example in known if example.may_train]
    write_networks(train_upright(examples), options.out / "upright.npz")
    write_networks(train_side(examples), options.out / "side.npz")


def train_upright(examples: Sequence[Example], seed: int = SEED) -> Networks:
    """Networks that tell ``STATES`` from the features of a thumbnail."""
    rng = np.random.default_rng(seed)
    vectors, targets = [], []
    for example in examples:
        for state, (turn, negative) in enumerate(STATES):
            for _ in range(VERSIONS.get(example.kind, 0)):
                film = saved(without_border(alter(example.picture, rng)), turn, negative)
                vectors.append(features_both_ways(film)[0])
                targets.append(state)
    for picture in _others(examples, rng):
        vectors.append(features_both_ways(without_border(picture))[0])
        targets.append(0)
    return fit(np.stack(vectors), np.array(targets), members=4, hidden=40, decay=0.3, epochs=15, seed=seed)


def train_side(examples: Sequence[Example], seed: int = SEED) -> Networks:
    """Networks that tell a film (0) from a mirrored one (1)."""
    rng = np.random.default_rng(seed)
    vectors, targets = [], []
    for example in examples:
        for _ in range(SIDE_VERSIONS if example.kind == "frontal" else 0):
            both = features_both_ways(without_border(alter(example.picture, rng, mirror=0.0)))
            vectors += list(both)
            targets += [0, 1]
    return fit(np.stack(vectors), np.array(targets), members=4, hidden=40, decay=1.0, epochs=15, seed=seed)


def saved(picture: Gray, turn: int, negative: bool) -> Gray:
    """An upright film as it looks when saved turned by ``turn`` degrees clockwise or as a negative."""
    return np.asarray(set_upright(picture, -turn % 360, negative), np.uint8)


def _others(examples: Sequence[Example], rng: np.random.Generator) -> list[Gray]:
    """What is no chest film, in any position: nothing is to be put right there."""
    films = [example.picture for example in examples if example.kind != "other"]
    photos = photographs()
    pictures = [alter(example.picture, rng) for example in examples if example.kind == "other" for _ in range(OTHERS)]
    return pictures + [alter(draw_not_chest(films, photos, rng), rng) for _ in range(DRAWN)]


if __name__ == "__main__":
    main()
