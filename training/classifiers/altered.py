"""Altered copies of films, as other scanners and sites make them: what small networks must not be misled by."""

import cv2
import numpy as np

from training.classifiers.known_films import Gray


def alter(picture: Gray, rng: np.random.Generator, mirror: float = 0.5) -> Gray:
    """A copy as another scanner or site might have made it: turned a little, cut, mirrored, re-toned, framed.

    Args:
        mirror: share of the copies that are mirrored.
    """
    height, width = picture.shape
    turned = cv2.getRotationMatrix2D((width / 2, height / 2), rng.normal(0, 4), 1.0)
    changed = cv2.warpAffine(picture, turned, (width, height), borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < mirror:
        changed = changed[:, ::-1]
    top, bottom, left, right = rng.uniform(0, 0.12, 4) * (rng.random() < 0.7)
    changed = changed[int(top * height) : int((1 - bottom) * height), int(left * width) : int((1 - right) * width)]
    levels = 255 * np.clip(
        (np.arange(256) / 255 * rng.uniform(0.7, 1.3) + rng.uniform(-0.15, 0.15)), 0, 1
    ) ** rng.uniform(0.6, 1.7)
    changed = cv2.LUT(np.ascontiguousarray(changed), levels.astype(np.uint8))
    if rng.random() < 0.3:
        top, bottom, left, right = (int(side) for side in rng.integers(0, 50, 4) * (rng.random(4) < 0.6))
        changed = cv2.copyMakeBorder(
            changed, top, bottom, left, right, borderType=cv2.BORDER_CONSTANT, value=(float(rng.choice([0, 0, 255])),)
        )
    if rng.random() < 0.3:
        changed = cv2.GaussianBlur(changed, (0, 0), rng.uniform(0.4, 1.6))
    if rng.random() < 0.3:
        changed = np.clip(changed + rng.normal(0, rng.uniform(1, 8), changed.shape), 0, 255).astype(np.uint8)
    return np.asarray(changed, np.uint8)
