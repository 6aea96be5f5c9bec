"""The merged cells of an Excel sheet: they stand behind its rows, where a reader that streams the rows ignores them."""

import re
from dataclasses import dataclass
from typing import Any

BLOCK = 1 << 20
LONGEST_TAG = 200  # bytes
MOST_MERGES = 200_000  # of a sheet
_MERGE = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]{1,3})(\d{1,7}):[A-Z]{1,3}(\d{1,7})"')


@dataclass(frozen=True, order=True)
class Merge:
    """A cell that reaches over several rows: the first and the last of them, and the index of its first column."""

    first: int
    last: int
    column: int


def merged_rows(book: Any, sheet: Any) -> list[Merge]:
    """The merged cells of a sheet that reach over several rows; a file with too many is read without them."""
    found: set[Merge] = set()
    rest = b""
    with book._archive.open(sheet._worksheet_path) as file:  # openpyxl reads them only together with the whole sheet
        while block := file.read(BLOCK):
            text = rest + block
            for letters, first, last in _MERGE.findall(text):
                if first != last and len(found) < MOST_MERGES:
                    found.add(Merge(int(first), int(last), _index(letters)))
            rest = text[-LONGEST_TAG:]
    return sorted(found)


def _index(letters: bytes) -> int:
    """The index of a column: A is 0, AA is 26."""
    number = 0
    for letter in letters:
        number = 26 * number + letter - ord("A") + 1
    return number - 1
