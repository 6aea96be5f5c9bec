import json

import numpy as np
import onnx
import pytest
from lung_films import dark_network
from onnx import numpy_helper

from pipeline.classifiers.lungs import FACTS, equalize, lung_network
from sources.core.errors import UsageError


def test_the_shipped_network_knows_both_definitions_and_is_small():
    network = lung_network("shipped", "visible")
    assert network.facts.definitions == ("visible", "whole")
    maps = network.probabilities([np.zeros((network.facts.size,) * 2, np.uint8)] * 3, "whole")
    assert maps.shape == (3, network.facts.size, network.facts.size)
    assert maps.dtype == np.float32 and maps.min() >= 0 and maps.max() <= 1


def test_the_answer_to_a_film_does_not_depend_on_the_films_beside_it():
    network = lung_network("shipped", "whole")
    films = [
        equalize(np.random.default_rng(n).integers(0, 256, (network.facts.size,) * 2).astype(np.uint8)) for n in (1, 2)
    ]
    assert np.array_equal(network.probabilities(films, "whole")[1], network.probabilities(films[1:], "whole")[0])


def test_each_output_is_asked_by_its_name(tmp_path):
    network = lung_network(dark_network(tmp_path / "n.onnx", definitions=("visible", "whole")), "whole")
    film = np.full((32, 32), 250, np.uint8)
    film[:, :16] = 0
    for definition in ("visible", "whole"):
        (found,) = network.probabilities([film], definition)
        assert found[:, :15].min() > 0.99 and found[:, 17:].max() < 0.01


def test_a_definition_that_the_network_does_not_know_is_refused(tmp_path):
    place = dark_network(tmp_path / "n.onnx", definitions=("visible",))
    with pytest.raises(
        UsageError, match=r"finds lungs by the definition visible, not whole; change segment\.definition"
    ):
        lung_network(place, "whole")


def truncated(path):
    path.write_bytes(path.read_bytes()[:-40])


def without_facts(path):
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.save(model, path)


def with_nan(path):
    model = onnx.load(path)
    weight = model.graph.initializer[0]
    weight.CopyFrom(numpy_helper.from_array(np.full_like(numpy_helper.to_array(weight), np.nan), weight.name))
    onnx.save(model, path)


def with_facts(**changed):
    def change(path):
        model = onnx.load(path)
        facts = json.loads(model.metadata_props[0].value) | changed
        onnx.helper.set_model_props(model, {FACTS: json.dumps(facts)})
        onnx.save(model, path)

    return change


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncated, "is no lung network of this package"),
        (lambda path: path.write_bytes(b""), "is no lung network of this package"),
        (lambda path: path.write_text("weights"), "is no lung network of this package"),
        (without_facts, "is no lung network of this package"),
        (with_nan, "has weights that are no numbers"),
        (with_facts(version=2), "is a lung network of version 2, this version reads 1"),
        (with_facts(size=0), "states an input of 0 px"),
        (with_facts(size=10**6), "states an input of 1000000 px"),
        (with_facts(definitions=[]), "0 outputs"),
        (with_facts(definitions=["whole", "visible"]), "does not give the masks that it states"),
        (with_facts(size="wide"), "is no lung network of this package"),
        (lambda path: path.unlink(), "Cannot read the lung network .*No such file"),
    ],
)
def test_a_file_that_is_no_lung_network_is_refused_in_one_sentence(tmp_path, damage, message):
    path = tmp_path / "n.onnx"
    dark_network(path)
    damage(path)
    with pytest.raises(UsageError, match=message):
        lung_network(str(path), "whole")
