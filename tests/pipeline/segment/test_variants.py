import numpy as np
import pytest
from lung_films import BLOBS, ellipses

from pipeline.segment.variants import VARIANTS, Variant, agreement, dice


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_undoing_a_variant_puts_every_lung_back(variant):
    lungs = ellipses(*BLOBS, size=128)
    film = np.where(lungs, 255, 0).astype(np.uint8)
    seen = variant.apply(film)
    back = variant.undo(seen.astype(np.float32) / 255) > 0.5
    assert dice(back, lungs) > 0.98
    assert np.array_equal(seen, film) == (variant == Variant())


def test_a_mirrored_variant_is_the_mirror_image():
    film = np.random.default_rng(1).integers(0, 256, (32, 32)).astype(np.uint8)
    assert np.array_equal(Variant(mirrored=True).apply(film), film[:, ::-1])


def test_gamma_changes_tones_only():
    film = np.full((8, 8), 64, np.uint8)
    assert (Variant(gamma=0.5).apply(film) == 128).all()


def test_agreement_falls_as_the_variants_differ():
    mask = ellipses(*BLOBS, size=64)
    same, half = mask.astype(np.float32), ellipses(BLOBS[0], size=64).astype(np.float32)
    assert agreement(np.stack([same, same]), mask) == 1
    assert agreement(np.stack([same, half]), mask) == pytest.approx((1 + 2 / 3) / 2, abs=0.01)
    assert agreement(np.stack([0 * same, 0 * same]), 0 * same > 0) == 0


def test_dice_of_two_empty_masks_is_one():
    empty = np.zeros((4, 4), bool)
    assert dice(empty, empty) == 1
    assert dice(empty, ~empty) == 0
