"""Chest phantoms: films from the front, from numbers alone; the other views are in ``other_views.py``.

A picture is a map of how much the body holds back (float32, bright = dense), toned like a film at the end. What one
person's films share is their :class:`Anatomy`; breath, pose, vessels and grain are drawn anew for every exposure.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from sources.sandbox.anatomy import Anatomy, dome_level, lung_outline, rib_curve, rib_turns
from sources.sandbox.canvas import Canvas, clouds, ellipse, smooth

Map = np.ndarray  # (H, W) float32
SIDES = (-1, 1)  # the patient's right (left in the picture), the patient's left


@dataclass(frozen=True)
class Exposure:
    """What is drawn anew for every film.

    Attributes:
        height, width: pixels.
        seed: of everything random on this film.
        label: normal | cap | covid | other.
        severity: 0 to 1.
        side: which lung a lobar pneumonia is in (-1 | 1); ``focus`` seeds where opacities lie (one per person).
        ap: taken from the front in bed: larger heart, raised diaphragm, wires.
    """

    height: int
    width: int
    seed: int
    label: str
    severity: float
    side: int
    focus: int
    ap: bool


def frontal(anatomy: Anatomy, exposure: Exposure) -> tuple[np.ndarray, np.ndarray]:
    """A film from the front and the lungs on it, uint8 (H, W) each (the mask with 0 and 255)."""
    rng = np.random.default_rng(exposure.seed)
    canvas = _placed(exposure, rng)
    breath = float(rng.normal(0.1, 0.45) - 0.5 * exposure.ap)
    outlines = {side: lung_outline(anatomy, breath, side) for side in SIDES}
    lungs = canvas.fill(*outlines.values(), soft=0.02)
    dense = _soft_tissue(anatomy, canvas)
    middle = mediastinum(anatomy, canvas, exposure, breath)
    air = lungs * (1 - 0.8 * middle) * (1 - 0.25 * clouds(rng, canvas.shape, 7, 3).clip(-0.5, 0.5))
    dense += 0.10 * middle - (0.50 + 0.10 * anatomy.emphysema) * air - windpipe(anatomy, canvas)
    dense += _abdomen(anatomy, canvas, breath, rng)
    dense += vessels(canvas, anatomy, rng) * lungs * (1 - 0.5 * middle)
    dense += _bones(anatomy, canvas, breath)
    dense += opacities(canvas, outlines, lungs, exposure, rng)
    if exposure.ap:
        dense += _wires(canvas, rng)
    film = tone(dense, rng)
    _side_marker(film, rng)
    return film, ((lungs > 0.5) * 255).astype(np.uint8)


def opacities(
    canvas: Canvas, outlines: dict[int, np.ndarray], lungs: Map, exposure: Exposure, rng: np.random.Generator
) -> Map:
    """Bilateral, peripheral, low patches (covid), one dense lobe (cap), or nothing."""
    place = np.random.default_rng(exposure.focus)
    nothing = np.zeros(canvas.shape, np.float32)
    if exposure.label == "covid":
        x, y = canvas.grid()
        rim = np.clip(np.abs(x) / 0.8 - 0.25, 0, 1) * np.clip(0.75 + 0.8 * y, 0.15, 1.2)
        patches = sum(
            (
                _blob(canvas, side * place.uniform(0.45, 0.85), place.uniform(-0.35, 0.75), place.uniform(0.16, 0.34))
                for side in SIDES
                for _ in range(int(place.integers(2, 5)))
            ),
            start=nothing,
        )
        grain = np.clip(0.75 + 0.5 * clouds(rng, canvas.shape, 14, 3), 0.1, 1.8)
        return (0.24 + 0.5 * exposure.severity) * lungs * grain * np.clip(0.35 * rim + 0.8 * patches, 0, 1.1)
    if exposure.label == "cap":
        level = place.uniform(-0.4, 0.45)
        lobe = _blob(canvas, exposure.side * 0.48, level, place.uniform(0.34, 0.5)) * canvas.fill(
            outlines[exposure.side], soft=0.02
        )
        edge = np.clip((canvas.grid()[1] - (level - 0.3)) * 12, 0, 1)
        return (
            (0.35 + 0.4 * exposure.severity)
            * np.clip(1.3 * lobe, 0, 1)
            * edge
            * (1 + 0.12 * clouds(rng, canvas.shape, 9))
        )
    return nothing


def tone(dense: Map, rng: np.random.Generator) -> np.ndarray:
    """Density as a film shows it, uint8: a scanner's window and curve, unsharpness and grain."""
    low, high = np.percentile(dense, [1, 99.5])
    spread = (dense - low) / max(high - low, 1e-6)
    grain = 0.020 * rng.standard_normal(dense.shape, np.float32) * (1.2 - 0.6 * np.clip(spread, 0, 1))
    fine = cv2.GaussianBlur(rng.standard_normal(dense.shape, np.float32), (0, 0), 1.1) * 0.05
    curve = np.clip(spread + grain + fine * spread, 0, 1) ** rng.uniform(0.85, 1.25)
    return np.clip(rng.uniform(4, 20) + curve * rng.uniform(205, 238), 0, 255).astype(np.uint8)


