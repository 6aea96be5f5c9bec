import imagehash
import numpy as np
import pytest
from exposures import draw_exposure, inverted, mirrored
from hypothesis import given, settings
from hypothesis import strategies as st
from phantoms import phantom
from PIL import Image

from pipeline.dedupe.hashes import center, dhash, distance, hash_film, phash, to_hex
from pipeline.imaging.borders import crop, tolerant_content_box

films = st.builds(
    lambda seed, height, width, smooth: (
        np.random.default_rng(seed)
        .integers(0, 256, (height // smooth + 1, width // smooth + 1), dtype=np.uint8)
        .repeat(smooth, 0)
        .repeat(smooth, 1)
    ),
    st.integers(0, 2**32 - 1),
    st.integers(1, 300),
    st.integers(1, 300),
    st.integers(1, 40),
)


@settings(max_examples=150, deadline=None)
@given(films)
def test_hashes_equal_those_of_imagehash_bit_for_bit(film):
    picture = Image.fromarray(film)
    assert to_hex(phash(film)) == str(imagehash.phash(picture))
    assert to_hex(dhash(film)) == str(imagehash.dhash(picture))


@pytest.mark.parametrize("tone", [0, 1, 128, 255])
def test_hashes_of_a_flat_film_equal_those_of_imagehash(tone):
    film = np.full((70, 50), tone, np.uint8)
    assert to_hex(phash(film)) == str(imagehash.phash(Image.fromarray(film)))
    assert to_hex(dhash(film)) == str(imagehash.dhash(Image.fromarray(film)))


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(["frontal", "lateral", "ct", "figure"]), st.integers(0, 2**16))
def test_hashes_of_sandbox_films_equal_those_of_imagehash(kind, seed):
    film = phantom(kind, seed)
    assert to_hex(phash(film)) == str(imagehash.phash(Image.fromarray(film)))
    assert to_hex(dhash(film)) == str(imagehash.dhash(Image.fromarray(film)))


def test_hashes_of_real_films_equal_those_of_imagehash(mirror):
    for path in sorted(mirror.glob("raw.githubusercontent.com/ml-workgroup/**/*.png"))[:6]:
        picture = Image.open(path).convert("L")
        assert to_hex(phash(np.asarray(picture))) == str(imagehash.phash(picture))
        assert to_hex(dhash(np.asarray(picture))) == str(imagehash.dhash(picture))


def hashes(film):
    return hash_film(film, film, tolerant_content_box(film))


def test_hashes_of_changes_match_the_changed_film():
    film = draw_exposure(1, side=256)
    assert distance(hashes(film).mirrored, phash(mirrored(film))) <= 4
    assert distance(hashes(film).inverted, phash(inverted(film))) <= 4


@pytest.mark.parametrize("tone", [0, 128, 255])
def test_trimmed_hash_tolerates_a_frame(tone):
    film = draw_exposure(2, side=256)
    framed = np.pad(film, ((30, 10), (50, 0)), constant_values=tone)
    assert tolerant_content_box(framed) == (50, 30, 256, 256)
    assert distance(hashes(framed).trimmed, hashes(film).trimmed) <= 2


def test_flat_film_is_not_trimmed_away():
    flat = np.full((40, 60), 9, np.uint8)
    assert crop(flat, tolerant_content_box(flat)).shape == (40, 60)
    assert center(flat).shape == (32, 48)


def test_distance_counts_bits():
    assert distance(0b1011, 0b0010) == 2
