"""What is no frontal film: films from the side, CT slices, and a figure that shows no patient."""

import cv2
import numpy as np

from sources.sandbox.anatomy import Anatomy, lung_outline, rib_turns
from sources.sandbox.canvas import Canvas, blurred, clouds, ellipse, smooth
from sources.sandbox.phantom import SIDES, Exposure, mediastinum, tone, vessels, windpipe


def lateral(anatomy: Anatomy, exposure: Exposure) -> np.ndarray:
    """A film from the side, uint8 (H, W): spine behind, heart in front above the diaphragm."""
    rng = np.random.default_rng(exposure.seed)
    canvas = Canvas.placed(exposure.height, exposure.width, 0.44 * exposure.width, (0.5, 0.5), rng.normal(0, 3))
    tall = anatomy.height * 1.15
    trunk = smooth(
        [
            (-0.45, -1.5),
            (-0.86, -0.5),
            (-0.92, 0.5),
            (-0.8, 1.6),
            (0.75, 1.6),
            (0.84, 0.4),
            (0.6, -0.7),
            (0.3, -1.1),
            (0.25, -1.6),
        ],
        closed=True,
    )
    lung = smooth(
        [
            (-0.55, -0.95 * tall),
            (-0.74, -0.3),
            (-0.78, 0.5),
            (-0.62, 0.88 * tall),
            (-0.2, 0.62 * tall),
            (0.35, 0.55 * tall),
            (0.66, 0.72 * tall),
            (0.68, 0.1),
            (0.4, -0.6),
            (0.0, -1.0 * tall),
        ],
        closed=True,
    )
    air = canvas.fill(lung, soft=0.04)
    dense = 0.85 * canvas.fill(trunk, soft=0.05) - 0.42 * air
    dense += 0.34 * canvas.fill(ellipse(0.34, 0.32 * tall, 0.34 * anatomy.heart, 0.44, 20), soft=0.05)
    for index in range(13):
        level = -1.25 + 0.22 * index
        centre = -0.62 - 0.12 * np.cos(level * 1.2)
        dense += 0.24 * canvas.fill(ellipse(centre, level * tall * 0.95, 0.12, 0.085), soft=0.02)
    for index in range(9):
        level = -0.9 + 0.19 * index
        rib = smooth([(-0.72, level), (-0.3, level + 0.1), (0.2, level + 0.32), (0.6, level + 0.5)])
        dense += 0.11 * anatomy.bone * canvas.stroke([rib], anatomy.rib_width * 0.9, soft=0.012)
    arm = smooth([(0.0, -1.2), (0.3, -1.35), (0.7, -1.5), (1.2, -1.7)])
    dense += 0.25 * canvas.stroke([arm], 0.34, soft=0.05)
    dense += vessels(canvas, anatomy, rng, sides=(1,)) * air * 0.8
    if exposure.label in ("covid", "cap"):
        dense += 0.35 * exposure.severity * air * np.clip(clouds(rng, canvas.shape, 5, 3), 0, 2)
    return tone(dense, rng)


def ct_axial(anatomy: Anatomy, exposure: Exposure) -> np.ndarray:
    """An axial CT slice in a lung window, uint8 (H, W): black air, gray tissue, white bone."""
    rng = np.random.default_rng(exposure.seed)
    canvas = Canvas.placed(exposure.height, exposure.width, 0.42 * exposure.width, (0.5, 0.52), 0)
    body = canvas.fill(ellipse(0, 0, 1.08, 0.76), soft=0.006)
    lungs = canvas.fill(*(ellipse(side * 0.5, -0.02, 0.36, 0.52, side * 8) for side in SIDES), soft=0.008)
    dense = 0.62 * body - 0.54 * lungs
    dense += 0.07 * canvas.fill(ellipse(0.12, -0.18, 0.34 * anatomy.heart, 0.32, 30), soft=0.01) * body
    dense += 0.35 * canvas.fill(ellipse(0, 0.44, 0.13, 0.12), ellipse(0, 0.62, 0.06, 0.12), soft=0.008)
    spots = [(1.0 * np.cos(a) * 0.97, np.sin(a) * 0.68) for a in np.linspace(0, 2 * np.pi, 18, endpoint=False)]
    dense += 0.3 * canvas.discs(spots, 0.045, soft=0.01)
    points = np.column_stack([rng.normal(0, 0.42, 140), rng.normal(0, 0.3, 140)])
    dense += 0.35 * canvas.discs(points, 0.012, soft=0.004) * lungs
    if exposure.label == "covid":
        rim = lungs - blurred(lungs, 0.1 * canvas.unit)
        dense += 0.5 * exposure.severity * np.clip(clouds(rng, canvas.shape, 6) * 0.6 + 3 * rim, 0, 1) * lungs
    dense += 0.05 * clouds(rng, canvas.shape, 40, 3) * body + 0.02 * rng.standard_normal(canvas.shape, np.float32)
    return np.clip(dense * 255, 0, 255).astype(np.uint8)


