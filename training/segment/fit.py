"""Train a lung network: Adam, a rate that warms up and falls, averaged weights."""

from collections.abc import Sequence

import keras

from training.core import backend
from training.core.progress import Progress
from training.segment.films import ChangedFilms, MaskedFilm
from training.segment.losses import MaskLoss

WARM_UP = 0.1  # share of the steps in which the rate rises


def fit(
    model: keras.Model,
    films: Sequence[MaskedFilm],
    definitions: Sequence[str],
    *,
    epochs: int,
    batch: int = 16,
    rate: float = 3e-3,
    seed: int = 18,
    name: str = "lungs",
) -> list[float]:
    """Train ``model`` in place.

    Args:
        model: a network of :mod:`training.models`: films (N, size, size, 1) to masks (N, side, side, K).
        films: at least one.
        definitions: of lungs, in the order of the outputs.
        epochs: number of passes over the films.
        batch: films per step.
        rate: highest learning rate.
        seed: seed of order and changes.
        name: name of the run, for the progress bar.

    Returns:
        The loss of each epoch.
    """
    batches = ChangedFilms(films, definitions, model.input_shape[1], model.output_shape[1], batch, seed)
    steps = epochs * len(batches)
    warm = max(1, round(WARM_UP * steps))
    schedule = keras.optimizers.schedules.CosineDecay(
        rate / 20, decay_steps=max(1, steps - warm), warmup_target=rate, warmup_steps=warm
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=1e-4, clipnorm=1.0, use_ema=True, ema_momentum=0.99)
    model.compile(optimizer, MaskLoss(), jit_compile=backend.compiles())
    fitted = model.fit(batches, epochs=epochs, shuffle=False, verbose=0, callbacks=[Progress(name)])
    return [float(loss) for loss in fitted.history["loss"]]
