"""What a person should know about a folder and its table, one sentence each."""

from collections import Counter
from collections.abc import Iterator, Sequence

from sources.core.text import counted, visible
from sources.own.films import Remarks

NAMED = 5  # words, or kinds of files, that a message names


def passed_over(counts: Counter[str]) -> Iterator[str]:
    """Which files were not looked at, by kind."""
    total = counts.total()
    if total:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in counts.most_common(2 * NAMED) if count)
        more = ", ..." if len(+counts) > 2 * NAMED else ""
        what = "is not an image" if total == 1 else "are not images"
        yield f"{counted(total, 'file')} passed over that {what} ({kinds}{more})."


def about_rows(notes: Sequence[str], sums: int) -> Iterator[str]:
    """What was noted while the rows were read, and how many count the others instead of naming a film."""
    yield from notes
    if sums:
        yield f"{counted(sums, 'row')} with a sum of the others and no file left out."


def about_table(remarks: Remarks) -> Iterator[str]:
    """Words without a label or a meaning, and rows of one film that disagree."""
    if remarks.unmapped:
        yield f"no label for {_named(remarks.unmapped)}; `labels` of the folder in the profile maps words."
    for column, words in remarks.unknown.items():
        yield f"{column}: not understood, and left empty: {_named(words)}."
    if remarks.conflicts:
        counts = ", ".join(f"{column} ({count:,})" for column, count in remarks.conflicts.most_common())
        examples = "; ".join(
            f"{column} of {visible(film)}: {_listed(values)}" for column, (film, values) in remarks.examples.items()
        )
        yield (
            f"rows of one film disagree, and its value is left empty, for so many films: {counts}; for example "
            f"{examples}."
        )


def _listed(values: Sequence[str]) -> str:
    """The first of some values that disagree."""
    return " and ".join(f"'{visible(value[:60])}'" for value in values[:NAMED])


def _named(words: Counter[str]) -> str:
    """The most frequent words with their counts."""
    first = sorted(words.items(), key=lambda entry: (-entry[1], entry[0]))[:NAMED]
    named = ", ".join(f"'{visible(word[:60])}' ({count:,})" for word, count in first)
    return named + (f", and {len(words) - NAMED:,} more words" if len(words) > NAMED else "")
