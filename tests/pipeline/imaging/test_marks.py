import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from marked import FILM, NATIVE, written
from phantoms import phantom

from pipeline.imaging.marks import MIN_STEP, Parts, find_marks, flat_parts, select_marks, share
from pipeline.manifest.conceal import conceal


def jpeg(film):
    return cv2.imdecode(cv2.imencode(".jpg", film, [cv2.IMWRITE_JPEG_QUALITY, 90])[1], cv2.IMREAD_GRAYSCALE)


@pytest.mark.parametrize("tone", [255, 0], ids=["white", "black"])
@pytest.mark.parametrize("size", [0.5, 0.8, 1.2])
def test_lines_of_text_are_covered(tone, size):
    place = (60, 640) if tone == 0 else (200, 240)  # dark on the bright belly, bright on the lungs
    film, ink = written(FILM, at=place, tone=tone, size=size)
    found = find_marks(jpeg(film)) > 0
    assert found[ink].mean() > 0.9
    near = cv2.dilate((ink | (NATIVE > 0)).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert (found & ~near).sum() < 0.1 * found.sum()


def test_an_arrow_is_covered():
    ink = cv2.arrowedLine(np.zeros_like(FILM), (150, 300), (230, 360), 255, 4, cv2.LINE_AA, 0, 0.3) > 127
    found = find_marks(np.where(ink, 255, FILM).astype(np.uint8)) > 0
    assert found[ink].mean() > 0.9


@pytest.mark.parametrize("seed", range(1002, 1008))
def test_ribs_and_wires_are_not_marks(seed):
    film = phantom("frontal", seed)
    assert share(film) < 0.004  # a side marker at most


def test_the_frame_of_a_picture_is_not_a_mark():
    framed = FILM.copy()
    cv2.rectangle(framed, (0, 0), (FILM.shape[1] - 1, FILM.shape[0] - 1), 255, 3)
    assert share(framed) <= share(FILM) + 0.001


def measured_one_by_one(gray):
    """Kind and box -> (step, sharpness, spread) of every connected part, measured as the docstrings define them."""
    measured = {}
    for kind, picture in enumerate((gray, 255 - gray)):
        measured |= {(kind, *box): values for box, values in brighter_one_by_one(picture).items()}
    return measured


def brighter_one_by_one(gray):
    over = cv2.subtract(gray, cv2.morphologyEx(gray, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8)))
    count, labels = cv2.connectedComponents((over > MIN_STEP).astype(np.uint8))
    measured = {}
    for number in range(1, count):
        own = labels == number
        x, y, width, height = cv2.boundingRect(own.astype(np.uint8))
        rise = np.sort(over[own])
        step = float(rise[len(rise) * 4 // 5])
        window = np.s_[max(0, y - 1) : y + height + 1, max(0, x - 1) : x + width + 1]
        levels = gray[window].astype(int)
        down, right = np.zeros_like(levels), np.zeros_like(levels)
        down[1:], right[:, 1:] = np.abs(np.diff(levels, axis=0)), np.abs(np.diff(levels, axis=1))
        near = cv2.dilate(own.astype(np.uint8), np.ones((3, 3), np.uint8))[window] > 0
        slopes = np.sort(np.maximum(down, right)[near])
        sharpness = slopes[-max(1, len(slopes) // 3) :].mean() / step
        measured[x, y, width, height] = step, sharpness, gray[own & (over > 0.8 * step)].std() / step
    return measured


@pytest.mark.parametrize("seed", range(20))
def test_all_parts_are_measured_at_once_as_one_by_one(seed):
    rng = np.random.default_rng(seed)
    film = cv2.GaussianBlur(rng.integers(0, 120, (300, 340)).astype(np.uint8), (0, 0), 1.5)
    for left in range(10, 300, 60):
        word = "".join(rng.choice(list("HKLMNTVX17"), 2))  # letters without a hole
        at = (left, int(rng.integers(20, 290)))
        cv2.putText(film, word, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, int(rng.integers(150, 256)), int(rng.integers(1, 3)))
    expected, parts = measured_one_by_one(film), flat_parts(film)
    assert len(parts.boxes) >= 5
    for box, step, sharpness, spread in zip(parts.boxes, parts.step, parts.sharpness, parts.spread, strict=True):
        assert (step, sharpness, spread) == pytest.approx(expected[tuple(box)])


def test_what_lies_in_a_ring_belongs_to_it():
    film = np.full((200, 200), 60, np.uint8)
    cv2.circle(film, (100, 100), 40, 200, 2)
    cv2.rectangle(film, (99, 99), (101, 101), 200, -1)
    parts = flat_parts(film)
    assert parts.boxes.tolist() == [[0, 59, 59, 83, 83]]
    assert 100 * 200 + 100 in parts.runs.pixels()[0]


def in_line(letter, other):
    """Whether two letters, (kind, left, top, width, height), stand beside each other."""
    (kind, left, top, width, height), (other_kind, x, y, w, h) = letter, other
    tall, low = max(height, h), min(height, h)
    is_near = max(x - left - width, left - x - w) < 2 * tall
    return kind == other_kind and low > 0.55 * tall and abs(top + height - y - h) < 0.25 * tall and is_near


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(*(st.integers(low, high) for low, high in ((0, 1), (0, 90), (0, 60), (1, 30), (6, 80)))), max_size=40
    ),
    st.integers(0, 500),
)
def test_three_letters_in_a_line_are_marks(boxes, more):
    far = [(0, 10_000 + 500 * number, 0, 5, 10) for number in range(more)]  # each alone, so that there are many
    letters = [*boxes, *far]
    plain = np.ones(len(letters))
    marks = select_marks(Parts(np.array(letters, np.int64).reshape(-1, 5), plain, plain, 0 * plain, None))
    expected = [sum(in_line(letter, other) for other in boxes) >= 3 for letter in boxes]
    assert marks.tolist() == [*expected, *[False] * more]


@settings(max_examples=40, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 80), st.integers(1, 80))))
def test_any_picture_has_a_mask_of_its_size(picture):
    mask = find_marks(picture)
    assert mask.shape == picture.shape and set(np.unique(mask)) <= {0, 255}
    assert 0 <= share(picture) <= 1


def test_concealing_changes_nothing_but_marks():
    film, ink = written(FILM)
    clean = conceal(film)
    mask = find_marks(film) > 0
    assert (clean[~mask] == film[~mask]).all()
    assert np.abs(clean[ink].astype(int) - FILM[ink]).mean() < 12  # as the film was before


def test_a_picture_without_marks_stays_the_same_object():
    plain = cv2.GaussianBlur(FILM, (0, 0), 6)
    assert conceal(plain) is plain