def _placed(exposure: Exposure, rng: np.random.Generator) -> Canvas:
    unit = exposure.width * rng.uniform(0.345, 0.39)
    centre = (0.5 + rng.normal(0, 0.015), 0.5 + rng.normal(0, 0.02))
    return Canvas.placed(exposure.height, exposure.width, unit, centre, rng.normal(0, 1.8 + 1.6 * exposure.ap))


def _soft_tissue(anatomy: Anatomy, canvas: Canvas) -> Map:
    wall, top = 1.0 + anatomy.wall, -1.28 * anatomy.height + anatomy.shoulder
    trunk = smooth(
        [
            (-0.26, -2.0),
            (-0.3, top - 0.12),
            (-1.0, top + 0.12),
            (-1.5, top + 0.42),
            (-1.62, -0.5),
            (-wall, -0.25),
            (-wall, 1.9),
            (wall, 1.9),
            (wall, -0.25),
            (1.62, -0.5),
            (1.5, top + 0.42),
            (1.0, top + 0.12),
            (0.3, top - 0.12),
            (0.26, -2.0),
        ],
        closed=True,
    )
    dense = 0.62 * canvas.fill(trunk, soft=0.05)
    if anatomy.breasts:
        low = [ellipse(side * 0.58, 0.46, 0.46, 0.36) for side in SIDES]
        dense += 0.11 * anatomy.breasts * canvas.fill(*low, soft=0.05)
    return dense


def mediastinum(anatomy: Anatomy, canvas: Canvas, exposure: Exposure, breath: float) -> Map:
    """Heart, great vessels, spine and a child's thymus, 0 to 1."""
    tall, heart = anatomy.height, anatomy.heart * (1.14 if exposure.ap else 1.0)
    base = dome_level(anatomy, breath, 1)
    middle = smooth(
        [
            (-0.19, -1.5 * tall),
            (-0.17, -0.7 * tall),
            (-0.22, 0.0),
            (-0.2, base),
            (0.2, base),
            (0.2, 0.0),
            (0.16, -0.7 * tall),
            (0.17, -1.5 * tall),
        ],
        closed=True,
    )
    shape = ellipse(0.17 * heart, base - 0.32 * heart, 0.47 * heart, 0.36 * heart, 28 + anatomy.heart_tilt)
    right = ellipse(-0.12, base - 0.3, 0.23 * heart, 0.32 * heart)
    aorta = ellipse(0.17 + anatomy.unfolded, -0.55 * tall, anatomy.knob, anatomy.knob * 1.2)
    mask = canvas.fill(middle, shape, right, aorta, soft=0.022)
    if anatomy.thymus:
        mask += 0.5 * anatomy.thymus * canvas.fill(ellipse(0, -0.5, 0.42, 0.3), soft=0.05) * (1 - mask)
    return np.clip(mask, 0, 1)


def windpipe(anatomy: Anatomy, canvas: Canvas) -> Map:
    """Trachea and main bronchi: how much less they hold back."""
    tall = anatomy.height
    trachea = [(0.0, -1.6 * tall), (0.01, -0.9 * tall), (0.0, -0.42 * tall)]
    branches = [[(0, -0.42 * tall), (side * 0.28, -0.16 * tall)] for side in SIDES]
    return 0.15 * canvas.stroke([trachea], 0.13, soft=0.02) + 0.07 * canvas.stroke(branches, 0.08, soft=0.02)


def _abdomen(anatomy: Anatomy, canvas: Canvas, breath: float, rng: np.random.Generator) -> Map:
    shapes = []
    for side in SIDES:
        dome = dome_level(anatomy, breath, side)
        shapes.append(
            smooth(
                [
                    (0, 2.0),
                    (0, dome + 0.1),
                    (side * 0.3, dome),
                    (side * 0.6, dome + 0.02),
                    (side * 0.98, dome + 0.26),
                    (side * 1.0, 2.0),
                ],
                closed=True,
            )
        )
    dense = 0.20 * canvas.fill(*shapes, soft=0.012)
    x, y, size = anatomy.bubble
    level = dome_level(anatomy, breath, 1) + y
    return dense - 0.24 * canvas.fill(ellipse(x + rng.normal(0, 0.05), level, size * 1.3, size * 0.7), soft=0.02)


