"""The command line that the training scripts share."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.layout import Layout
from training.classifiers.known_films import Example, read_examples


@dataclass(frozen=True)
class Arguments:
    """Arguments of a training script.

    Attributes:
        roots: folders with the ``data/`` of finished runs.
        views: CSV of known views, or None; see :func:`training.classifiers.known_films.read_examples`.
        out: file or folder for the weights.
    """

    roots: tuple[str, ...]
    views: Path | None
    out: Path

    def examples(self, long_side: int) -> Iterator[Example]:
        """The films of all runs that may be used for training, at most ``long_side`` px long."""
        for root in self.roots:
            for example in read_examples(Layout.at(root), self.views, long_side):
                if example.may_train:
                    yield example


def parse_arguments(description: str, out: str) -> Arguments:
    """Parse the command line.

    Args:
        description: docstring of the script; the help shows its first line.
        out: default place of the weights.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("roots", nargs="+", help="folders with the data/ of finished runs, e.g. of the mirror profile")
    parser.add_argument("--truth", type=Path, help="CSV of known views, with the columns image and view")
    parser.add_argument("--out", type=Path, default=Path(out), help="where to write the weights (default: %(default)s)")
    options = parser.parse_args()
    return Arguments(tuple(options.roots), options.truth, options.out)
