"""Painting over burned-in text and drawn marks (Fig. 17 of the paper, arXiv:2006.13807)."""

import cv2
import numpy as np

from pipeline.imaging.arrays import Gray
from pipeline.imaging.marks import find_marks

RADIUS = 4  # px around a mark's pixel from which its gray is estimated


def conceal(gray: Gray) -> Gray:
    """In-paint the marks of a picture (H, W) uint8 from their surroundings (Telea 2004).

    A picture without marks is returned itself, not a copy.
    """
    mask = find_marks(gray)
    return np.asarray(cv2.inpaint(gray, mask, RADIUS, cv2.INPAINT_TELEA), np.uint8) if mask.any() else gray
