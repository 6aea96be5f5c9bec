"""Names for the arrays that travel between modules.

OpenCV's annotations give neither shapes nor dtypes, so these names only document them.
"""

from typing import Any, TypeAlias

from numpy.typing import NDArray

Gray: TypeAlias = NDArray[Any]  # a picture: (H, W) uint8, 0 is black
Pixels: TypeAlias = NDArray[Any]  # samples of any dtype: (H, W), (H, W, C), or several pictures (N, H, W, C)
Box: TypeAlias = tuple[int, int, int, int]  # part of a picture: left, top, width, height (px)
