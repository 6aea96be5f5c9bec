import cv2
import numpy as np
import pytest
from exposures import CHANGES, annotated, brightened, cropped, draw_exposure, inverted, jpeg, mirrored, resized
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.core.params import DedupeParams
from pipeline.dedupe.alignment import Change
from pipeline.dedupe.films import measure
from pipeline.dedupe.proof import detail, kind_of, prove, prove_along, prove_whole
from pipeline.dedupe.verdicts import holds

PARAMS = DedupeParams()


@pytest.fixture(scope="module")
def exposure():
    return draw_exposure(11)


@pytest.mark.parametrize("name", CHANGES)
def test_a_copy_is_proven_and_its_kind_named(exposure, name):
    change = Change(mirrored=name == "mirrored", inverted=name == "inverted")
    proof = prove(measure(exposure), measure(CHANGES[name](exposure)), change)
    assert proof is not None
    assert holds(proof, PARAMS)
    assert kind_of(proof, 1.0, 1.0) == name


@settings(max_examples=25, deadline=None)
@given(
    share=st.floats(0.6, 1.0),
    left=st.floats(0, 1),
    top=st.floats(0, 1),
    scale=st.floats(0.5, 1.2),
    gamma=st.floats(0.6, 1.6),
    quality=st.integers(50, 95),
    marked=st.booleans(),
    change=st.builds(Change, st.booleans(), st.booleans()),
)
@example(  # black margins where running sums fall below 0
    share=0.6015625, left=0.078125, top=0.0, scale=0.7807546097895547, gamma=1.4370130219923962, quality=75,
    marked=True, change=Change(True, True),
)  # fmt: skip
@example(  # a dark margin that counts as a border
    share=0.96875, left=0.0, top=0.0, scale=1.0, gamma=1.5, quality=50, marked=False, change=Change(False, False),
)  # fmt: skip
def test_any_mixture_of_changes_is_proven(share, left, top, scale, gamma, quality, marked, change):
    exposure = draw_exposure(5)
    copy = resized(brightened(cropped(exposure, share, left, top), gamma), scale)
    copy = annotated(copy) if marked else copy
    copy = mirrored(copy) if change.mirrored else copy
    copy = jpeg(inverted(copy) if change.inverted else copy, quality)
    film = measure(copy)
    proof = prove(measure(exposure), film, change)
    assert proof is not None
    assert holds(proof, PARAMS)
    assert abs(proof.a_overlap - share * film.box[2] * film.box[3] / copy.size) < 0.03
    assert proof.b_overlap > 0.97


@settings(max_examples=15, deadline=None)
@given(
    scale=st.floats(0.4, 1.2),
    gamma=st.floats(0.6, 1.3),
    quality=st.integers(40, 95),
    marked=st.booleans(),
    change=st.builds(Change, st.booleans(), st.booleans()),
)
def test_a_copy_of_the_whole_is_proven_without_features(scale, gamma, quality, marked, change):
    exposure = draw_exposure(6)
    copy = resized(brightened(exposure, gamma), scale)
    copy = annotated(copy) if marked else copy
    copy = mirrored(copy) if change.mirrored else copy
    copy = jpeg(inverted(copy) if change.inverted else copy, quality)
    proof = prove_whole(measure(exposure), measure(copy), change)
    assert proof is not None
    assert holds(proof, PARAMS)


def test_detail_of_saturated_films_is_a_number():
    rng = np.random.default_rng(0)
    for width in range(60, 120):
        film = np.zeros((120, 240), np.float32)
        film[:, :width] = rng.uniform(0, 255, (120, width))
        assert np.isfinite(detail(film)).all()


def page_of_letters(film):
    """Arrows and lines of letters over a third of a film, as in a teaching file."""
    drawn = film.copy()
    for line in range(4):
        cv2.putText(drawn, "12/03/2020 AP", (40, 120 + 130 * line), cv2.FONT_HERSHEY_SIMPLEX, 1.4, 255, 4)
        cv2.arrowedLine(drawn, (420, 60 + 140 * line), (560, 100 + 140 * line), 0, 6)
    return drawn


