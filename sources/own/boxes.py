"""Boxes around findings, in the ways that published tables write them."""

from collections.abc import Mapping

BOX_COLUMNS = ("box_left", "box_top", "box_width", "box_height", "box_right", "box_bottom")
_SIZED = BOX_COLUMNS[:4]
_CORNERS = ("box_left", "box_top", "box_right", "box_bottom")
KNOWN_NAMES: tuple[Mapping[str, str], ...] = (  # our columns -> those of RSNA, VinDr and NIH (commas in names)
    dict(zip(_SIZED, ("x", "y", "width", "height"), strict=True)),
    dict(zip(_CORNERS, ("x_min", "y_min", "x_max", "y_max"), strict=True)),
    dict(zip(_CORNERS, ("xmin", "ymin", "xmax", "ymax"), strict=True)),
    dict(zip(_SIZED, ("Bbox [x", "y", "w", "h]"), strict=True)),
)


def sides_of(
    left: float | None,
    top: float | None,
    width: float | None,
    height: float | None,
    right: float | None,
    bottom: float | None,
) -> tuple[float, float, float, float] | None:
    """Left, top, width and height of a box that is given by its size or by its corners; None if it has no area."""
    if width is None and left is not None and right is not None:
        width = right - left
    if height is None and top is not None and bottom is not None:
        height = bottom - top
    if left is None or top is None or width is None or height is None or width <= 0 or height <= 0:
        return None
    return left, top, width, height
