"""Grad-CAM shows the evidence for a class, its place and its strength."""

import keras
import numpy as np
import pytest
from synthetic_arrays import SIZE, draw_films

from sources.core.errors import UsageError
from training.evaluate.grad_cam import MIN_WIDTH, divide, grad_cam
from training.models.base import base

FOR_COVID, FOR_NORMAL = np.array([1]), np.array([0])


def spot_finder(factor=1.0, outputs=1):
    """A network whose logit grows with the brightest part of the film, by ``factor``."""
    inputs = keras.Input((24, 24, 3))
    maps = keras.layers.Conv2D(1, 3, strides=2, padding="same", activation="relu", use_bias=False)(inputs)
    features = keras.layers.GlobalAveragePooling2D()(maps)
    model = keras.Model(
        inputs, keras.layers.Dense(outputs, activation="sigmoid" if outputs == 1 else "softmax")(features)
    )
    weights = [np.full((3, 3, 3, 1), 1 / 27), np.array([[factor] + [0.0] * (outputs - 1)]), np.zeros(outputs)]
    model.set_weights(weights)
    return model


def spot(x, y):
    film = np.zeros((1, 24, 24, 3), np.float32)
    film[0, y - 3 : y + 3, x - 3 : x + 3] = 1
    return film


@pytest.mark.parametrize(("x", "y"), [(6, 6), (18, 6), (6, 18)])
def test_the_heat_lies_where_the_evidence_is(x, y):
    heat = grad_cam(spot_finder(), spot(x, y), FOR_COVID)[0]
    hottest = np.unravel_index(heat.argmax(), heat.shape)
    assert np.abs(np.array(hottest) - [y, x]).max() <= 3
    assert heat[: 24 // 2, : 24 // 2].sum() == pytest.approx(heat.sum() if (x, y) == (6, 6) else 0, rel=0.05, abs=0.01)


def test_evidence_for_one_class_is_not_evidence_for_the_other():
    model = spot_finder()
    assert grad_cam(model, spot(6, 6), FOR_COVID).max() > 0
    assert grad_cam(model, spot(6, 6), FOR_NORMAL).max() == 0


def test_a_film_without_evidence_has_no_heat():
    assert (grad_cam(spot_finder(), np.zeros((1, 24, 24, 3), np.float32), FOR_COVID) == 0).all()


def test_heat_grows_with_the_logit_even_where_the_probability_is_saturated():
    mild, sure = (grad_cam(spot_finder(factor), spot(6, 6), FOR_COVID) for factor in (1.0, 1e4))
    assert sure == pytest.approx(mild * 1e4)


def test_each_film_is_explained_for_its_own_class():
    films = np.concatenate([spot(6, 6)] * 2)
    both = grad_cam(spot_finder(outputs=3), films, np.array([0, 1]))
    assert both[0].max() > 0
    assert both[1].max() == 0


@pytest.mark.parametrize(("side", "layer", "width"), [(320, "conv5", 8), (96, "conv3", 10), (128, "conv4", 6)])
def test_the_last_maps_that_are_wide_enough_are_used(side, layer, width):
    parts = divide(base(side, 2))
    assert parts.body.layers[-1].name == layer
    assert parts.body.output_shape[1] == width >= MIN_WIDTH


def test_the_parts_together_give_the_output_of_the_network():
    model = base(SIZE, 2)
    parts, films = divide(model), draw_films(["normal", "covid"]) / np.float32(255)
    output = parts.output(parts.head([keras.ops.convert_to_tensor(films), parts.body(films)]))
    assert np.allclose(output, model(films), atol=1e-6)


def two_paths():
    """A network whose logit grows with the first maps, and shrinks three times as much with what follows from them."""
    inputs = keras.Input((24, 24, 3))
    first = keras.layers.Conv2D(1, 3, padding="same", use_bias=False, name="first")(inputs)
    second = keras.layers.Conv2D(1, 3, padding="same", use_bias=False, name="second")(first)
    features = keras.layers.GlobalAveragePooling2D()(keras.layers.Add(name="sum")([first, second]))
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(features))
    model.set_weights([np.full((3, 3, 3, 1), 1 / 27), np.full((3, 3, 1, 1), -1 / 3), np.ones((1, 1)), np.zeros(1)])
    return model


def test_any_layer_can_be_explained_also_one_with_a_path_around_it():
    model = two_paths()
    heat = {layer: grad_cam(model, spot(6, 6), FOR_NORMAL, layer) for layer in ("first", "second", "sum")}
    assert all(each.max() > 0 for each in heat.values())
    for layer in ("first", "second"):
        assert grad_cam(model, spot(6, 6), FOR_COVID, layer).max() == 0
    for layer in heat:
        parts = divide(model, layer)
        output = parts.output(parts.head([keras.ops.convert_to_tensor(spot(6, 6)), parts.body(spot(6, 6))]))
        assert np.allclose(output, model(spot(6, 6)), atol=1e-6)


def test_many_films_are_explained_as_each_one_alone():
    films = np.concatenate([spot(x, 12) for x in range(4, 21)])
    together = grad_cam(spot_finder(), films, np.ones(len(films), int))
    assert np.allclose(together[-1:], grad_cam(spot_finder(), films[-1:], FOR_COVID))


def test_a_layer_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(UsageError, match=r"no layer 'conv9' with feature maps; .* conv4, conv5"):
        divide(base(SIZE, 2), "conv9")


def test_a_network_without_maps_is_refused():
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="feature maps"):
        divide(model)
