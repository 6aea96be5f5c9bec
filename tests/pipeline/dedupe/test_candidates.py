import numpy as np
import pytest
from exposures import CHANGES, cropped, draw_exposure, inverted, jpeg, mirrored

from pipeline.core.params import DedupeParams
from pipeline.dedupe.candidates import find_candidates, likeliest
from pipeline.dedupe.films import Films, measure
from pipeline.dedupe.verdicts import judge
from pipeline.dedupe.votes import agreements, bits_per_key

PARAMS = DedupeParams()


def films_of(pictures):
    return Films(len(pictures)).extend(measure(picture) for picture in pictures)


@pytest.fixture(scope="module")
def exposures():
    return [draw_exposure(seed) for seed in range(6)]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_caught(exposures, change):
    with films_of([*exposures, CHANGES[change](exposures[3])]) as films:
        caught = {(entry.first, entry.second): entry for entry in find_candidates(films, DedupeParams())}
    assert (3, 6) in caught


def test_crop_is_caught_by_features_alone(exposures):
    with films_of([*exposures, jpeg(cropped(exposures[2], 0.6, left=0.9, top=0.1))]) as films:
        caught = {(entry.first, entry.second): entry.net for entry in find_candidates(films, DedupeParams())}
    assert caught[2, 6] == "features"


def test_mirrored_and_inverted_copy_votes_for_that_change(exposures):
    with films_of([*exposures, inverted(mirrored(cropped(exposures[1], 0.7)))]) as films:
        found = agreements(films, 4)
    best = int(np.argmax(np.where((found.first == 1) & (found.second == 6), found.votes, -1)))
    assert (bool(found.mirrored[best]), bool(found.inverted[best])) == (True, True)
    assert found.votes[best] >= 20


def test_order_of_films_does_not_matter_to_what_is_proven(exposures):
    """Few agreements by chance may make a candidate in one order only; no copy is lost by it."""
    pictures = [*exposures, cropped(exposures[0]), CHANGES["contrast"](exposures[4])]
    order = [5, 7, 0, 3, 6, 1, 4, 2]
    with films_of(pictures) as films, films_of([pictures[place] for place in order]) as shuffled:
        plain, turned = (judge(some, find_candidates(some, PARAMS), PARAMS, None).proven for some in (films, shuffled))
    assert {tuple(sorted((order[a], order[b]))) for a, b in turned} == plain.keys() == {(0, 6), (4, 7)}


@pytest.mark.parametrize("pictures", [[], [np.zeros((64, 64), np.uint8)], [np.full((64, 90), 7, np.uint8)] * 2])
def test_films_without_features_are_no_error(pictures):
    with films_of(pictures) as films:
        assert len(agreements(films, 1).first) == 0
        assert all(entry.net == "hash" for entry in find_candidates(films, DedupeParams()))


def test_each_film_brings_only_its_likeliest_candidates():
    pairs = np.array([[0, other] for other in range(1, 9)] + [[9, 10]])
    costs = np.array([5, 1, 7, 2, 8, 3, 6, 4, 9])
    kept = likeliest(pairs, costs, 2)
    # of film 0 the two cheapest; the others have one pair each, which is among their own two likeliest
    assert len(kept) == 9
    crowd = np.array([[a, b] for a in range(12) for b in range(a + 1, 12)])
    few = likeliest(crowd, np.arange(len(crowd)), 2)
    assert len(few) <= 2 * 12


def test_keys_grow_with_the_collection():
    assert bits_per_key(10) == bits_per_key(1000) == 28
    assert 28 < bits_per_key(112_120) < bits_per_key(1_000_000) <= 64
