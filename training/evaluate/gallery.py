"""Films beside what explains the decisions on them, as in the paper's Figs. 15 and 18 to 22."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from training.evaluate.figures import overlay, show
from training.evaluate.lime import Explanation

Floats = npt.NDArray[np.floating]
GREEN, RED = (0.1, 0.7, 0.2), (0.9, 0.1, 0.1)
OPACITY = 0.4


@dataclass(frozen=True)
class Explained:
    """A film (S, S) in [0, 1], its Grad-CAM (S, S), its LIME, and what was decided."""

    film: Floats
    heat: Floats
    lime: Explanation
    caption: str


def gallery_figure(explained: Sequence[Explained], full_heat: float, features: int, title: str) -> Figure:
    """One row per film: the film, its Grad-CAM, and the superpixels that support (green) or oppose (red) the class.

    Args:
        explained: the films.
        full_heat: heat that gets the strongest color; use the same value for figures that are compared.
        features: superpixels shown of each kind.
        title: title of the figure.
    """
    figure = Figure(figsize=(6.6, 2.5 * len(explained) + 0.4), layout="constrained")
    figure.suptitle(title, fontsize=10)
    for axes, each in zip(figure.subplots(len(explained), 3, squeeze=False), explained, strict=True):
        show(axes[0], each.film)
        axes[0].set_title(each.caption, fontsize=8)
        show(axes[1], overlay(each.film, each.heat, full_heat))
        axes[1].set_title(f"Grad-CAM, max {each.heat.max():.3g}", fontsize=8)
        show(axes[2], lime_overlay(each.film, each.lime, features))
        axes[2].set_title(f"LIME, R² {each.lime.fit:.2f}", fontsize=8)
    return figure


def lime_overlay(film: Floats, explanation: Explanation, features: int) -> Floats:
    """The film (S, S) with its strongest superpixels in green and red; RGB (S, S, 3) in [0, 1]."""
    picture = np.repeat(film[..., None], 3, axis=2).astype(float)
    for mask, color in ((explanation.supporting(features), GREEN), (explanation.opposing(features), RED)):
        picture[mask] = (1 - OPACITY) * picture[mask] + OPACITY * np.array(color)
    return picture
