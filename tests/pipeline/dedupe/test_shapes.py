"""Copies stretched to a square are proven; films of a few pixels are not, since strangers agree in so little detail."""

from itertools import combinations

import cv2
import numpy as np
import pytest
from exposures import draw_exposure
from phantoms import phantom

from pipeline.core.params import DedupeParams
from pipeline.dedupe.alignment import Change
from pipeline.dedupe.candidates import find_candidates
from pipeline.dedupe.films import FilmStore, measure
from pipeline.dedupe.proof import prove_whole
from pipeline.dedupe.verdicts import ENOUGH_PIXELS, MIN_PIXELS, holds, prove_candidates, required_similarity

PARAMS = DedupeParams()


def proven(pictures):
    """Pairs of pictures, by number, that dedupe proves."""
    with FilmStore(len(pictures)) as films:
        films.extend(map(measure, pictures))
        return set(prove_candidates(films, find_candidates(films, PARAMS), PARAMS, None).proven)


@pytest.mark.parametrize("stretch", [1.2, 1.3, 1.4, 1.5, 1.6])
@pytest.mark.parametrize("wide", [True, False])
def test_a_copy_stretched_to_a_square_is_proven(stretch, wide):
    exposure, other = draw_exposure(21), draw_exposure(22)
    width, height = (480, round(480 / stretch)) if wide else (round(480 / stretch), 480)
    film, stranger = (cv2.resize(each, (width, height), interpolation=cv2.INTER_AREA) for each in (exposure, other))
    square = cv2.resize(film, (299, 299), interpolation=cv2.INTER_AREA)
    assert proven([film, square, stranger]) == {(0, 1)}


@pytest.mark.parametrize("side", [64, 82, 96])
def test_small_films_of_strangers_are_not_proven(side):
    films = [cv2.resize(phantom("frontal", seed), (side, side), interpolation=cv2.INTER_AREA) for seed in range(12)]
    assert proven(films) == set()


def test_the_same_copies_are_proven_where_they_are_large_enough():
    exposure = draw_exposure(23)
    for side, is_proven in ((90, False), (200, True)):
        pair = [measure(cv2.resize(exposure, (side + by, side + by), interpolation=cv2.INTER_AREA)) for by in (0, 8)]
        proof = prove_whole(*pair, Change())
        assert proof is not None and proof.similarity > 0.95
        assert proof.pixels == pytest.approx(side * side, rel=0.03)
        assert holds(proof, PARAMS) == is_proven


def test_the_less_the_films_overlap_the_more_similar_they_must_be():
    needed = [required_similarity(pixels, PARAMS) for pixels in np.linspace(MIN_PIXELS, 2 * ENOUGH_PIXELS, 20)]
    assert needed == sorted(needed, reverse=True)
    assert needed[0] > 0.9 and needed[-1] == pytest.approx(PARAMS.similarity)


def test_stretched_and_small_films_that_were_reported(real):
    cases = real("cases")
    pictures = {path: cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted(cases.glob("stretched/*/*"))}
    pairs = proven(list(pictures.values()))
    names = [path.stem.split("_")[0] for path in pictures]
    assert {(a, b) for a, b in combinations(range(len(names)), 2) if names[a] == names[b]} == pairs
    assert (
        proven([cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted(cases.glob("small_films/*.png"))])
        == set()
    )
