"""A phantom with text written on it."""

import cv2
import numpy as np
from phantoms import phantom

from pipeline.imaging.marks import find_marks

FILM = cv2.resize(phantom("frontal", 1001), (620, 700), interpolation=cv2.INTER_CUBIC)
NATIVE = find_marks(FILM)  # its side marker


def written(film, words="PORTABLE 14:30", at=(60, 600), tone=255, size=0.8):
    """The film with a line of text, and the mask of the text."""
    ink = cv2.putText(np.zeros_like(film), words, at, cv2.FONT_HERSHEY_SIMPLEX, size, 255, 2, cv2.LINE_AA)
    return np.where(ink > 127, tone, film).astype(np.uint8), ink > 127
