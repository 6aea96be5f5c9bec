"""Train the networks that detect rotated, inverted and mirrored films.

They learn from upright frontal and lateral films that are rotated, inverted and mirrored here. Pictures of other things
are examples of "leave it as it is". Only films whose terms allow it are used (:mod:`training.classifiers.known_films`);
results are in docs/quality-model-card.md.

Run: ``python -m training.classifiers.upright ROOT... --truth views.csv``.
"""

from collections.abc import Sequence

import numpy as np

from pipeline.classifiers.networks import Networks
from pipeline.classifiers.upright import STATES, features_both_ways, set_upright
from pipeline.imaging.arrays import Gray
from pipeline.imaging.borders import without_border
from training.classifiers.altered import alter
from training.classifiers.command import parse_arguments
from training.classifiers.known_films import Example
from training.classifiers.networks import fit, write_networks
from training.classifiers.not_chest import draw_not_chest, photographs

WORK_SIDE = 256  # px, long side of the films in memory
VERSIONS = {"frontal": 2, "lateral": 12}  # altered copies of each film in each state
SIDE_VERSIONS = 6  # altered copies of each frontal film for the networks that recognize mirrored films
OTHER_VERSIONS = 8  # altered copies of each known picture that is not a chest film
SYNTHETIC = 1500  # synthetic pictures that are not chest films
SEED = 18


def main() -> None:
    """Train on all films that may be used and write both files of weights."""
    arguments = parse_arguments(__doc__, out="pipeline/classifiers/weights")
    examples = list(arguments.examples(WORK_SIDE))
    write_networks(train_upright(examples), arguments.out / "upright.npz")
    write_networks(train_side(examples), arguments.out / "side.npz")


def train_upright(examples: Sequence[Example], seed: int = SEED) -> Networks:
    """Train networks over :data:`pipeline.classifiers.upright.STATES` that work on the features of a thumbnail."""
    rng = np.random.default_rng(seed)
    vectors, targets = [], []
    for example in examples:
        for state, (rotation, inverted) in enumerate(STATES):
            for _ in range(VERSIONS.get(example.view_class, 0)):
                film = put_in_state(without_border(alter(example.picture, rng)), rotation, inverted)
                vectors.append(features_both_ways(film)[0])
                targets.append(state)
    for picture in _others(examples, rng):
        vectors.append(features_both_ways(without_border(picture))[0])
        targets.append(0)
    return fit(np.stack(vectors), np.array(targets), members=4, hidden=40, decay=0.3, epochs=15, seed=seed)


def train_side(examples: Sequence[Example], seed: int = SEED) -> Networks:
    """Train networks over (as it should be, mirrored) that work on the features of a thumbnail."""
    rng = np.random.default_rng(seed)
    vectors, targets = [], []
    for example in examples:
        for _ in range(SIDE_VERSIONS if example.view_class == "frontal" else 0):
            vectors += list(features_both_ways(without_border(alter(example.picture, rng, mirror=0.0))))
            targets += [0, 1]
    return fit(np.stack(vectors), np.array(targets), members=4, hidden=40, decay=1.0, epochs=15, seed=seed)


def put_in_state(upright: Gray, rotation: int, inverted: bool) -> Gray:
    """Rotate an upright film clockwise by ``rotation`` degrees, a multiple of 90, and invert it if ``inverted``."""
    return set_upright(upright, -rotation % 360, inverted)


def _others(examples: Sequence[Example], rng: np.random.Generator) -> list[Gray]:
    """Pictures that are not chest films, in any orientation: the pipeline must leave them as they are."""
    films = [example.picture for example in examples if example.view_class != "other"]
    others = [example.picture for example in examples if example.view_class == "other"]
    photos = photographs()
    pictures = [alter(picture, rng) for picture in others for _ in range(OTHER_VERSIONS)]
    return pictures + [alter(draw_not_chest(films, photos, rng), rng) for _ in range(SYNTHETIC)]


if __name__ == "__main__":
    main()
