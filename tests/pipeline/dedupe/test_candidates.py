import numpy as np
import pytest
from exposures import CHANGES, cropped, draw_exposure, inverted, jpeg, mirrored

from pipeline.core.params import DedupeParams
from pipeline.dedupe.candidates import find_candidates, most_likely
from pipeline.dedupe.films import FilmStore, measure
from pipeline.dedupe.verdicts import prove_candidates
from pipeline.dedupe.votes import agreements, bits_per_key

PARAMS = DedupeParams()


def films_of(pictures):
    return FilmStore(len(pictures)).extend(measure(picture) for picture in pictures)


@pytest.fixture(scope="module")
def exposures():
    return [draw_exposure(seed) for seed in range(6)]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_a_candidate(exposures, change):
    with films_of([*exposures, CHANGES[change](exposures[3])]) as films:
        pairs = [(candidate.first, candidate.second) for candidate in find_candidates(films, PARAMS)]
    assert (3, 6) in pairs


def test_a_crop_is_found_by_features_alone(exposures):
    with films_of([*exposures, jpeg(cropped(exposures[2], 0.6, left=0.9, top=0.1))]) as films:
        found_by = {(entry.first, entry.second): entry.found_by for entry in find_candidates(films, PARAMS)}
    assert found_by[2, 6] == "features"


def test_mirrored_and_inverted_copy_votes_for_that_change(exposures):
    with films_of([*exposures, inverted(mirrored(cropped(exposures[1], 0.7)))]) as films:
        result = agreements(films, 4)
    best = int(np.argmax(np.where((result.first == 1) & (result.second == 6), result.votes, -1)))
    assert (bool(result.mirrored[best]), bool(result.inverted[best])) == (True, True)
    assert result.votes[best] >= 20


def test_order_of_films_does_not_matter_to_what_is_proven(exposures):
    """A few chance agreements may make a candidate in one order only, but no copy is lost."""
    pictures = [*exposures, cropped(exposures[0]), CHANGES["contrast"](exposures[4])]
    order = [5, 7, 0, 3, 6, 1, 4, 2]
    with films_of(pictures) as films, films_of([pictures[place] for place in order]) as shuffled:
        plain, turned = (
            prove_candidates(some, find_candidates(some, PARAMS), PARAMS, None).proven for some in (films, shuffled)
        )
    assert {tuple(sorted((order[a], order[b]))) for a, b in turned} == plain.keys() == {(0, 6), (4, 7)}


@pytest.mark.parametrize("pictures", [[], [np.zeros((64, 64), np.uint8)], [np.full((64, 90), 7, np.uint8)] * 2])
def test_films_without_features_are_no_error(pictures):
    with films_of(pictures) as films:
        assert len(agreements(films, 1).first) == 0
        assert all(entry.found_by == "hash" for entry in find_candidates(films, PARAMS))


def test_each_film_contributes_only_its_most_likely_candidates():
    pairs = np.array([[0, other] for other in range(1, 9)] + [[9, 10]])
    costs = np.array([5, 1, 7, 2, 8, 3, 6, 4, 9])
    kept = most_likely(pairs, costs, 2)
    # film 0 contributes its two cheapest pairs; each other film has one pair, which is among its own two
    assert len(kept) == 9
    crowd = np.array([[a, b] for a in range(12) for b in range(a + 1, 12)])
    few = most_likely(crowd, np.arange(len(crowd)), 2)
    assert len(few) <= 2 * 12


def test_keys_grow_with_the_collection():
    assert bits_per_key(10) == bits_per_key(1000) == 28
    assert 28 < bits_per_key(112_120) < bits_per_key(1_000_000) <= 64
