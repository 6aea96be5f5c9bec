"""Columns of a table that a curation does not use, and what those may mean that should perhaps be used."""

from collections.abc import Iterator, Mapping, Sequence

from pipeline.curate.column import Column
from pipeline.curate.guess import Guess, is_known_label
from sources.core.text import visible

FEWEST_ROWS = 6  # below that, repeated values are no evidence
SHARE_DIFFERENT = (0.1, 0.9)  # different values per row of a column that may name patients
SHARE_KNOWN = 0.3  # of the cells that are words for a label, in a column that may give labels
MOST_LABELS = 50  # different words of such a column
LONGEST_ID = 40  # characters


def unused_columns(columns: Sequence[Column], guess: Guess) -> dict[str, str]:
    """The columns that no meaning was found for: name -> what to add to the profile, or "" if nothing is likely."""
    used = {*guess.findings, *(meaning.column for meaning in guess.columns.values())}
    rest = [column for column in columns if column.name and column.name not in used]
    return {column.name: _proposal(column, guess) for column in rest}


def unused_lines(unused: Mapping[str, str]) -> Iterator[str]:
    """The columns that are not used, and what to add to the profile."""
    if unused:
        yield f"not used: {', '.join(visible(name[:LONGEST_ID]) for name in unused)}"
    for proposal in filter(None, unused.values()):
        yield f"  {visible(proposal)} to `columns` in the profile"


def _proposal(column: Column, guess: Guess) -> str:
    if "label" not in guess.columns and not guess.findings and _may_give_labels(column):
        return f"{column.name} may give labels; add `label: {column.name}`"
    if "patient_id" not in guess.columns and _may_name_patients(column):
        return f"{column.name} may name patients; add `patient_id: {column.name}`"
    return ""


def _may_give_labels(column: Column) -> bool:
    return 1 < len(column.words) <= MOST_LABELS and column.share(is_known_label) >= SHARE_KNOWN


def _may_name_patients(column: Column) -> bool:
    """Do its values repeat over rows, and look like ids: one short word each, with a digit, but no measurement?"""
    least, most = SHARE_DIFFERENT
    is_repeated = column.filled >= FEWEST_ROWS and least <= len(column.words) / column.filled <= most
    return is_repeated and column.share(_is_id) == 1.0 and column.share(_is_small_number) != 1.0


def _is_id(word: str) -> bool:
    return len(word) <= LONGEST_ID and " " not in word and any(map(str.isdigit, word)) and not set(word) & set(".,:/%")


def _is_small_number(word: str) -> bool:
    """A number as ages, days and scores have, and not ids."""
    return word.lstrip("+-").isdigit() and len(word.lstrip("+-")) < 4