def ct_coronal(anatomy: Anatomy, exposure: Exposure) -> np.ndarray:
    """A coronal CT slice, uint8 (H, W): lungs like on a film, but black, with cut vessels and cut ribs."""
    rng = np.random.default_rng(exposure.seed)
    canvas = Canvas.placed(exposure.height, exposure.width, 0.40 * exposure.width, (0.5, 0.5), rng.normal(0, 1.5))
    breath = float(rng.normal(0.2, 0.3))
    outlines = {side: lung_outline(anatomy, breath, side) for side in SIDES}
    lungs = canvas.fill(*outlines.values(), soft=0.006)
    middle = mediastinum(anatomy, canvas, exposure, breath)
    wall = 1.0 + 0.6 * anatomy.wall
    trunk = smooth(
        [(-0.35, -1.9), (-1.0, -1.2), (-wall, -0.6), (-wall, 1.9), (wall, 1.9), (wall, -0.6), (1.0, -1.2), (0.35, -1.9)]
    )
    body = canvas.fill(trunk, soft=0.008)
    air = lungs * (1 - middle)
    dense = rng.uniform(0.5, 0.75) * body - 0.6 * air + 0.06 * middle
    half_widths, levels, drops = rib_turns(anatomy, breath)
    cuts = [(side * 1.03 * w, y + d / 2) for side in SIDES for w, y, d in zip(half_widths, levels, drops, strict=True)]
    dense += 0.3 * canvas.discs(cuts, 0.045, soft=0.01)
    points = np.column_stack([rng.normal(0, 0.5, 160), rng.normal(0.05, 0.4, 160)])
    dense += 0.45 * canvas.discs(points, 0.014, soft=0.004) * air + 0.8 * vessels(canvas, anatomy, rng) * air
    if exposure.label in ("covid", "cap"):
        dense += 0.5 * exposure.severity * np.clip(clouds(rng, canvas.shape, 6) * 0.8, 0, 1) * air
    dense -= windpipe(anatomy, canvas) * 2.2
    dense += 0.05 * clouds(rng, canvas.shape, 40, 3) * body + 0.02 * rng.standard_normal(canvas.shape, np.float32)
    return np.clip(dense * 255, 0, 255).astype(np.uint8)


def figure(exposure: Exposure) -> np.ndarray:
    """A plot with axes, bars and words, uint8 (H, W)."""
    rng = np.random.default_rng(exposure.seed)
    page = np.full((exposure.height, exposure.width), 255, np.uint8)
    left, bottom = 44, exposure.height - 40
    cv2.rectangle(page, (left, 24), (exposure.width - 16, bottom), 0, 1)
    bars = int(rng.integers(4, 9))
    step = (exposure.width - left - 40) // bars
    for bar in range(bars):
        x = left + 14 + bar * step
        cv2.rectangle(
            page, (x, int(rng.integers(40, bottom - 20))), (x + step // 2, bottom), int(rng.integers(70, 190)), -1
        )
        cv2.putText(page, f"d{bar}", (x, bottom + 18), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 0, 1, cv2.LINE_AA)
    cv2.putText(page, "Cases per day", (left, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 0, 1, cv2.LINE_AA)
    return page
