"""Whether the labels are divided among train, val and test as all films are."""

from collections.abc import Iterator

import pandas as pd

SPLITS = ("train", "val", "test")
PEDIATRIC = "pediatric"  # a split beside them, of films of children that are set apart
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
        uneven = [split for split in SPLITS if _is_uneven(int(films[split]), int(sizes[split]), share)]
        if uneven:
            parts = [_part(split, int(films[split]), int(sizes[split])) for split in uneven]
            yield (
                f"{label} is {share:.0%} of the films with a label ({films.sum():,} of {total:,}), but "
                f"{' and '.join(parts)}"
            )


def _is_uneven(films: int, size: int, share: float) -> bool:
    """Has a split no film of a label, or a share that differs much from the label's ``share`` of all films?"""
    if not films:
        return True
    expected = size * share
    times = max(films / expected, expected / films)
    return abs(films / size - share) > MOST_POINTS or (expected >= LEAST_EXPECTED and times > MOST_TIMES)


def _part(split: str, films: int, size: int) -> str:
    return f"{films / size:.0%} of {split} ({films:,} of {size:,})" if films else f"none of {split} (0 of {size:,})"
