"""What may be done with films, and with the models that learned from them."""

import pandas as pd
import pytest

from pipeline.core.terms import terms_of, terms_sentence

FREE, ALIKE, NONCOMMERCIAL, UNKNOWN = (
    ("CC-BY-4.0", True),
    ("CC-BY-SA-4.0", True),
    ("CC-BY-NC-SA-3.0", True),
    (None, None),
)


def rows(*films):
    return pd.DataFrame(
        [(source, *terms) for source, terms in films], columns=["source", "licence", "redistributable"]
    ).astype({"redistributable": "boolean"})


def test_films_are_counted_by_class_and_source():
    films = rows(("a", FREE), ("b", NONCOMMERCIAL), ("a", NONCOMMERCIAL), ("b", NONCOMMERCIAL), ("c", UNKNOWN))
    assert terms_of(films) == {"open": {"a": 1}, "noncommercial": {"a": 1, "b": 2}, "closed": {"c": 1}}
    assert sum(sum(each.values()) for each in terms_of(films).values()) == len(films)


@pytest.mark.parametrize(
    ("films", "sentence"),
    [
        ([("a", FREE)], "any use, with credit to the authors of its films"),
        ([("a", FREE), ("b", ALIKE)], "share alike, because of 1 film of b"),
        ([("b", NONCOMMERCIAL)] * 2 + [("a", NONCOMMERCIAL)], "non-commercial, because of 1 film of a, 2 films of b"),
        (
            [("c", UNKNOWN), ("b", NONCOMMERCIAL)],
            "ask the owners before you pass it on, because of 1 film of c; non-commercial, because of 1 film of b",
        ),
    ],
)
def test_the_strictest_films_decide(films, sentence):
    assert terms_sentence(terms_of(rows(*films))) == sentence


def test_no_films_no_claim():
    assert terms_sentence({}) == "the terms of its films are not known"
