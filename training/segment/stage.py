"""Train a lung network on the masks that sources publish (paper, section 3): the U-Net of the paper, or a small one.

Reads ``masks.parquet`` of the sources, the pool and ``dedupe.parquet``. Writes ``models/lungs/``: ``lungs.onnx``, for
``segment.network`` of a profile; ``model.keras``; ``params.json``, options and figures; ``history.csv``, the loss of
each epoch. A share of the patients is held out and judges the network.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from pipeline.classifiers.lungs import VERSION, LungFacts, read_network
from pipeline.core.layout import Layout
from pipeline.core.params import Definition, LungsParams, Params, SegmentParams
from pipeline.core.summary import Summary
from pipeline.imaging.masks import mask_of_size
from pipeline.segment.find import find_lungs
from pipeline.segment.variants import dice
from sources.core.errors import CxnetError
from sources.core.storage import atomic, atomic_folder, write_json
from sources.core.text import counted
from training.core import backend
from training.core.model_file import MODEL
from training.export.onnx import to_onnx
from training.models.lung_net import lung_net
from training.models.unet import unet
from training.segment.fit import fit
from training.segment.source_masks import SourceFilm, read_source_films

FOLDER, NETWORK = "lungs", "lungs.onnx"
ZOOM = 1.5  # films in memory are larger than the input, so that changes do not blur them


@dataclass(frozen=True)
class LungsSummary(Summary):
    """Result of one training run.

    Attributes:
        layers, parameters: size of the network.
        films: films trained on; ``judged``: films held out.
        dice: mean Dice on these.
        loss: of the last epoch.
    """

    layers: int
    parameters: int
    films: int
    judged: int
    dice: float
    loss: float

    def __str__(self) -> str:
        return (
            f"{self.layers} layers, {self.parameters:,} parameters, {counted(self.films, 'film')}, "
            f"loss {self.loss:.3g}, mean Dice {self.dice:.3f} on {counted(self.judged, 'film')} held out"
        )


def run(layout: Layout, params: Params) -> LungsSummary:
    """Train the network of ``params.lungs`` and write ``models/lungs/``.

    Raises:
        CxnetError: no film has a mask, none is held out or all are, or the loss is not a number.
    """
    options = params.lungs
    films = read_source_films(layout, options.definition, round(ZOOM * options.size), params.ingest)
    judged = [each for each in films if each.is_held_out(options.held_out)]
    trained = [each.film for each in films if not each.is_held_out(options.held_out)]
    if not judged or not trained:
        raise CxnetError(
            f"{counted(len(films), 'film')} with a mask: too few patients to train and to judge; change lungs.held_out "
            "or add films."
        )
    backend.start(options.seed)
    model = _build(options)
    losses = fit(
        model,
        trained,
        (options.definition,),
        epochs=options.epochs,
        batch=options.batch_size,
        rate=options.learning_rate,
        seed=options.seed,
    )
    if not np.isfinite(losses[-1]):
        raise CxnetError("The loss of the lung network is not a number; lower lungs.learning_rate.")
    network = to_onnx(model, LungFacts(VERSION, options.size, (options.definition,)).to_metadata())
    score = _mean_dice(network, judged, options.definition)
    summary = LungsSummary(len(model.layers), model.count_params(), len(trained), len(judged), score, losses[-1])
    _write(layout, model, network, options, summary, losses)
    return summary


def _build(options: LungsParams) -> keras.Model:
    if options.network == "lung_net":
        return lung_net(options.size, 1, options.filters)
    return unet(options.size, options.filters)


def _mean_dice(network: bytes, judged: Sequence[SourceFilm], definition: Definition) -> float:
    """Mean Dice of the masks that the stage ``segment`` would make with a network."""
    loaded, params = read_network(network, NETWORK), SegmentParams(definition=definition)
    scores = []
    for film in (each.film for each in judged):
        found = find_lungs(film.picture, loaded, params).mask
        scores.append(dice(mask_of_size(found, *film.picture.shape[::-1]) > 0, film.masks[definition] > 0))
    return float(np.mean(scores))


def _write(
    layout: Layout,
    model: keras.Model,
    network: bytes,
    options: LungsParams,
    summary: LungsSummary,
    losses: Sequence[float],
) -> None:
    """Write ``models/lungs/``; an earlier folder stays until the new one is complete."""
    with atomic_folder(layout.model(FOLDER)) as folder, tempfile.TemporaryDirectory() as local:
        kept = Path(local) / MODEL
        model.save(kept)
        for name, data in ((MODEL, kept.read_bytes()), (NETWORK, network)):
            with atomic(folder / name) as file:
                file.write(data)
        write_json(folder / "params.json", {"options": options.model_dump(mode="json"), "result": summary.numbers()})
        rows = "".join(f"{epoch},{loss:.6g}\n" for epoch, loss in enumerate(losses, 1))
        with atomic(folder / "history.csv", "w") as file:
            file.write(f"epoch,loss\n{rows}")
