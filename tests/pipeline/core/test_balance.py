"""Whether the labels of a split are divided as all films are."""

import pandas as pd
import pytest

from pipeline.core.balance import balance_warning, gaps


def divided(**labels):
    """Films by label: each has its numbers in train, val and test."""
    rows = [
        (label, split)
        for label, counts in labels.items()
        for split, count in zip(("train", "val", "test"), counts, strict=True)
        for _ in range(count)
    ]
    return pd.DataFrame(rows, columns=["label", "split"])


def test_an_even_split_is_not_warned_of():
    assert balance_warning(divided(covid=(65, 15, 20), normal=(130, 30, 40))) is None
    assert balance_warning(divided(covid=(6, 1, 3), normal=(590, 149, 251))) is None  # chance alone explains it
    assert balance_warning(divided(covid=(1, 1, 1))) is None
    assert balance_warning(divided()) is None


def test_a_label_in_one_split_only_is_told_with_its_films():
    rows = divided(covid=(3, 0, 0), normal=(60, 15, 20))
    assert gaps(rows) == ["no covid film in val", "no covid film in test"]
    assert (
        "uneven: covid is 3% of the films with a label (3 of 98), but none of val (0 of 15) and none of test (0 of 20)."
        in balance_warning(rows)
    )


@pytest.mark.parametrize(
    ("rows", "clause"),
    [
        (divided(covid=(10, 5, 2), normal=(55, 10, 18)), "(17 of 100), but 33% of val (5 of 15)"),
        (divided(covid=(300, 60, 35), normal=(6000, 1440, 1965)), "(395 of 9,800), but 2% of test (35 of 2,000)"),
    ],
)
def test_a_share_that_differs_much_is_told_with_its_numbers(rows, clause):
    assert clause in balance_warning(rows)


def test_films_without_a_label_and_external_ones_do_not_count():
    even = divided(covid=(65, 15, 20), normal=(65, 15, 20))
    others = pd.DataFrame({"label": [None] * 50 + ["cap"] * 50, "split": ["val"] * 50 + ["external"] * 50})
    assert balance_warning(pd.concat([even, others])) is None
