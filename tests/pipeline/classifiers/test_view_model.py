import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from phantoms import page_of_text, phantom

from pipeline.classifiers.thumbnails import features, thumbnail
from pipeline.classifiers.views import CLASSES, MIN_FRONTAL, classify, predict, shipped_model


@pytest.mark.parametrize(
    ("kind", "seen"), [("frontal", "frontal"), ("lateral", "lateral"), ("ct", "other"), ("figure", "other")]
)
def test_phantoms_get_their_class(kind, seen):
    assert [classify(phantom(kind, seed))[0] for seed in range(900, 906)] == [seen] * 6


def test_a_negative_and_a_mirror_image_are_still_frontal():
    film = phantom("frontal", 911)
    for changed in (255 - film, np.ascontiguousarray(film[:, ::-1])):
        assert classify(changed)[0] == "frontal"


def test_a_mirror_image_has_the_same_score():
    film = cv2.resize(phantom("frontal", 912), (64, 64))
    assert classify(film)[1] == pytest.approx(classify(np.ascontiguousarray(film[:, ::-1]))[1], abs=1e-5)


@pytest.mark.parametrize(
    "picture",
    [page_of_text(), np.hstack([phantom("frontal", 920), phantom("frontal", 921)]), np.zeros((80, 90), np.uint8)],
    ids=["text", "two films", "black"],
)
def test_anything_but_a_single_film_is_not_frontal(picture):
    assert classify(picture)[0] == "other"


@pytest.mark.parametrize("join", [np.vstack, np.hstack], ids=["above", "beside"])
@pytest.mark.parametrize("other", [0, 10], ids=["one film twice", "two films"])
def test_two_films_in_one_picture_are_not_frontal(join, other):
    for seed in range(922, 932):
        films = (cv2.resize(phantom("frontal", number)[30:300, 28:312], (320, 300)) for number in (seed, seed + other))
        assert classify(join(list(films)))[0] == "other"


@pytest.mark.parametrize(
    ("scores", "kind"),
    [((0.76, 0.04, 0.2), "frontal"), ((0.7, 0.1, 0.2), "other"), ((0.5, 0.3, 0.2), "lateral"), ((0, 0, 1), "other")],
)
def test_only_a_confident_frontal_score_gives_the_class(scores, kind):
    assert CLASSES[predict(np.array([scores]))[0]] == kind


@settings(max_examples=30)
@given(arrays(np.uint8, st.tuples(st.integers(1, 90), st.integers(1, 90))))
def test_any_picture_has_a_class_and_a_probability(picture):
    name, score = classify(picture)
    assert name in CLASSES
    assert (1 - MIN_FRONTAL) / 2 - 1e-6 <= score <= 1 + 1e-6


def test_scores_are_the_same_alone_and_in_a_batch():
    thumbs, aspects = zip(*(thumbnail(phantom("frontal", seed)) for seed in (930, 931, 932)), strict=True)
    together = shipped_model().probabilities(np.stack(thumbs), aspects)
    alone = [
        shipped_model().probabilities(thumb[None], [aspect])[0] for thumb, aspect in zip(thumbs, aspects, strict=True)
    ]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_edge_directions_are_the_same_for_a_negative():
    thumb, aspect = thumbnail(phantom("frontal", 940))
    film, negative = (features(one[None], np.array([aspect], np.float32))[0, :576] for one in (thumb, 255 - thumb))
    np.testing.assert_allclose(film, negative, atol=1e-3)
