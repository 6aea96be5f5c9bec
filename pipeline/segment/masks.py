"""From probabilities of lung to a clean mask, and from the mask to the box that a film is cropped to.

Both lie on a grid of 320 x 320 cells over the film, the paper's input, so that its dilation (a 5 x 5 square, three
times) and margin (px) mean the same here.
"""

import cv2
import numpy as np

from pipeline.classifiers.lungs import Maps
from pipeline.core.params import SegmentParams
from pipeline.imaging.masks import LungBox, Mask

GRID = 320  # cells along each side of the film
SPECK = 0.08  # a second part that is smaller than this share of the first is no lung


def clean_mask(probabilities: Maps) -> Mask:
    """The lungs on the grid, bool (GRID, GRID): the two largest parts above 0.5, with their holes filled."""
    large = cv2.resize(probabilities, (GRID, GRID), interpolation=cv2.INTER_LINEAR)
    count, labels, stats, _ = cv2.connectedComponentsWithStats((large > 0.5).astype(np.uint8), connectivity=4)
    areas = stats[:, cv2.CC_STAT_AREA]
    parts = sorted(range(1, count), key=lambda part: (-areas[part], part))[:2]
    kept = [part for part in parts if areas[part] >= SPECK * areas[parts[0]]]
    return _without_holes(np.isin(labels, kept))


def _without_holes(mask: Mask) -> Mask:
    """The mask and everything that it encloses."""
    framed = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    cv2.floodFill(framed, None, (0, 0), 0)  # what the frame reaches is outside
    return np.asarray(mask | (framed[1:-1, 1:-1] > 0), bool)


def parts_of(mask: Mask) -> int:
    """Number of separate parts of a mask."""
    return int(cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)[0]) - 1


def bounds(mask: Mask) -> LungBox:
    """The smallest box around a mask that is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return LungBox(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def crop_box(mask: Mask, width: int, height: int, params: SegmentParams) -> LungBox:
    """The box of a film of ``width`` x ``height`` px around the dilated mask and a margin; never empty.

    Args:
        mask: bool (GRID, GRID), not empty.
        width, height: of the film (px).
        params: dilation and margin.
    """
    square = np.ones((params.dilation, params.dilation), np.uint8)
    dilated = cv2.dilate(mask.astype(np.uint8), square, iterations=params.iterations)
    tight = bounds(dilated > 0)
    wide = LungBox(
        max(0, tight.left - params.margin),
        max(0, tight.top - params.margin),
        min(GRID, tight.right + params.margin),
        min(GRID, tight.bottom + params.margin),
    )
    return wide.scaled((GRID, GRID), (width, height))


def touches_rim(mask: Mask) -> bool:
    """Does a mask leave the picture: does it lie along more than a few of the outermost cells of a side?"""
    return any(np.count_nonzero(side) > GRID // 64 for side in (mask[0], mask[-1], mask[:, 0], mask[:, -1]))
