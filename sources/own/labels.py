"""Labels of a user's own table: the profile maps words, whatever their case and spaces, one or several per cell."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sources.core.items import LABELS
from sources.own.cells import is_placeholder
from sources.own.names import same_form

NORMAL = "normal"
_LIST = re.compile(r"\[(.*)\]", re.DOTALL)  # how Python writes a list (PadChest)
_ENTRY = re.compile(r"'([^']*)'|\"([^\"]*)\"|([^,'\"\s][^,]*)")


@dataclass(frozen=True)
class Reading:
    """What a cell says.

    Attributes:
        labels: the labels of its words.
        unmapped: its words that have none.
    """

    labels: frozenset[str]
    unmapped: tuple[str, ...]

    @property
    def label(self) -> str | None:
        """The one label; None if there is none, or several, or ``normal`` beside a word that is not mapped."""
        return one_label([self])


class LabelWords:
    """The words that have a label: those of the profile, and our own labels.

    Args:
        words: word -> label.
    """

    def __init__(self, words: Mapping[str, str]) -> None:
        own = {label: label for label in LABELS}
        self._labels = own | {same_word(word): label for word, label in words.items()}

    def read(self, cells: Sequence[str]) -> tuple[list[Reading], Counter[str]]:
        """What every cell says, and how often each word occurs that is not mapped."""
        counts = Counter(cells)
        readings = {cell: self._reading(cell) for cell in counts}
        unmapped: Counter[str] = Counter()
        for cell, reading in readings.items():
            for word in reading.unmapped:
                unmapped[word] += counts[cell]
        return [readings[cell] for cell in cells], unmapped

    def _reading(self, cell: str) -> Reading:
        if (label := self._labels.get(same_word(cell))) is not None:  # also of a word that is a placeholder elsewhere
            return Reading(frozenset((label,)), ())
        words = [word for word in _words(cell) if same_word(word) in self._labels or not is_placeholder(word)]
        labels = frozenset(self._labels[same_word(word)] for word in words if same_word(word) in self._labels)
        return Reading(labels, tuple(word for word in words if same_word(word) not in self._labels))


def one_label(readings: Sequence[Reading]) -> str | None:
    """The label on which all agree, if one states any; ``normal`` agrees with no word that is not mapped."""
    labels = frozenset().union(*(reading.labels for reading in readings))
    if len(labels) != 1 or is_conflict(readings):
        return None
    return next(iter(labels))


def is_conflict(readings: Sequence[Reading]) -> bool:
    """Do several labels stand side by side, or ``normal`` and something else?"""
    labels = frozenset[str]().union(*(reading.labels for reading in readings))
    return len(labels) > 1 or (NORMAL in labels and any(reading.unmapped for reading in readings))


def _words(cell: str) -> list[str]:
    """The words of a cell: a list of Python, several beside ``|``, or one."""
    if listed := _LIST.fullmatch(cell):
        return [(one or two or three).strip() for one, two, three in _ENTRY.findall(listed[1])]
    return [word.strip() for word in cell.split("|")]


def same_word(word: str) -> str:
    """A word without what makes no difference: case, spaces, and the point of a whole number."""
    plain = " ".join(same_form(word).replace("_", " ").split())
    return plain[: plain.index(".")] if re.fullmatch(r"-?\d+\.0+", plain) else plain
