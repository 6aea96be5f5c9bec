"""Train the network that finds the lungs of a film.

It learns from films with masks of two origins and from synthetic films. Only films whose terms allow it are used
(:mod:`training.classifiers.known_films`), and a fifth of the patients is held out; results are in
docs/lung-model-card.md.

Run: ``python -m training.classifiers.lungs ROOT... --masks masks.csv`` where ROOT holds the ``data/`` of a run up to
dedupe. It takes half an hour on two cores.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import keras

from pipeline.classifiers.lungs import VERSION, LungFacts
from pipeline.core.layout import Layout
from sources.core.storage import atomic
from training.classifiers.known_lungs import draw_lungs, read_known_lungs
from training.core import backend
from training.export.onnx import to_onnx
from training.models.lung_net import lung_net
from training.segment.films import MaskedFilm
from training.segment.fit import fit

WORK_SIDE = 320  # px, long side of the films in memory
FACTS = LungFacts(VERSION, size=192, definitions=("visible", "whole"))
SYNTHETIC = 60  # films
EPOCHS = 200
SEED = 18


def main() -> None:
    """Train on all films that may be used and are not held out, and write the network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("roots", nargs="+", help="folders with the data/ of finished runs, e.g. of the mirror profile")
    parser.add_argument("--masks", type=Path, required=True, help="CSV with the columns image, mask and origin")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--out", type=Path, default=Path("pipeline/classifiers/weights/lungs.onnx"))
    options = parser.parse_args()
    known = [one for root in options.roots for one in read_known_lungs(Layout.at(root), options.masks, WORK_SIDE)]
    films = [one.to_masked() for one in known if not one.is_held_out]
    print(f"{len(films)} real films to train on, {len(known) - len(films)} held out")
    network = train([*(film for film in films if film.masks), *draw_lungs(SYNTHETIC, SEED)], options.epochs)
    with atomic(options.out) as file:
        file.write(to_onnx(network, FACTS.to_metadata()))


def train(films: Sequence[MaskedFilm], epochs: int, seed: int = SEED) -> keras.Model:
    """Train a network for :data:`FACTS` on films."""
    backend.start(seed)
    network = lung_net(FACTS.size, len(FACTS.definitions))
    losses = fit(network, films, FACTS.definitions, epochs=epochs, seed=seed)
    print(f"loss by epoch: {', '.join(f'{loss:.3f}' for loss in losses)}")
    return network


if __name__ == "__main__":
    main()
