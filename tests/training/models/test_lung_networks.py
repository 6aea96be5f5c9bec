import numpy as np
import pytest

from training.models.lung_net import lung_net
from training.models.unet import unet


def test_the_unet_has_the_layers_and_parameters_of_the_paper():
    model = unet(320)
    assert (model.count_params(), len(model.layers)) == (7_759_521, 32)
    assert model.output_shape == (None, 320, 320, 1)


def test_a_unet_of_any_size_is_the_same_network():
    assert unet(None, (2, 4)).count_params() == unet(16, (2, 4)).count_params()


@pytest.mark.parametrize("model", [unet(32, (2, 4)), lung_net(32, 1, (4, 8))], ids=["unet", "lung_net"])
def test_a_lung_network_gives_probabilities(model):
    found = model.predict(np.random.default_rng(1).random((2, 32, 32, 1)), verbose=0)
    assert found.shape[0] == 2 and found.shape[3] == 1
    assert (found > 0).all() and (found < 1).all()


def test_the_shipped_network_fits_its_file():
    model = lung_net(128, 2)
    assert model.output_shape == (None, 64, 64, 2)
    assert 4 * model.count_params() < 2_500_000
