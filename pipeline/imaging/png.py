"""The format of stored pictures: 8-bit gray PNG, tuned for speed.

With filter ``up`` and Huffman coding only, writing *and* reading take half the time of OpenCV's defaults, for 12 % more
bytes (``benchmarks/pipeline.py``). Every stage after ingest reads the pool, so reading matters more than writing.
"""

import cv2
import numpy as np

from pipeline.imaging.arrays import Gray
from sources.core.errors import CxnetError

OPTIONS = [
    cv2.IMWRITE_PNG_COMPRESSION,
    1,
    cv2.IMWRITE_PNG_STRATEGY,
    cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY,
    cv2.IMWRITE_PNG_FILTER,
    cv2.IMWRITE_PNG_FILTER_UP,
]


def encode_png(gray: Gray) -> bytes:
    """Encode a picture; equal pictures give equal bytes."""
    return cv2.imencode(".png", gray, OPTIONS)[1].tobytes()


def decode_png(data: bytes, film: str = "a film") -> Gray:
    """Decode a stored picture.

    Args:
        data: as :func:`encode_png` wrote it.
        film: ``<source>/<item_id>``, for the error message.

    Raises:
        CxnetError: the bytes are not a picture.
    """
    buffer = np.frombuffer(data, np.uint8)
    gray = cv2.imdecode(buffer, cv2.IMREAD_GRAYSCALE) if buffer.size else None  # OpenCV raises on an empty buffer
    if gray is None:
        raise CxnetError(f"The stored picture of {film} is damaged; run `dvc repro` to make it again.")
    return gray


def shrink(gray: Gray, long_side: int) -> Gray:
    """Shrink a picture, averaging areas, to a long side of at most ``long_side`` px; a smaller one stays as it is."""
    height, width = gray.shape
    scale = long_side / max(height, width)
    if scale >= 1:
        return gray
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
