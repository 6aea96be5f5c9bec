"""What attributes tell of the label without any picture: associations, missing values, and which cells to mend."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

LEAST = 20  # films of a source that is worth a line


@dataclass(frozen=True)
class Link:
    """How an attribute and the label go together.

    Attributes:
        attribute: source, view, ...
        cramers_v: Cramér's V, bias-corrected (Bergsma 2013, doi:10.1016/j.jkss.2012.10.002): 0 = unrelated, 1 = one
            determines the other.
        guessed: share of films whose label is right if every value's most frequent label is guessed.
        chance: the same if the most frequent label is always guessed.
        determined: share of films whose value occurs with a single label.
    """

    attribute: str
    cramers_v: float
    guessed: float
    chance: float
    determined: float


@dataclass(frozen=True)
class Remedy:
    """Leaving out or balancing a source, and what comes of it: Cramér's V of source and label afterwards."""

    source: str
    films: int
    label: str
    advice: str
    cramers_v: float


def link(attribute: str, values: "pd.Series[str]", labels: "pd.Series[str]") -> Link | None:
    """The association of an attribute with the label, over films where both are known; None if one has no choice."""
    known = values.notna() & labels.notna()
    table = pd.crosstab(values[known], labels[known])
    if min(table.shape, default=0) < 2:
        return None
    total, best = table.to_numpy().sum(), table.max(axis=1)
    return Link(
        attribute,
        round(cramers_v(table), 4),
        round(float(best.sum() / total), 4),
        round(float(table.sum().max() / total), 4),
        round(float(best[best == table.sum(axis=1)].sum() / total), 4),
    )


def cramers_v(table: pd.DataFrame) -> float:
    """Cramér's V of a table of counts, corrected for its bias; 0 without two rows and columns."""
    counts = table.to_numpy(float)
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    rows, columns = counts.shape
    total = counts.sum()
    if min(rows, columns) < 2 or total < 2:
        return 0.0
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / total
    phi = ((counts - expected) ** 2 / expected).sum() / total
    corrected = max(0.0, phi - (rows - 1) * (columns - 1) / (total - 1))
    rows_c, columns_c = (side - (side - 1) ** 2 / (total - 1) for side in (rows, columns))
    least = min(rows_c, columns_c) - 1
    return float(np.sqrt(corrected / least)) if least > 0 else 0.0


def remedies(sources: "pd.Series[str]", labels: "pd.Series[str]") -> list[Remedy]:
    """For each source with one label (almost) only: what to do, best first."""
    known = labels.notna()
    table = pd.crosstab(sources[known], labels[known])
    found = []
    for source, row in table.iterrows():
        total, most = int(row.sum()), int(row.max())
        if total < LEAST or most < 0.9 * total:
            continue
        label = str(row.idxmax())
        others = ", ".join(str(name) for name in table.columns if name != label)
        after = cramers_v(table.drop(index=source))
        advice = (
            f"add films of {source} that are {others}, or leave its {total:,} films out (split.external tests on them)"
        )
        found.append(Remedy(str(source), total, label, advice, round(after, 4)))
    return sorted(found, key=lambda each: (each.cramers_v, each.source))
