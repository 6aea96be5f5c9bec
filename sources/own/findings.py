"""Labels from columns that are called like findings and answered by yes or no, as those of CheXpert."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from sources.own.cells import is_placeholder
from sources.own.table import Table

YES = frozenset(("yes", "y", "1", "1.0", "true", "t", "positive", "pos", "x"))
NO = frozenset(("no", "n", "0", "0.0", "false", "f", "negative", "neg"))
UNCERTAIN = frozenset(("-1", "-1.0", "uncertain"))  # as in CheXpert and MIMIC
BETWEEN = "|"  # the findings of a film, as in NIH's table
_COLUMN = "finding: "  # begins our name of such a column


def names_of(columns: Sequence[str]) -> dict[str, str]:
    """Our names of such columns -> the table's."""
    return {f"{_COLUMN}{column}": column for column in columns}


def with_labels(table: Table, columns: Sequence[str]) -> Table:
    """The table with a column of labels: the names of all findings that a row affirms.

    What is uncertain, denied or not answered is no finding; other answers are none either, and are noted.
    """
    rows: list[list[str]] = [[] for _ in range(table.rows)]
    uncertain, odd = 0, Counter[str]()
    for ours, column in names_of(columns).items():
        word = column.replace(BETWEEN, "/")
        for row, answer in enumerate(map(str.lower, table.column(ours))):
            if answer in YES:
                rows[row].append(word)
            elif answer in UNCERTAIN:
                uncertain += 1
            elif answer not in NO and not is_placeholder(answer):
                odd[answer] += 1
    notes = [f"label_columns: uncertain answers (-1) are no findings: {uncertain:,}."] if uncertain else []
    if odd:
        named = ", ".join(f"'{answer[:60]}' ({count:,})" for answer, count in odd.most_common(3))
        notes.append(f"label_columns: neither yes nor no, and no finding: {named}{', ...' if len(odd) > 3 else ''}.")
    labels: dict[str, str] = {}
    cells = [labels.setdefault(text, text) for text in map(BETWEEN.join, rows)]
    return replace(table, cells={**table.cells, "label": cells}, notes=[*table.notes, *notes])