def framed(film, tone=0):
    """A film in the corner of a page that is twice as large as it."""
    height, width = film.shape
    return np.pad(film, ((height // 8, height // 3), (width // 3, width // 8)), constant_values=tone)


def test_a_film_is_proven_under_letters_and_arrows(exposure):
    pale = (exposure / 2 + 60).astype(np.uint8)
    proof = prove(measure(pale), measure(jpeg(page_of_letters(pale), 90)), Change())
    assert proof is not None
    assert holds(proof, PARAMS)


@pytest.mark.parametrize("tone", [0, 255])
@pytest.mark.parametrize("change", [Change(), Change(mirrored=True)])
def test_a_frame_is_no_part_of_the_film(exposure, tone, change):
    copy = resized(framed(mirrored(cropped(exposure)) if change.mirrored else cropped(exposure), tone), 0.6)
    proof = prove(measure(exposure), measure(copy), change)
    assert proof is not None
    assert holds(proof, PARAMS)
    assert abs(proof.a_overlap - 0.6) < 0.03
    assert proof.b_overlap > 0.97
    x, y, _ = proof.transform @ [320.0, 320.0, 1.0]  # the middle of the film
    side = cropped(exposure).shape[0]
    assert abs(x - 0.6 * (side // 3 + side / 2)) < 1.5
    assert abs(y - 0.6 * (side // 8 + side / 2)) < 1.5


def test_equal_frames_prove_nothing():
    films = [framed(resized(draw_exposure(seed), 0.6)) for seed in (3, 4)]
    for proof in (prove(*map(measure, films), Change()), prove_whole(*map(measure, films), Change())):
        assert proof is None or not holds(proof, PARAMS)


def test_follow_up_of_one_patient_is_not_proven():
    first, second = draw_exposure(1, patient=7), draw_exposure(2, patient=7)
    for proof in (
        prove(measure(first), measure(second), Change()),
        prove_whole(measure(first), measure(second), Change()),
    ):
        assert proof is None or not holds(proof, PARAMS)


def test_two_patients_are_not_proven():
    proof = prove_whole(measure(draw_exposure(1)), measure(draw_exposure(2)), Change())
    assert proof is None or not holds(proof, PARAMS)


def test_transform_maps_pool_pixels(exposure):
    copy = mirrored(resized(cropped(exposure, 0.64, left=0, top=1), 0.5))
    proof = prove(measure(exposure), measure(copy), Change(mirrored=True))
    assert proof is not None
    # the crop is 512 px of 640, from the lower left corner, at half the size, mirrored
    x, y, _ = proof.transform @ [100.0, 328.0, 1.0]
    assert abs(x - (255 - 50)) < 1.0
    assert abs(y - (328 - 128) / 2) < 1.0
    assert abs(proof.scale - 0.5) < 0.01


def test_known_transform_leads_to_the_same_proof(exposure):
    a, b = measure(exposure), measure(cropped(exposure))
    proof = prove(a, b, Change())
    assert proof is not None
    again = prove_along(a, b, Change(), proof.transform)
    assert again is not None
    assert abs(again.similarity - proof.similarity) < 0.01


def test_shared_letters_prove_nothing():
    letters = [annotated(np.full((300, 300), tone, np.uint8)) for tone in (20, 60)]
    first, second = draw_exposure(3, side=300), draw_exposure(4, side=300)
    films = [
        np.where(sheet == 255, 255, film).astype(np.uint8) for sheet, film in zip(letters, (first, second), strict=True)
    ]
    proof = prove(measure(films[0]), measure(films[1]), Change())
    assert proof is None or not holds(proof, PARAMS)


@pytest.mark.parametrize("tone", [0, 90])
def test_flat_films_prove_nothing(tone):
    flat = measure(np.full((200, 150), tone, np.uint8))
    assert prove(flat, flat, Change()) is None
    assert prove_whole(flat, flat, Change()) is None


def test_proof_is_the_same_each_time(exposure):
    a, b = measure(exposure), measure(jpeg(cropped(exposure, 0.7)))
    first, second = prove(a, b, Change()), prove(a, b, Change())
    assert first is not None and second is not None
    assert first.similarity == second.similarity
    assert (first.transform == second.transform).all()
