"""The figures of a report: curves, confusion matrix, losses, Grad-CAM.

Each is a function from numbers to a matplotlib figure; :func:`to_png` makes equal figures equal bytes.
"""

import io
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from training.evaluate.metrics import Predictions, auroc, one_against_rest, roc_curve
from training.evaluate.resample import Estimate

Floats = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]
MAX_OPACITY = 0.6  # of the strongest heat


def roc_figure(predictions: Predictions, title: str) -> Figure:
    """ROC curve of the second of two classes, or of each class against the rest."""
    figure = Figure(figsize=(4.2, 4), layout="constrained")
    axes = figure.add_subplot()
    for index in one_against_rest(predictions.classes):
        name = predictions.classes[index]
        positive, scores = predictions.actual == index, predictions.probabilities[:, index]
        area = auroc(positive, scores, np.ones(len(scores)))
        axes.plot(*roc_curve(positive, scores), label=f"{name}, AUC {area:.3f}")
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1, linestyle="--")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", title=title, aspect="equal")
    axes.legend(loc="lower right", frameon=False)
    return figure


def precision_recall_figure(curve: pd.DataFrame, areas: dict[str, Estimate], title: str) -> Figure:
    """Precision against recall of each class, from :func:`training.evaluate.curves.precision_recall`.

    Args:
        curve: the curves.
        areas: average precision by class.
        title: title of the figure.
    """
    figure = Figure(figsize=(4.2, 4), layout="constrained")
    axes = figure.add_subplot()
    for name, points in curve.groupby("class", sort=False):
        recall, precision = (
            np.concatenate([[start], points[each]]) for start, each in ((0, "recall"), (1, "precision"))
        )
        axes.step(recall, precision, where="post", label=f"{name}, AP {areas[str(name)]}")
    axes.set(xlabel="recall", ylabel="precision", title=title, xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    axes.legend(loc="lower left", frameon=False, fontsize=8)
    return figure


def reliability_figure(curves: Mapping[str, pd.DataFrame], errors: Mapping[str, Estimate], title: str) -> Figure:
    """Share of positive films against predicted probability, beside each other before and after calibration.

    Args:
        curves: of :func:`training.evaluate.calibration.reliability`, by what they show.
        errors: expected calibration error, by the same names.
        title: title of the figure.
    """
    figure = Figure(figsize=(4 * len(curves), 4.2), layout="constrained")
    figure.suptitle(title, fontsize=12)
    for axes, (shown, curve) in zip(figure.subplots(1, len(curves), squeeze=False)[0], curves.items(), strict=True):
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=1, linestyle="--")
        for name, points in curve.groupby("class", sort=False):
            above, below = points["high"] - points["share"], points["share"] - points["low"]
            axes.errorbar(
                points["probability"], points["share"], [below, above], marker="o", capsize=2, linewidth=1, label=name
            )
        axes.set(xlabel="predicted probability", ylabel="share of films of the class", aspect="equal")
        axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
        axes.set_title(f"{shown}\nECE {errors[shown]}", fontsize=9)
        axes.legend(loc="upper left", frameon=False, fontsize=8)
    return figure


def risk_coverage_figure(curve: pd.DataFrame, area: Estimate, title: str) -> Figure:
    """Share of errors against the share of films that the model decides, its surest ones first.

    Args:
        curve: of :func:`training.evaluate.curves.risk_coverage`.
        area: below the curve.
        title: title of the figure.
    """
    figure = Figure(figsize=(4.8, 3.4), layout="constrained")
    axes = figure.add_subplot()
    axes.step(curve["coverage"], curve["risk"], where="post", label=f"AURC {area}")
    axes.axhline(curve["risk"].iloc[-1], color="0.7", linewidth=1, linestyle="--", label="all films")
    axes.set(xlabel="share of films decided", ylabel="share of errors", title=title, xlim=(0, 1.02))
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=8)
    return figure


def confusion_figure(counts: Floats, classes: Sequence[str], title: str) -> Figure:
    """Confusion matrix, colored by the share of the row.

    Args:
        counts: films by actual (rows) and predicted class (columns), (k, k).
        classes: the k labels in index order.
        title: title of the figure.
    """
    figure = Figure(figsize=(4.2, 4), layout="constrained")
    axes = figure.add_subplot()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        color = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, f"{count:.0f}\n{shares[row, column]:.0%}", ha="center", va="center", color=color)
    places = range(len(classes))
    axes.set(xlabel="predicted", ylabel="actual", title=title)
    axes.set_xticks(places, classes)
    axes.set_yticks(places, classes)
    return figure


def history_figure(history: pd.DataFrame, chosen: int, title: str) -> Figure:
    """Training and validation loss by epoch.

    Args:
        history: one row per epoch with the columns epoch, loss and val_loss.
        chosen: epoch whose weights the model has; it is marked.
        title: title of the figure.
    """
    figure = Figure(figsize=(4.8, 3.4), layout="constrained")
    axes = figure.add_subplot()
    for name, label in (("loss", "training"), ("val_loss", "validation")):
        axes.plot(history["epoch"], history[name], marker=".", label=label)
    axes.axvline(chosen, color="0.6", linewidth=1, linestyle="--", label="chosen epoch")
    axes.set(xlabel="epoch", ylabel="loss", title=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False)
    return figure


def heat_figure(
    films: Floats, heat: Floats, captions: Sequence[str], full_heat: float, title: str, masks: Sequence[Bools]
) -> Figure:
    """Films in the first row, the same films overlaid with their Grad-CAM and the outline of their lungs in the second.

    Args:
        films: one channel of each film (N, S, S) in [0, 1].
        heat: Grad-CAM of each film (N, S, S), at least 0.
        captions: one per film.
        full_heat: heat that gets the strongest color; use the same value for figures that are compared.
        title: title of the figure.
        masks: where the lungs of each film are, (S, S); a mask that is empty has no outline.
    """
    count = len(films)
    figure = Figure(figsize=(max(1.7 * count, 3.4), 4.1), layout="constrained")
    figure.suptitle(title, fontsize=10)
    axes = figure.subplots(2, count, squeeze=False)
    for index in range(count):
        show(axes[0, index], films[index])
        axes[0, index].set_title(captions[index], fontsize=8)
        show(axes[1, index], overlay(films[index], heat[index], full_heat))
        if masks[index].any():
            axes[1, index].contour(masks[index], [0.5], colors="tab:cyan", linewidths=0.6)
        axes[1, index].set_xlabel(f"max {heat[index].max():.3g}", fontsize=8)
    return figure


def overlay(film: Floats, heat: Floats, full_heat: float) -> Floats:
    """Overlay a film with heat: the stronger, the more opaque.

    Args:
        film: (S, S) in [0, 1].
        heat: (S, S), at least 0.
        full_heat: heat that gets the strongest color; 0 if there is no heat at all.

    Returns:
        RGB (S, S, 3) in [0, 1].
    """
    share = np.clip(heat / full_heat, 0, 1) if full_heat > 0 else np.zeros_like(heat)
    colors = colormaps["inferno"](share)[..., :3]
    opacity = MAX_OPACITY * share[..., None]
    return np.asarray((1 - opacity) * film[..., None] + opacity * colors)


def show(axes: Axes, picture: Floats) -> None:
    """Show a picture, (S, S) or (S, S, 3) in [0, 1], without ticks or frame."""
    axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def to_png(figure: Figure) -> bytes:
    """The figure as PNG, without the version of matplotlib, so that equal figures give equal bytes."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100, metadata={"Software": None})
    return file.getvalue()
