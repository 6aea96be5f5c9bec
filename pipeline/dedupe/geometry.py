"""Affine maps between pictures, as 3 x 3 matrices: what dedupe's proof and its overlays are built of."""

from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Matrix: TypeAlias = npt.NDArray[Any]  # float64 (3, 3), maps (x, y, 1) of one picture to that of another


def overlap_area(matrix: Matrix, a_shape: tuple[int, ...], b_shape: tuple[int, ...]) -> float:
    """Area of the part of the first film that lies on the second, in pixels of the first.

    Args:
        matrix: pixels of the first film to those of the second.
        a_shape, b_shape: height and width of either (px).
    """
    back = np.linalg.inv(matrix)
    seen = _corners(b_shape) @ back[:2, :2].T + back[:2, 2]
    return float(cv2.intersectConvexConvex(_corners(a_shape).astype(np.float32), seen.astype(np.float32))[0])


def scaling(x: float, y: float) -> Matrix:
    """Scales a picture; pixel centres stay pixel centres."""
    return np.array([[x, 0, 0.5 * x - 0.5], [0, y, 0.5 * y - 0.5], [0, 0, 1]])


def square(matrix: npt.NDArray[Any]) -> Matrix:
    """An affine map (2, 3), as OpenCV gives it, as float64 (3, 3)."""
    return np.vstack([matrix.astype(np.float64), [0.0, 0.0, 1.0]])


def _corners(shape: tuple[int, ...]) -> Matrix:
    height, width = shape
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64) - 0.5
