"""Pictures other than frontal films: lateral films, CT slices, and pictures of other kinds."""

import cv2
import numpy as np

from sources.sandbox.anatomy import SIDES, Anatomy, lung_outline, rib_turns
from sources.sandbox.canvas import Canvas, blurred, clouds, ellipse, smooth
from sources.sandbox.organs import mediastinum, vessels, windpipe
from sources.sandbox.phantom import Exposure, frontal, tone

SICK = ("covid", "cap")


def lateral(anatomy: Anatomy, exposure: Exposure) -> np.ndarray:
    """A lateral film, uint8 (H, W): spine behind, heart in front above the diaphragm."""
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
    air = canvas.fill(lung, soft=0.02)
    hazy = np.clip(0.6 * exposure.severity * clouds(rng, canvas.shape, 5, 3), 0, 0.7) if exposure.label in SICK else 0.0
    dense = 0.85 * canvas.fill(trunk, soft=0.05) - 0.40 * air * (1 - hazy)
    heart = ellipse(0.36, 0.3 * tall, 0.3 * anatomy.heart, 0.42, 22)
    dense += 0.22 * canvas.fill(heart, soft=0.03) * air + 0.1 * canvas.fill(ellipse(0.02, 0.0, 0.13, 0.16), soft=0.05)
    dense -= 0.16 * canvas.stroke([[(0.1, -1.4), (0.06, -0.7), (0.0, -0.15)]], 0.1, soft=0.015)
    dense += _spine_and_ribs(anatomy, canvas, tall)
    arm = smooth([(0.0, -1.2), (0.3, -1.35), (0.7, -1.5), (1.2, -1.7)])
    dense += 0.2 * canvas.stroke([arm], 0.34, soft=0.05)
    dense += vessels(canvas, anatomy, rng) * air * 0.7 * (1 - 0.5 * np.asarray(hazy))
    return tone(dense, rng)


def _spine_and_ribs(anatomy: Anatomy, canvas: Canvas, tall: float) -> np.ndarray:
    """Vertebrae, ribs of both sides and breastbone seen from the side."""
    levels = (-1.25 + 0.2 * np.arange(14)) * tall * 0.95
    places = -0.6 - 0.13 * np.cos(levels * 1.2)
    bodies = [ellipse(x, y, 0.115, 0.078, 8) for x, y in zip(places, levels, strict=True)]
    dense = 0.12 * canvas.stroke([np.column_stack([places, levels])], 0.26, soft=0.03)
    dense += 0.08 * canvas.fill(*bodies, soft=0.012)
    ribs = [
        smooth([(-0.76, level), (-0.4, level + 0.1 + shift), (0.15, level + 0.36 + shift), (0.6, level + 0.5)])
        for level in -0.95 + 0.19 * np.arange(9)
        for shift in (0.0, 0.05)
    ]
    dense += 0.09 * anatomy.bone * canvas.stroke(ribs, anatomy.rib_width * 0.7, soft=0.006)
    breastbone = smooth([(0.42, -0.72), (0.62, -0.2), (0.74, 0.3)])
    return dense + 0.12 * canvas.stroke([breastbone], 0.06, soft=0.008)


