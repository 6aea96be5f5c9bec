"""The levels of a hierarchical experiment: their films, their joint probabilities and how they decide."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_arrays import SIZE, write_arrays

from pipeline.prepare.arrays import read_arrays
from training.core.data import select
from training.core.levels import LEVELS, decide, join, part

CLASSES = ("normal", "cap", "covid")
shares = st.floats(0, 1)


@given(st.lists(st.tuples(shares, shares), min_size=1))
def test_the_joint_probabilities_decide_as_the_cascade(pairs):
    first, second = np.array(pairs).T
    joint = join(first, second)
    np.testing.assert_allclose(joint.sum(axis=1), 1)
    expected = [0 if one < 0.5 else 1 if two < 0.5 else 2 for one, two in pairs]
    clear = (abs(first - 0.5) > 1e-9) & (abs(second - 0.5) > 1e-9)  # rounding decides the others
    assert (decide(joint, "hierarchical") == expected)[clear].all()
    np.testing.assert_allclose(part(joint)[0], first, atol=1e-9)


def test_pneumonia_is_decided_although_normal_is_the_most_probable_class():
    joint = join(np.array([0.6]), np.array([0.5]))
    assert decide(joint).tolist() == [0]
    assert decide(joint, "hierarchical").tolist() == [2]


@pytest.mark.parametrize(("threshold", "decided"), [(0.5, [0, 1]), (0.3, [1, 1]), (0.8, [0, 0])])
def test_two_classes_are_decided_by_the_threshold(threshold, decided):
    assert decide(np.array([[0.6, 0.4], [0.3, 0.7]]), threshold=threshold).tolist() == decided


def test_the_second_level_has_no_normal_films(tmp_path):
    layout = write_arrays(tmp_path, CLASSES, per_class=10)
    films = select(read_arrays(layout, str(SIZE)), ["train"], CLASSES)
    first, second = (level.films(films) for level in LEVELS)
    assert first.counts() == {"normal": 6, "pneumonia": 12}
    assert second.counts() == {"cap": 6, "covid": 6}
    assert set(second.rows["label"]) == {"cap", "covid"}
    assert second.rows["item_id"].tolist() == films.rows["item_id"].iloc[6:].tolist()
    assert (second.positions == films.positions[6:]).all()
