"""Altered copies of films, so that the small networks do not depend on how a scanner or site renders a film."""

import cv2
import numpy as np

from pipeline.imaging.arrays import Gray


def alter(picture: Gray, rng: np.random.Generator, mirror: float = 0.5) -> Gray:
    """Make a copy as another scanner or site might have: slightly rotated, cropped, mirrored, with other tones, framed.

    Args:
        picture: (H, W) uint8.
        rng: random generator; equal states give equal copies.
        mirror: probability of mirroring.

    Returns:
        (H', W') uint8.
    """
    height, width = picture.shape
    rotation = cv2.getRotationMatrix2D((width / 2, height / 2), rng.normal(0, 4), 1.0)
    altered: Gray = cv2.warpAffine(picture, rotation, (width, height), borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < mirror:
        altered = altered[:, ::-1]
    top, bottom, left, right = rng.uniform(0, 0.12, 4) * (rng.random() < 0.7)
    altered = altered[int(top * height) : int((1 - bottom) * height), int(left * width) : int((1 - right) * width)]
    levels = 255 * np.clip(
        (np.arange(256) / 255 * rng.uniform(0.7, 1.3) + rng.uniform(-0.15, 0.15)), 0, 1
    ) ** rng.uniform(0.6, 1.7)
    altered = cv2.LUT(np.ascontiguousarray(altered), levels.astype(np.uint8))
    if rng.random() < 0.3:
        top, bottom, left, right = (int(side) for side in rng.integers(0, 50, 4) * (rng.random(4) < 0.6))
        altered = cv2.copyMakeBorder(
            altered, top, bottom, left, right, borderType=cv2.BORDER_CONSTANT, value=(float(rng.choice([0, 0, 255])),)
        )
    if rng.random() < 0.3:
        altered = cv2.GaussianBlur(altered, (0, 0), rng.uniform(0.4, 1.6))
    if rng.random() < 0.3:
        altered = np.clip(altered + rng.normal(0, rng.uniform(1, 8), altered.shape), 0, 255).astype(np.uint8)
    return altered
