"""Labels that the paths of films name: folders called COVID and NORMAL, or files called COVID-12.png."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.curate.guess import FEW_WORDS, is_known_label, known_labels
from sources.own.labels import same_word

LAYOUTS = (  # the nearest folder first: sets are often divided again above it (train, test), or below (images)
    r"(?:^|/)(?P<label>[^/]+)/[^/]+$",
    r"(?:^|/)(?P<label>[^/]+)/[^/]+/[^/]+$",
    r"(?:^|/)(?P<label>[^/]+)/[^/]+/[^/]+/[^/]+$",
    r"(?:^|/)(?P<label>[A-Za-z][^/]*?)[ _-]*\(?\d+\)?\.[^/]*$",
)
SHARE = 0.8  # of the paths that a layout must fit


@dataclass(frozen=True)
class PathLabels:
    """What paths say.

    Attributes:
        pattern: finds the word for a label in a path.
        labels: word -> one of our labels.
        words: words that stand for none, with the number of their films.
    """

    pattern: str
    labels: dict[str, str]
    words: dict[str, int]


def find_path_labels(places: Sequence[str]) -> PathLabels | None:
    """The first layout that fits most paths, and whose few words stand for two labels or more; None if none does."""
    for layout in LAYOUTS:
        pattern = re.compile(layout)
        words = Counter(match["label"] for place in places if (match := pattern.search(place)))
        kinds = {same_word(word) for word in words}
        if words.total() < SHARE * len(places) or len(kinds) > FEW_WORDS:
            continue
        labels = known_labels(words)
        if len({label for word, label in labels.items() if is_known_label(word)}) > 1:
            rest = {word: count for word, count in words.most_common() if word not in labels}
            return PathLabels(layout, labels, rest)
    return None
