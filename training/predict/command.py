"""``cxnet-data predict``: any image files, folders and DICOM files through a trained model."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from upath import UPath

from pipeline.classifiers.film_file import FilmFile, image_files, read_film
from pipeline.core.params import IngestParams
from pipeline.imaging.arrays import Pixels
from pipeline.prepare.enhance import CHANNELS
from sources.core.errors import CxnetError
from sources.core.storage import atomic
from training.core import backend
from training.core.data import to_float
from training.core.novelty import UNLIKE
from training.evaluate.grad_cam import grad_cam
from training.predict.predictor import Judgment, Predictor

NOTICE = "Not a medical device: for research only, not for diagnosis."
HEAT_SIDE = 512  # px of a heat map
OPACITY = 0.45  # of the heat at its maximum


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        images: files and folders.
        model: folder of the model.
        passes: passes with dropout.
        abstain: confidence below which no class is named; None = a class is always named.
        heatmaps: folder for heat maps; None = none.
        ingest: how files are read.
    """

    images: Sequence[Path]
    model: str
    passes: int
    abstain: float | None
    heatmaps: Path | None
    ingest: IngestParams


@dataclass(frozen=True)
class FilmPrediction:
    """The result for one image.

    Attributes:
        image: its path.
        image_id: sha256 of the file; None if it cannot be read.
        label: the predicted class; None if the model abstains, or the file cannot be used.
        probabilities: probability of each class.
        confidence: calibrated probability of the likeliest class.
        sd: standard deviation of the likeliest class's probability over passes with dropout; None = no dropout.
        novelty: share of the validation films that are more like the training films.
        unlike: whether the film is unlike the training films: more than 99% of the validation films are.
        heatmap: file of the heat map.
        heat: its maximum, in units of the logit: how much evidence the brightest place is.
        problem: why the file cannot be used, as a sentence.
    """

    image: str
    image_id: str | None = None
    label: str | None = None
    probabilities: dict[str, float] | None = None
    confidence: float | None = None
    sd: float | None = None
    novelty: float | None = None
    unlike: bool | None = None
    heatmap: str | None = None
    heat: float | None = None
    problem: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The result as JSON values."""
        return asdict(self)


def predict(request: Request) -> Iterator[FilmPrediction]:
    """Predict every image, in the order given; a file that cannot be used has a ``problem``.

    Raises:
        CxnetError: the model cannot be used, or a heat map cannot be written.
    """
    images = list(dict.fromkeys(image for given in request.images for image in image_files(given)))
    backend.start(seed=0)
    predictor = Predictor.load(UPath(request.model))
    for image in images:
        try:
            film = read_film(image, request.ingest)
        except CxnetError as error:
            yield FilmPrediction(str(image), problem=str(error))
            continue
        yield _predict_film(predictor, request, image, film)


def _predict_film(predictor: Predictor, request: Request, image: Path, film: FilmFile) -> FilmPrediction:
    pixels = predictor.to_input(film.gray)
    judged = predictor.judge(pixels, request.passes)
    classes = predictor.record.classes
    heatmap, heat = None, None
    if request.heatmaps is not None:
        heatmap = request.heatmaps / f"{image.stem}_{film.image_id[:8]}.png"
        heat = _write_heatmap(predictor, pixels, judged, heatmap)
    sure = request.abstain is None or judged.confidence >= request.abstain
    return FilmPrediction(
        image=str(image),
        image_id=film.image_id,
        label=classes[judged.predicted] if sure else None,
        probabilities={name: round(float(p), 6) for name, p in zip(classes, judged.probabilities, strict=True)},
        confidence=round(judged.confidence, 6),
        sd=None if judged.sd is None else round(judged.sd, 6),
        novelty=round(judged.novelty, 4),
        unlike=judged.novelty > UNLIKE,
        heatmap=None if heatmap is None else str(heatmap),
        heat=None if heat is None else round(heat, 6),
    )


def _write_heatmap(predictor: Predictor, pixels: Pixels, judged: Judgment, path: Path) -> float:
    """Write Grad-CAM of the predicted class over the film; return its maximum. A map without evidence stays gray."""
    heat = grad_cam(predictor.model, to_float(pixels[None]), np.array([judged.predicted]))[0]
    most = float(heat.max())
    share = cv2.resize(heat / most if most > 0 else heat, (HEAT_SIDE, HEAT_SIDE), interpolation=cv2.INTER_LINEAR)
    film = cv2.resize(pixels[..., CHANNELS.index("original")], (HEAT_SIDE, HEAT_SIDE), interpolation=cv2.INTER_CUBIC)
    colors = cv2.applyColorMap(np.rint(share * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    weight = OPACITY * share[..., None]
    picture = np.rint(film[..., None] * (1 - weight) + colors * weight).astype(np.uint8)
    with atomic(path) as file:
        file.write(cv2.imencode(".png", picture)[1].tobytes())
    return most
