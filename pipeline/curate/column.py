"""One column of a table, as a curation looks through it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from sources.own.places import FileIndex

DISTINCT_KEPT = 5000  # different cells that are counted per column


@dataclass
class Column:
    """One column of a table, looked through cell by cell.

    Attributes:
        name: as the table writes it.
        words: how often each cell occurs; only the first :data:`DISTINCT_KEPT` different ones are counted.
        filled: cells that are not empty.
        files: the files that cells name.
    """

    name: str
    words: Counter[str] = field(default_factory=Counter)
    filled: int = 0
    files: set[str] = field(default_factory=set)

    @property
    def is_whole(self) -> bool:
        """Are all different cells counted?"""
        return len(self.words) < DISTINCT_KEPT

    def add(self, word: str, files: FileIndex) -> None:
        """Count a cell that is not empty, and the file that it names."""
        self.filled += 1
        is_known = word in self.words
        if is_known or len(self.words) < DISTINCT_KEPT:
            self.words[word] += 1
        if not is_known and (file := files.file_of(word)) is not None:
            self.files.add(file)

    def share(self, fits: Callable[[str], bool]) -> float:
        """The share of the counted cells that fit."""
        total = self.words.total()
        return sum(count for word, count in self.words.items() if fits(word)) / total if total else 0.0