def ct_axial(anatomy: Anatomy, exposure: Exposure) -> np.ndarray:
    """An axial CT slice in a lung window, uint8 (H, W): black air, gray tissue, white bone."""
    rng = np.random.default_rng(exposure.seed)
    canvas = Canvas.placed(exposure.height, exposure.width, rng.uniform(0.39, 0.44) * exposure.width, (0.5, 0.5), 0)
    deep = 0.74 + 0.3 * (anatomy.wall - 0.24)
    body, muscle = (canvas.fill(ellipse(0, 0, 1.08 - rim, deep - rim), soft=0.006) for rim in (0.0, 0.3 * anatomy.wall))
    level = rng.uniform(0.0, 1.0)  # from the aortic arch (0) to the middle of the heart (1)
    lungs = canvas.fill(*(ellipse(side * 0.49, 0.0, 0.37, 0.53, side * 7) for side in SIDES), soft=0.006)
    heart = ellipse(0.13 * level, -0.16, (0.2 + 0.22 * level) * anatomy.heart, 0.26 + 0.06 * level, 25)
    middle = canvas.fill(heart, ellipse(0.14, 0.24, 0.1, 0.1), ellipse(0, 0.36, 0.2, 0.26), soft=0.006)
    air = lungs * (1 - middle)
    dense = 0.58 * body + 0.12 * muscle * (1 - middle) + 0.15 * middle - 0.66 * air
    bronchi = ellipse(-0.1, 0.06, 0.05, 0.05), ellipse(0.1, 0.06, 0.05, 0.05)
    dense -= 0.6 * canvas.fill(*bronchi, soft=0.006) * (1 - lungs)
    spine = ellipse(0, 0.46, 0.13, 0.11), ellipse(0, 0.64, 0.05, 0.1), ellipse(0, -0.58, 0.12, 0.035)
    dense += 0.25 * canvas.fill(*spine, soft=0.008)
    angles = np.linspace(0, 2 * np.pi, 14, endpoint=False) + rng.normal(0, 0.1)
    ribs = [ellipse(0.94 * np.cos(a), 0.84 * deep * np.sin(a), 0.1, 0.032, np.degrees(a) + 90) for a in angles]
    dense += 0.22 * canvas.fill(*ribs, soft=0.008) * (1 - lungs)
    dense += _cut_vessels(canvas, rng, 0.3) * air
    if exposure.label in SICK:
        rim = lungs - blurred(lungs, 0.1 * canvas.unit)
        dense += 0.55 * exposure.severity * np.clip(clouds(rng, canvas.shape, 6) * 0.6 + 3 * rim, 0, 1) * air
    table = smooth([(-1.1, 0.86), (-0.5, 0.98), (0.5, 0.98), (1.1, 0.86)])
    dense += 0.3 * canvas.stroke([table], 0.02)
    dense += 0.02 * clouds(rng, canvas.shape, 90, 2) * body + 0.02 * rng.standard_normal(canvas.shape, np.float32)
    return np.clip(dense * 255, 0, 255).astype(np.uint8)


def _cut_vessels(canvas: Canvas, rng: np.random.Generator, spread: float) -> np.ndarray:
    """Cross sections of vessels: many small ones, and few large ones near the middle."""
    dense = np.zeros(canvas.shape, np.float32)
    for radius, count, reach in ((0.03, 16, 0.24), (0.018, 50, 0.36), (0.010, 130, 0.46)):
        points = np.column_stack([rng.normal(0, reach, count), rng.normal(0, spread, count)])
        dense += 0.4 * canvas.discs(points, radius, soft=0.004)
    return dense


def ct_coronal(anatomy: Anatomy, exposure: Exposure) -> np.ndarray:
    """A coronal CT slice, uint8 (H, W): lungs as on a film, but black, with cross sections of vessels and ribs.

    A front slice shows heart and breastbone, a middle one the windpipe, a back one the spine.
    """
    rng = np.random.default_rng(exposure.seed)
    canvas = Canvas.placed(exposure.height, exposure.width, 0.40 * exposure.width, (0.5, 0.5), rng.normal(0, 1.5))
    breath = float(rng.normal(0.2, 0.3))
    outlines = {side: lung_outline(anatomy, breath, side) for side in SIDES}
    lungs = canvas.fill(*outlines.values(), soft=0.006)
    depth = str(rng.choice(["front", "middle", "back"]))
    spine = ellipse(0, 0.2, 0.2, 2.4)
    middle = canvas.fill(spine, soft=0.02) if depth == "back" else mediastinum(anatomy, canvas, breath, exposure.ap)
    wall = 1.0 + 0.6 * anatomy.wall
    trunk = smooth(
        [(-0.35, -1.9), (-1.0, -1.2), (-wall, -0.6), (-wall, 1.9), (wall, 1.9), (wall, -0.6), (1.0, -1.2), (0.35, -1.9)]
    )
    body = canvas.fill(trunk, soft=0.008)
    air = lungs * (1 - middle)
    dense = rng.uniform(0.5, 0.85) * body - rng.uniform(0.5, 0.62) * air + 0.06 * middle
    half_widths, levels, drops = rib_turns(anatomy, breath)
    cuts = [(side * 1.03 * w, y + d / 2) for side in SIDES for w, y, d in zip(half_widths, levels, drops, strict=True)]
    dense += 0.3 * canvas.discs(cuts, 0.045, soft=0.01)
    dense += _cut_vessels(canvas, rng, 0.45) * air + 0.8 * vessels(canvas, anatomy, rng) * air
    if exposure.label in SICK:
        dense += 0.5 * exposure.severity * np.clip(clouds(rng, canvas.shape, 6) * 0.8, 0, 1) * air
    dense += _bones_cut(canvas, depth) - (windpipe(anatomy, canvas) * 2.2 if depth == "middle" else 0)
    grain = rng.uniform(0.005, 0.025)
    dense += grain * clouds(rng, canvas.shape, 90, 2) * body + grain * rng.standard_normal(canvas.shape, np.float32)
    return np.clip(dense * 255, 0, 255).astype(np.uint8)


