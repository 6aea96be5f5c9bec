import cv2
import keras
import numpy as np
import pytest
from lung_films import film_with_lungs

from training.core import backend
from training.models.lung_net import lung_net
from training.segment.augment import Change, change, draw_matrix
from training.segment.films import ChangedFilms, MaskedFilm
from training.segment.fit import fit
from training.segment.losses import UNKNOWN, MaskLoss

STILL = Change(rotation_deg=0, scale=(1, 1), stretch=1, shift=0, mirror=0)


def masked(seed, definition="whole"):
    film, lungs = film_with_lungs(seed, 96, 90)
    return MaskedFilm(film, {definition: np.where(lungs, 255, 0).astype(np.uint8)})


def test_a_film_and_its_mask_move_together():
    lungs = masked(1).masks["whole"]
    alike = []
    for seed in range(10):
        moved, (mask, same) = change(lungs, [lungs, lungs], 64, np.random.default_rng(seed), Change())
        matrix = draw_matrix(lungs.shape, 64, np.random.default_rng(seed), Change())
        assert np.array_equal(mask, same) and np.array_equal(mask, cv2.warpAffine(lungs, matrix, (64, 64)))
        alike.append(np.corrcoef(moved.ravel().astype(float), mask.ravel().astype(float))[0, 1])
    assert np.median(alike) > 0.8  # not 1: tones, bars and words


def test_without_changes_the_film_fills_the_input():
    matrix = draw_matrix((100, 50), 200, np.random.default_rng(1), STILL)
    assert np.allclose(matrix[:, :2], [[4, 0], [0, 2]])
    assert np.allclose(matrix @ [24.5, 49.5, 1], [99.5, 99.5])


def test_equal_seeds_give_equal_batches_and_epochs_differ():
    films = [masked(seed) for seed in range(3)]
    first, second = (ChangedFilms(films, ("visible", "whole"), 64, 32, 2, seed=5) for _ in range(2))
    assert len(first) == 2 and len(first[1][0]) == 1
    for mine, other in zip(first[0], second[0], strict=True):
        assert np.array_equal(mine, other)
    second.on_epoch_end()
    assert not np.array_equal(first[0][0], second[0][0])
    inputs, targets = first[0]
    assert inputs.shape == (2, 64, 64, 1) and inputs.min() >= 0 and inputs.max() <= 1
    assert (targets[..., 0] == UNKNOWN).all() and targets[..., 1].min() >= 0 and targets[..., 1].max() <= 1


def test_the_loss_sees_only_masks_that_are_known():
    truth = np.full((2, 4, 4, 2), UNKNOWN, np.float32)
    truth[0, :, :, 1] = 1
    good, bad = (np.full((2, 4, 4, 2), value, np.float32) for value in (0.999, 0.001))
    loss = MaskLoss(reduction=None)
    assert float(loss(truth, good)[0]) < 0.01 < float(loss(truth, bad)[0])
    assert float(loss(truth, bad)[1]) == 0
    truth[0, :, :, 1] = 0
    assert np.isfinite(loss(truth, good)[0]) and float(loss(truth, bad)[0]) < 0.01


def test_the_loss_of_an_exact_mask_is_nearly_nothing_and_of_the_opposite_large():
    truth = np.zeros((1, 8, 8, 1), np.float32)
    truth[:, :4] = 1
    assert float(MaskLoss()(truth, truth)) == pytest.approx(0, abs=1e-3)
    assert float(MaskLoss()(truth, 1 - truth)) > 2


def test_a_small_network_learns_to_find_lungs_and_equal_seeds_give_equal_networks():
    films = [masked(seed) for seed in range(6)]
    weights = []
    for _ in range(2):
        backend.start(1)
        model = lung_net(32, 1, (4,))
        losses = fit(model, films, ("whole",), epochs=6, batch=3, seed=1)
        weights.append(np.concatenate([value.ravel() for value in model.get_weights()]))
    assert len(losses) == 6 and losses[-1] < losses[0]
    assert np.array_equal(*weights)
    assert isinstance(model, keras.Model)
