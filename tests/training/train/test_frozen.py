"""A frozen trunk: only the head learns, on cached vectors, and the saved model is the whole network."""

import numpy as np
import pytest
from pydantic import ValidationError
from synthetic_arrays import SIZE, profile, write_arrays

from pipeline.prepare.arrays import read_arrays
from training.core import backend
from training.core.data import select, to_float
from training.core.model_file import load_model
from training.evaluate import stage as evaluate
from training.models import build
from training.train import stage as train
from training.train.learner import Learner


def frozen(**options):
    return profile(
        **{"model": "efficientnet_lite", "frozen": True, "augmentation": "mirror", "epochs": 3, "learning_rate": 0.02}
        | options
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    layout = write_arrays(tmp_path_factory.mktemp("frozen"))
    train.run(layout, frozen(), "tiny")
    return layout, load_model(layout.model("tiny") / "model.keras")[0]


def test_the_trunk_stays_and_the_head_learns(trained):
    options = frozen().experiments["tiny"]
    arrays = read_arrays(trained[0], str(SIZE))
    backend.start(options.seed)
    before = build(options)
    Learner.of(before, trained[0], arrays, options, select(arrays, ["train"], options.classes))
    same = {
        variable.path: bool((variable.numpy() == other.numpy()).all())
        for variable, other in zip(before.weights, trained[1].weights, strict=True)
    }
    assert {path for path, equal in same.items() if not equal} == {"output/kernel", "output/bias"}


def test_the_whole_model_predicts_what_its_head_predicts_from_the_vectors(trained):
    layout, model = trained
    arrays, options = read_arrays(layout, str(SIZE)), frozen().experiments["tiny"]
    films = select(arrays, ["train", "test"], options.classes)
    learner = Learner.of(model, layout, arrays, options, select(arrays, ["train"], options.classes))
    from_vectors = learner.model.predict(learner.vectors.films[films.positions], verbose=0)
    from_films = model.predict(to_float(films.images[films.positions]), verbose=0)
    np.testing.assert_allclose(from_films, from_vectors, atol=1e-5)
    assert np.ptp(from_films) > 1e-3
    assert len(list(layout.vectors(str(SIZE)).iterdir())) == 2  # the trunk of the saved model made what is cached


def test_a_second_experiment_uses_the_vectors_of_the_first(trained):
    layout, _ = trained
    before = {path: path.stat().st_mtime_ns for path in layout.vectors(str(SIZE)).iterdir()}
    train.run(layout, frozen(learning_rate=0.001, label_smoothing=0.1), "tiny")
    assert {path: path.stat().st_mtime_ns for path in layout.vectors(str(SIZE)).iterdir()} == before
    assert "accuracy" in str(evaluate.run(layout, frozen(learning_rate=0.001, label_smoothing=0.1), "tiny"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "base"}, "model base has no trunk to freeze"),
        ({"augmentation": "modest"}, "set it to none or mirror"),
        ({"batch_norm_momentum": 0.9}, "leave batch_norm_momentum empty"),
    ],
)
def test_options_that_a_frozen_trunk_cannot_follow_are_refused(options, message):
    with pytest.raises(ValidationError, match=message):
        frozen(**options)
