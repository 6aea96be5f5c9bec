import io
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.classifiers.networks import Networks, load_networks, shipped
from sources.core.errors import CxnetError
from training.classifiers.networks import fit, write_networks

SHIPPED = ("views", "upright", "side", "fineness")


def two_clusters(count=200, seed=3):
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 2, count)
    return (rng.normal(0, 1, (count, 6)) + 4 * targets[:, None]).astype(np.float32), targets


def fitted(epochs=30, seed=1):
    return fit(*two_clusters(), members=2, hidden=4, decay=0.1, epochs=epochs, seed=seed)


def test_networks_learn_to_separate_two_clusters():
    vectors, targets = two_clusters(seed=4)
    assert (fitted(200).probabilities(vectors).argmax(axis=1) == targets).mean() > 0.95


@given(arrays(np.float32, (3, 6), elements=st.floats(-1e6, 1e6, width=32)))
def test_probabilities_add_up_to_one(vectors):
    found = fitted_once().probabilities(vectors)
    assert found.shape == (3, 2) and (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


def fitted_once(kept=[]):  # noqa: B006 - one fit serves all examples
    kept[:] = kept or [fitted()]
    return kept[0]


def test_written_networks_give_the_same_probabilities_when_read(tmp_path):
    vectors, _ = two_clusters(seed=5)
    write_networks(fitted(), tmp_path / "clusters.npz")
    read = load_networks(str(tmp_path / "clusters.npz"))
    np.testing.assert_allclose(read.probabilities(vectors), fitted().probabilities(vectors), atol=0.01)


def test_the_weights_depend_on_the_seed_alone():
    np.testing.assert_array_equal(fitted().members[0][0], fitted().members[0][0])
    assert (fitted(seed=2).members[0][0] != fitted().members[0][0]).any()


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_networks_are_small_and_load(name):
    assert isinstance(shipped(name), Networks)
    weights = files("pipeline.classifiers").joinpath("weights")
    assert sum(len(weights.joinpath(f"{each}.npz").read_bytes()) for each in SHIPPED) <= 1_000_000


def test_weights_with_pickled_objects_are_refused():
    file = io.BytesIO()
    np.savez(file, members=np.array([object()], dtype=object))
    file.seek(0)
    with pytest.raises(CxnetError, match="holds no networks"):
        load_networks(file)


def test_a_damaged_weights_file_raises_one_clear_error(tmp_path):
    path = tmp_path / "weights.npz"
    path.write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(CxnetError, match=r"weights\.npz holds no networks"):
        load_networks(str(path))
