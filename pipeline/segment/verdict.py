"""Is a mask that of two lungs? Areas, number of parts, shape and position tell."""

from pipeline.core.params import SegmentParams
from pipeline.imaging.arrays import Gray
from pipeline.segment.masks import GRID, bounds, parts_of

MIN_ASPECT, MAX_ASPECT = 0.6, 2.4  # width / height of the box around both lungs, on the film
MIN_CENTER, MAX_CENTER = 0.2, 0.8  # of that box, as a share of the film's sides


def implausible(mask: Gray, width: int, height: int, params: SegmentParams) -> str | None:
    """Why a mask cannot be that of a chest's lungs; None if it can.

    Args:
        mask: bool (GRID, GRID).
        width, height: of the film (px).
        params: the plausible range of areas.
    """
    share = float(mask.mean())
    if share == 0:
        return "no lungs found"
    box = bounds(mask)
    aspect = (box.width * width) / (box.height * height)
    if aspect < MIN_ASPECT:
        return (
            "only one lung found"
            if parts_of(mask) == 1
            else f"the lungs are too narrow ({aspect:.2f} times as wide as high)"
        )
    if aspect > MAX_ASPECT:
        return f"the lungs are too wide ({aspect:.2f} times as wide as high)"
    if not params.min_share <= share <= params.max_share:
        return f"the lungs cover {share:.0%} of the film"
    center = ((box.left + box.right) / (2 * GRID), (box.top + box.bottom) / (2 * GRID))
    if not all(MIN_CENTER <= place <= MAX_CENTER for place in center):
        return "the lungs are at the rim of the film"
    return None
