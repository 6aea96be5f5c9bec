import cv2
import numpy as np
import pytest
from phantoms import phantom

from pipeline.imaging.histogram import histogram
from pipeline.imaging.png import shrink
from pipeline.ingest.quality import (
    clipped_share,
    comb,
    gray_levels,
    set_upright_and_measure,
    sharpness,
    shipped_networks,
)
from sources.sandbox import alter

FILM = phantom("frontal", 991)


def flags(picture):
    return set_upright_and_measure(picture, shipped_networks())[1].flags


def test_a_good_film_has_no_flag():
    assert flags(FILM) == []


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        (alter.rotated_90, "rotated"),
        (alter.rotated_180, "rotated"),
        (alter.inverted, "inverted"),
        (alter.mirrored, "mirrored"),
        (alter.bordered, "border"),
        (alter.burned_text, "text"),
        (alter.blurred, "blurred"),
        (alter.upscaled, "upscaled"),
        (alter.few_levels, "few_levels"),
    ],
)
def test_each_defect_sets_its_flag(change, flag):
    assert flag in flags(change(FILM, np.random.default_rng(2)))


def test_gray_levels_counts_the_levels_in_use():
    ramp = np.tile(np.repeat(np.arange(10, 50, dtype=np.uint8), 4), (100, 1))
    assert gray_levels(histogram(ramp)) == pytest.approx(40, rel=0.01)
    assert gray_levels(histogram(np.zeros((50, 50), np.uint8))) == 1


def test_few_levels_are_still_flagged_after_jpeg():
    few = alter.few_levels(FILM, np.random.default_rng(0))
    again = cv2.imdecode(cv2.imencode(".jpg", few, [cv2.IMWRITE_JPEG_QUALITY, 92])[1], cv2.IMREAD_GRAYSCALE)
    assert comb(histogram(again)) > 2 * comb(histogram(FILM))
    assert "few_levels" in flags(again)


def on_noisy_black(picture, radius, noise, level=5.0):
    """The picture inside an ellipse, on a black background with noise."""
    height, width = picture.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    background = np.random.default_rng(3).normal(level, noise, picture.shape)
    return np.where(x**2 + y**2 < radius**2, picture, np.clip(np.rint(background), 0, 255)).astype(np.uint8)


@pytest.mark.parametrize("radius", [0.6, 0.8, 1.0])
@pytest.mark.parametrize(("noise", "level"), [(0.0, 8.0), (0.7, 3.0), (1.5, 6.0), (2.5, 15.0)])
def test_a_noisy_black_background_says_nothing_about_the_levels_of_a_film(radius, noise, level):
    whole = histogram(on_noisy_black(FILM, radius, 0.0, level=0.0))
    noisy = on_noisy_black(FILM, radius, noise, level)
    assert gray_levels(histogram(noisy)) == pytest.approx(gray_levels(whole), rel=0.1)
    assert "few_levels" not in flags(noisy)


@pytest.mark.parametrize("levels", [8, 16, 32])
@pytest.mark.parametrize("radius", [0.6, 1.0, 2.0])
def test_few_levels_are_flagged_on_any_background(levels, radius):
    few = FILM // (256 // levels) * (256 // levels)
    assert "few_levels" in flags(on_noisy_black(few, radius, noise=1.5))


def test_a_small_copy_has_no_flag_either():
    assert flags(shrink(FILM, 256)) == []


def test_sharpness_is_the_variance_of_the_laplacian():
    assert sharpness(FILM) == pytest.approx(cv2.Laplacian(FILM, cv2.CV_64F).var(), rel=1e-12)
    assert sharpness(np.full((40, 40), 7, np.uint8)) == 0


def test_clipped_share_counts_black_and_white():
    assert clipped_share(histogram(np.array([[0, 255, 3, 4], [0, 254, 1, 9]], np.uint8))) == 0.375
