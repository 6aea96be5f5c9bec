"""Synthetic exposures for the tests of dedupe: a chest with ribs, vessels and grain, and alterations of copies."""

import cv2
import numpy as np


def draw_exposure(seed, side=640, patient=None):
    """A film (side, side) uint8; ``patient`` determines the ribs, ``seed`` the vessels and the grain."""
    body = np.random.default_rng(patient if patient is not None else seed)
    now = np.random.default_rng(seed + 1000)
    film = np.full((side, side), 25, np.float32)
    cv2.ellipse(film, (side // 2, side // 2), (side * 45 // 100, side * 60 // 100), 0, 0, 360, 150, -1)
    for middle in (30, 70):
        cv2.ellipse(film, (side * middle // 100, side // 2), (side * 15 // 100, side * 32 // 100), 0, 0, 360, 60, -1)
    gap = body.uniform(0.06, 0.09) * now.uniform(0.95, 1.05) * side  # a deeper or shallower breath
    for rib in range(10):
        top = side * 0.15 + rib * gap
        for sign in (-1, 1):
            bend = [
                (side / 2 + sign * x, top + body.uniform(0.5, 0.7) * x + 0.0008 * x * x) for x in range(15, 260, 12)
            ]
            cv2.polylines(film, [np.array(bend, np.int32)], False, float(body.uniform(110, 160)), 7)
    for _ in range(90):
        start = now.uniform(0.15, 0.85, 2) * side
        end = start + now.normal(0, 0.06, 2) * side
        cv2.line(
            film, tuple(map(int, start)), tuple(map(int, end)), float(now.uniform(80, 170)), int(now.integers(1, 5))
        )
    film = cv2.GaussianBlur(film, (0, 0), 1.5)
    grain = cv2.GaussianBlur(now.normal(0, 40, film.shape).astype(np.float32), (0, 0), 1.6)
    return np.clip(film + grain, 0, 255).astype(np.uint8)


def jpeg(film, quality=70):
    return cv2.imdecode(cv2.imencode(".jpg", film, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE)


def resized(film, scale=0.5):
    return cv2.resize(film, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def cropped(film, share=0.6, left=0.5, top=0.5):
    """A crop with ``share`` of the area, at a position from 0 (left, top) to 1."""
    height, width = (round(length * share**0.5) for length in film.shape)
    y, x = round((film.shape[0] - height) * top), round((film.shape[1] - width) * left)
    return np.ascontiguousarray(film[y : y + height, x : x + width])


def brightened(film, gamma=0.6):
    return np.rint(255 * (film / 255) ** gamma).astype(np.uint8)


def annotated(film):
    result = film.copy()
    height, width = film.shape
    cv2.arrowedLine(result, (width // 5, height // 5), (width * 2 // 5, height * 2 // 5), 255, 4)
    cv2.putText(result, "R 14:32", (width // 20, height // 10), cv2.FONT_HERSHEY_SIMPLEX, width / 400, 255, 3)
    cv2.rectangle(result, (width // 2, height // 2), (width * 3 // 4, height * 7 // 10), 255, 3)
    return result


def mirrored(film):
    return np.ascontiguousarray(film[:, ::-1])


def inverted(film):
    return 255 - film


CHANGES = {
    "reencoded": jpeg,
    "resized": resized,
    "cropped": cropped,
    "contrast": brightened,
    "annotated": annotated,
    "mirrored": mirrored,
    "inverted": inverted,
}
