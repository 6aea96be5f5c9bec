"""Whether the labels are divided among train, val and test as all films are."""

from collections.abc import Iterator

import pandas as pd

from sources.core.text import counted

SPLITS = ("train", "val", "test")
MOST_POINTS = 0.1  # by which the share of a label in a split may differ from its share of all films
MOST_TIMES = 2.0  # the same as a factor, where chance alone does not explain it:
LEAST_EXPECTED = 10  # films that the split would have, were the label divided evenly


def gaps(rows: pd.DataFrame) -> list[str]:
    """A clause for each label without a film in train, val or test."""
    present = set(zip(rows["label"], rows["split"], strict=True))
    labels = sorted(rows.loc[rows["split"].isin(SPLITS), "label"].dropna().unique())
    return [f"no {label} film in {split}" for label in labels for split in SPLITS if (label, split) not in present]


def balance_warning(rows: pd.DataFrame) -> str | None:
    """What is uneven in a split, as one sentence with the numbers; None if nothing is.

    Args:
        rows: kept films with ``label`` and ``split``; films without a label and external ones do not count.
    """
    counted_rows = rows[rows["split"].isin(SPLITS) & rows["label"].notna()]
    clauses = list(_clauses(pd.crosstab(counted_rows["label"], counted_rows["split"])))
    if not clauses:
        return None
    return (
        f"The split is uneven: {'; '.join(clauses)}. Add films, or choose larger shares or another seed under `split` "
        "in the profile."
    )


def _clauses(counts: pd.DataFrame) -> Iterator[str]:
    """What is uneven, label by label; ``counts`` has the films by label and split."""
    counts = counts.reindex(columns=list(SPLITS), fill_value=0).sort_index()
    sizes, total = counts.sum(), int(counts.to_numpy().sum())
    for label, films in counts.iterrows():
        share = films.sum() / total
        absent = [split for split in SPLITS if not films[split]]
        if absent:
            yield f"no {label} film in {' and '.join(absent)} ({counted(int(films.sum()), 'film')} in all)"
        for split in SPLITS:
            if films[split] and _is_uneven(int(films[split]), int(sizes[split]), share):
                part = f"{films[split] / sizes[split]:.0%} of {split} ({films[split]:,} of {sizes[split]:,})"
                yield f"{label} is {part}, but {share:.0%} of all films with a label"


def _is_uneven(films: int, size: int, share: float) -> bool:
    expected = size * share
    times = max(films / expected, expected / films)
    return abs(films / size - share) > MOST_POINTS or (expected >= LEAST_EXPECTED and times > MOST_TIMES)