def _bones(anatomy: Anatomy, canvas: Canvas, breath: float) -> Map:
    half_widths, tops, drops = rib_turns(anatomy, breath)
    dense = np.zeros(canvas.shape, np.float32)
    for turns, weight in (((0, 95), 0.115), ((95, 165), 0.06)):
        loops = [
            rib_curve(half, level, drop, side, turns)
            for side in SIDES
            for half, level, drop in zip(half_widths, tops, drops, strict=True)
        ]
        outer = canvas.stroke(loops, anatomy.rib_width, soft=0.007)
        inner = canvas.stroke(loops, anatomy.rib_width * 0.55, soft=0.009)
        dense += weight * anatomy.bone * (1.25 * outer - 0.45 * inner)
    collar = [
        smooth(
            [
                (side * 0.1, -0.95 * anatomy.height),
                (side * 0.5, -1.02 - anatomy.clavicle * 0.4),
                (side * 0.9, -1.04 - anatomy.clavicle * 0.7),
                (side * 1.15, -1.0 - anatomy.clavicle),
            ]
        )
        for side in SIDES
    ]
    dense += (
        0.13 * anatomy.bone * (canvas.stroke(collar, 0.085, soft=0.01) - 0.3 * canvas.stroke(collar, 0.04, soft=0.01))
    )
    blades = [
        smooth([(s * 0.92, -0.95), (s * 1.12, -0.3), (s * 0.98, 0.1), (s * 0.85, -0.4)], closed=True) for s in SIDES
    ]
    dense += 0.07 * canvas.fill(*blades, soft=0.03)
    levels = -1.5 + 0.22 * np.arange(15)
    spine = [ellipse(anatomy.scoliosis * np.sin(y), y * anatomy.height, 0.125, 0.088) for y in levels]
    dense += 0.045 * anatomy.bone * canvas.fill(*spine, soft=0.015)
    return dense


def vessels(canvas: Canvas, anatomy: Anatomy, rng: np.random.Generator, sides: tuple[int, ...] = SIDES) -> Map:
    """A tree of vessels from each hilum, thinner outwards; its finest twigs differ from film to film."""
    layers: dict[int, list[np.ndarray]] = {0: [], 1: [], 2: []}
    shared = np.random.default_rng(anatomy.vessels)
    for side in sides:
        root = (side * 0.22, 0.02)
        for _ in range(9):
            angle = shared.uniform(-1.35, 1.35) + rng.normal(0, 0.3)
            _grow(layers, root, angle, side, 0, rng)
    total = np.zeros(canvas.shape, np.float32)
    for depth, (width, weight) in enumerate(((0.034, 0.15), (0.018, 0.11), (0.010, 0.09))):
        total += weight * canvas.stroke(layers[depth], width * anatomy.vessel_size, soft=0.005)
    return total + 0.035 * clouds(rng, canvas.shape, 40, 3)


def _grow(
    layers: dict[int, list[np.ndarray]],
    start: tuple[float, float],
    angle: float,
    side: int,
    depth: int,
    rng: np.random.Generator,
) -> None:
    length = (0.34, 0.28, 0.2)[depth] * rng.uniform(0.7, 1.3)
    bend = rng.normal(0, 0.3)
    steps = np.linspace(0, 1, 6)[:, None]
    angles = angle + bend * steps
    line = np.array(start) + length * steps * np.hstack([side * np.cos(angles), np.sin(angles)])
    layers[depth].append(line)
    if depth < 2:
        for _ in range(3):
            where = line[int(rng.integers(2, 6))]
            _grow(layers, (where[0], where[1]), angle + rng.normal(0, 0.6), side, depth + 1, rng)


def _blob(canvas: Canvas, x: float, y: float, size: float) -> Map:
    return canvas.fill(ellipse(x, y, size * 0.8, size), soft=size * 0.38)


def _wires(canvas: Canvas, rng: np.random.Generator) -> Map:
    lines = [
        smooth(
            [
                (rng.uniform(-1, 1), -1.6),
                (rng.uniform(-0.9, 0.9), rng.uniform(-0.6, 0)),
                (rng.uniform(-1, 1), 0.6),
                (rng.uniform(-1.3, 1.3), 1.5),
            ]
        )
        for _ in range(int(rng.integers(1, 4)))
    ]
    dots = np.column_stack([rng.uniform(-0.9, 0.9, 3), rng.uniform(-0.7, 0.6, 3)])
    return 0.3 * canvas.stroke(lines, 0.016, soft=0.003) + 0.35 * canvas.discs(dots, 0.04)


def _side_marker(film: np.ndarray, rng: np.random.Generator) -> None:
    height, width = film.shape
    place = (int(width * rng.uniform(0.84, 0.9)), int(height * rng.uniform(0.08, 0.16)))
    cv2.putText(film, "L", place, cv2.FONT_HERSHEY_SIMPLEX, width / 520, 250, max(1, width // 260), cv2.LINE_AA)
