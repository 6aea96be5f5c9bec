"""Phantoms of the sandbox, and a page of text, as gray pictures."""

import cv2
import numpy as np

from sources.sandbox.anatomy import draw_anatomy
from sources.sandbox.other_views import ct_axial, figure, lateral
from sources.sandbox.phantom import Exposure, frontal


def phantom(kind, seed):
    """A picture of one kind: frontal, lateral, ct or figure."""
    anatomy = draw_anatomy(np.random.default_rng(seed), 55, "F" if seed % 2 else "M")
    exposure = Exposure(380, 340, seed, "normal" if seed % 3 else "covid", 0.7, 1, seed, False)
    pictures = {
        "frontal": lambda: frontal(anatomy, exposure)[0],
        "lateral": lambda: lateral(anatomy, exposure),
        "ct": lambda: ct_axial(anatomy, exposure),
        "figure": lambda: figure(exposure),
    }
    return pictures[kind]()


def page_of_text():
    page = np.full((500, 380), 255, np.uint8)
    for line in range(30):
        cv2.putText(page, "words and more words in a line", (10, 20 + 16 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 0, 1)
    return page


def film(seed: int) -> np.ndarray:
    anatomy = draw_anatomy(np.random.default_rng(seed), 55, "F" if seed % 2 else "M")
    return frontal(anatomy, Exposure(400, 380, seed, "normal", 0.0, 1, seed, False))[0]