def _bones_cut(canvas: Canvas, depth: str) -> np.ndarray:
    """Breastbone and collarbones of a front slice, or vertebrae of a back slice."""
    if depth == "front":
        collarbones = [ellipse(side * 0.42, -1.12, 0.2, 0.08, -side * 14) for side in SIDES]
        return 0.3 * canvas.fill(ellipse(0, -1.04, 0.3, 0.1), *collarbones, soft=0.01)
    if depth == "back":
        return 0.25 * canvas.fill(*(ellipse(0, level, 0.16, 0.085) for level in np.arange(-1.5, 1.9, 0.21)), soft=0.01)
    return np.zeros(canvas.shape, np.float32)


def picture_of_another_kind(anatomy: Anatomy, exposure: Exposure) -> np.ndarray:
    """Something that pages show beside films, uint8 (H, W): a plot, a figure of two pictures, or a photograph."""
    kinds = (lambda: figure(exposure), lambda: panels(anatomy, exposure), lambda: photograph(exposure))
    return kinds[exposure.seed % len(kinds)]()


def panels(anatomy: Anatomy, exposure: Exposure) -> np.ndarray:
    """A film and a CT slice side by side on white, with the letters A and B, uint8 (H, W)."""
    pictures = frontal(anatomy, exposure)[0], ct_axial(anatomy, exposure)
    half, height = exposure.width // 2 - 12, exposure.height * 3 // 5
    page = np.full((height + 16, exposure.width), 255, np.uint8)
    for place, (letter, picture) in enumerate(zip("AB", pictures, strict=True)):
        left = 8 + place * (half + 8)
        page[8 : 8 + height, left : left + half] = cv2.resize(picture, (half, height), interpolation=cv2.INTER_AREA)
        cv2.putText(page, letter, (left + 6, height), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 255, 2, cv2.LINE_AA)
    return page


def photograph(exposure: Exposure) -> np.ndarray:
    """A blurry room with bright and dark boxes, like a photograph by phone, uint8 (H, W)."""
    rng = np.random.default_rng(exposure.seed)
    height, width = exposure.height, exposure.width
    scene = np.linspace(rng.uniform(90, 150), rng.uniform(40, 90), height, dtype=np.float32)[:, None]
    scene = scene + 12 * clouds(rng, (height, width), 3)
    floor = int(height * rng.uniform(0.7, 0.85))
    scene[floor:] = scene[floor:] * 0.5 + 70
    for _ in range(int(rng.integers(2, 5))):
        corners = np.sort(rng.uniform(0.05, 0.95, (2, 2)), axis=0) * (width, height)
        (left, top), (right, bottom) = corners.round().astype(int)
        cv2.rectangle(scene, (left, top), (right, bottom), float(rng.uniform(20, 240)), -1)
        cv2.rectangle(scene, (left, top), (right, bottom), float(rng.uniform(10, 60)), 3)
    scene = cv2.GaussianBlur(scene, (0, 0), 1.2) + 3 * rng.standard_normal((height, width), np.float32)
    return np.clip(scene, 0, 255).astype(np.uint8)


def figure(exposure: Exposure) -> np.ndarray:
    """A bar chart with axes and labels, uint8 (H, W)."""
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
