"""The pictures of a report: ROC, confusion, losses, Grad-CAM. Each is a function from numbers to PNG bytes.

Equal numbers give equal bytes.
"""

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from training.evaluate.metrics import Judged, auroc, roc_curve

Floats = npt.NDArray[np.floating]
SEEN = 0.6  # opacity of the strongest heat


def draw_roc(judged: Judged, title: str) -> bytes:
    """ROC of the second of two classes, or of each class against the rest."""
    figure = Figure(figsize=(4.2, 4), layout="constrained")
    axes = figure.add_subplot()
    for index, name in enumerate(judged.classes):
        if index == 0 and len(judged.classes) == 2:
            continue
        positive, scores = judged.actual == index, judged.probabilities[:, index]
        area = auroc(positive, scores, np.ones(len(scores)))
        axes.plot(*roc_curve(positive, scores), label=f"{name}, area {area:.3f}")
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1, linestyle="--")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", title=title, aspect="equal")
    axes.legend(loc="lower right", frameon=False)
    return to_png(figure)


def draw_confusion(counts: Floats, classes: Sequence[str], title: str) -> bytes:
    """Confusion matrix (k, k), rows actual, coloured by share of the row."""
    figure = Figure(figsize=(4.2, 4), layout="constrained")
    axes = figure.add_subplot()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, f"{count:.0f}\n{shares[row, column]:.0%}", ha="center", va="center", color=colour)
    places = range(len(classes))
    axes.set(xlabel="predicted", ylabel="actual", title=title)
    axes.set_xticks(places, classes)
    axes.set_yticks(places, classes)
    return to_png(figure)


def draw_history(history: pd.DataFrame, title: str) -> bytes:
    """Training and validation loss per epoch, the chosen epoch marked."""
    figure = Figure(figsize=(4.8, 3.4), layout="constrained")
    axes = figure.add_subplot()
    for name, label in (("loss", "training"), ("val_loss", "validation")):
        axes.plot(history["epoch"], history[name], marker=".", label=label)
    best = history.iloc[int(np.nanargmin(history["val_loss"]))]
    axes.axvline(float(best["epoch"]), color="0.6", linewidth=1, linestyle="--", label="chosen")
    axes.set(xlabel="epoch", ylabel="loss", title=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False)
    return to_png(figure)


def draw_heat(films: Floats, heat: Floats, captions: Sequence[str], strongest: float, title: str) -> bytes:
    """Films above, the same films with their Grad-CAM below.

    Args:
        films: (N, S, S) in [0, 1], one channel.
        heat: (N, S, S), at least 0.
        captions: one per film.
        strongest: heat that is drawn in full; the same for all figures that are to be compared.
        title: above all.
    """
    count = len(films)
    figure = Figure(figsize=(max(1.7 * count, 3.4), 4.1), layout="constrained")
    figure.suptitle(title, fontsize=10)
    axes = figure.subplots(2, count, squeeze=False)
    for index in range(count):
        show(axes[0, index], films[index])
        axes[0, index].set_title(captions[index], fontsize=8)
        show(axes[1, index], overlay(films[index], heat[index], strongest))
        axes[1, index].set_xlabel(f"greatest {heat[index].max():.3g}", fontsize=8)
    return to_png(figure)


def overlay(film: Floats, heat: Floats, strongest: float) -> Floats:
    """Film (S, S) with heat laid over it, as opaque as it is strong; (S, S, 3) in [0, 1]."""
    share = np.clip(heat / strongest, 0, 1) if strongest > 0 else np.zeros_like(heat)
    colours = colormaps["inferno"](share)[..., :3]
    opacity = SEEN * share[..., None]
    return np.asarray((1 - opacity) * film[..., None] + opacity * colours)


def show(axes: Axes, picture: Floats) -> None:
    """A picture without ticks or frame."""
    axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def to_png(figure: Figure) -> bytes:
    """The figure as PNG, without the version of what drew it."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100, metadata={"Software": None})
    return file.getvalue()
