import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from phantoms import phantom

from pipeline.classifiers import fineness
from pipeline.classifiers.fineness import BANDS, KINDS, SECTORS, spectrum
from pipeline.classifiers.networks import shipped
from pipeline.imaging.png import shrink
from sources.sandbox.alter import blurred, upscaled
from training.classifiers.fineness import disk

FILMS = [phantom("frontal", seed) for seed in range(970, 976)]


def classify(picture):
    return fineness.classify(picture, shipped("fineness"))


@pytest.mark.parametrize(
    ("change", "kind"), [(lambda film, rng: film, "fine"), (blurred, "blurred"), (upscaled, "upscaled")], ids=KINDS
)
def test_blurred_films_and_enlarged_thumbnails_are_recognized(change, kind):
    rng = np.random.default_rng(1)
    assert [classify(change(film, rng))[0] for film in FILMS] == [kind] * len(FILMS)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda film: cv2.resize(shrink(film, 120), film.shape[::-1], interpolation=cv2.INTER_NEAREST), "upscaled"),
        (lambda film: cv2.resize(shrink(film, 120), film.shape[::-1], interpolation=cv2.INTER_LINEAR), "upscaled"),
        (lambda film: cv2.filter2D(film, -1, disk(4)), "blurred"),
        (lambda film: cv2.GaussianBlur(film, (0, 0), 2), "blurred"),
    ],
    ids=["enlarged by repetition", "enlarged linearly", "lens", "slight"],
)
def test_other_ways_to_blur_and_to_enlarge_are_recognized_too(change, kind):
    assert [classify(change(film))[0] for film in FILMS] == [kind] * len(FILMS)


@settings(max_examples=30, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 140), st.integers(1, 140))))
def test_any_picture_has_a_spectrum(picture):
    found = spectrum(picture)
    assert found.shape == (SECTORS * BANDS + 1,) and np.isfinite(found).all()
    kind, score = classify(picture)
    assert kind in KINDS and 0 <= score <= 1


def test_blur_removes_power_from_fine_bands_only():
    film = FILMS[0]
    lost = spectrum(film) - spectrum(blurred(film, np.random.default_rng(0)))
    assert abs(lost[0]) < 0.3 and lost[BANDS - 8] > 0.5
