"""Names for the arrays that travel between modules. OpenCV's annotations do not give shapes or dtypes, nor do these."""

from typing import Any, TypeAlias

from numpy.typing import NDArray

Gray: TypeAlias = NDArray[Any]  # a picture: (H, W) uint8, 0 is black
Pixels: TypeAlias = NDArray[Any]  # samples of any dtype: (H, W), (H, W, 3) BGR or (H, W, 4) BGRA
Box: TypeAlias = tuple[int, int, int, int]  # part of a picture: left, top, width, height (px)
