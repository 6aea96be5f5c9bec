"""Chest phantoms: films from the front, from numbers alone (``other_views.py`` has the rest).

A picture is a map of how much the body holds back (float32, bright = dense), toned like a film at the end. What one
person's films share is their :class:`Anatomy`; breath, pose, vessels and grain are drawn anew for every exposure.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from sources.sandbox.anatomy import SIDES, Anatomy, dome_level, lung_outline
from sources.sandbox.canvas import Canvas, clouds, ellipse, field, smooth
from sources.sandbox.skeleton import bones

Map = np.ndarray  # (H, W) float32


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
    air = lungs * (1 - 0.85 * middle) * (1 - 0.25 * clouds(rng, canvas.shape, 7, 3).clip(-0.5, 0.5))
    taken = opacities(canvas, outlines, exposure, rng)
    air *= 1 - taken
    dense += 0.12 * middle - (0.50 + 0.10 * anatomy.emphysema) * air - windpipe(anatomy, canvas)
    dense += _abdomen(anatomy, canvas, breath, rng) * (1 - 0.8 * middle)
    dense += vessels(canvas, anatomy, rng) * lungs * (1 - 0.75 * middle) * (1 - 0.7 * taken)
    dense += bones(anatomy, canvas, breath)
    if exposure.ap:
        dense += _wires(canvas, rng)
    film = tone(dense, rng)
    _side_marker(film, rng)
    return film, ((lungs > 0.5) * 255).astype(np.uint8)


def opacities(canvas: Canvas, outlines: dict[int, np.ndarray], exposure: Exposure, rng: np.random.Generator) -> Map:
    """How much of the lungs' air disease has taken, 0 to 0.95.

    Bilateral, peripheral, low, hazy patches (covid), one dense lobe with a sharp fissure (cap), spots in a lung's top
    (other), nothing (normal).
    """
    place = np.random.default_rng(exposure.focus)
    draw = {"covid": _patches, "cap": _lobe, "other": _spots}.get(exposure.label)
    if draw is None:
        return np.zeros(canvas.shape, np.float32)
    return np.clip(draw(canvas, outlines, exposure, place, rng), 0, 0.95)


def _patches(
    canvas: Canvas,
    outlines: dict[int, np.ndarray],
    exposure: Exposure,
    place: np.random.Generator,
    rng: np.random.Generator,
) -> Map:
    x, y = canvas.grid()
    rim = np.clip(np.abs(x) / 0.8 - 0.25, 0, 1) * np.clip(0.75 + 0.8 * y, 0.15, 1.2)
    patches = np.zeros(canvas.shape, np.float32)
    for side in SIDES:
        for _ in range(int(place.integers(2, 5))):
            patches += _blob(
                canvas, side * place.uniform(0.45, 0.85), place.uniform(-0.35, 0.7), place.uniform(0.16, 0.34)
            )
    grain = np.clip(0.75 + 0.45 * clouds(rng, canvas.shape, 14, 3), 0.1, 1.6)
    return (0.5 + 0.55 * exposure.severity) * grain * np.clip(0.5 * rim + 1.0 * patches, 0, 1.1)


def _lobe(
    canvas: Canvas,
    outlines: dict[int, np.ndarray],
    exposure: Exposure,
    place: np.random.Generator,
    rng: np.random.Generator,
) -> Map:
    level, size, rises = place.uniform(-0.45, 0.4), place.uniform(0.38, 0.55), place.uniform(-0.25, 0.25)
    lobe = _blob(canvas, exposure.side * 0.55, level, size) * canvas.fill(outlines[exposure.side], soft=0.02)
    x, y = canvas.grid()
    fissure = np.clip((y + rises * exposure.side * x - (level - 0.3)) * 14, 0, 1)
    return (
        (0.6 + 0.4 * exposure.severity) * np.clip(1.5 * lobe, 0, 1) * fissure * (1 + 0.1 * clouds(rng, canvas.shape, 9))
    )


def _spots(
    canvas: Canvas,
    outlines: dict[int, np.ndarray],
    exposure: Exposure,
    place: np.random.Generator,
    rng: np.random.Generator,
) -> Map:
    middle = exposure.side * 0.45, -0.65
    centres = np.column_stack([place.normal(middle[0], 0.13, 14), place.normal(middle[1], 0.16, 14)])
    cavity = canvas.fill(ellipse(*middle, 0.15, 0.13), soft=0.02) - canvas.fill(ellipse(*middle, 0.1, 0.08), soft=0.02)
    haze = 0.4 * _blob(canvas, *middle, 0.3) * np.clip(0.8 + 0.5 * clouds(rng, canvas.shape, 20), 0, 1.5)
    return 0.6 * canvas.discs(centres, 0.035, soft=0.02) + 0.6 * cavity + haze


def tone(dense: Map, rng: np.random.Generator) -> np.ndarray:
    """Density as a film shows it, uint8: uneven light, a scanner's window and curve, unsharpness and grain."""
    dense = dense + 0.05 * field(rng, dense.shape, 1)
    low, high = np.percentile(dense, [1, 99.5])
    spread = (dense - low) / max(high - low, 1e-6)
    grain = 0.020 * rng.standard_normal(dense.shape, np.float32) * (1.2 - 0.6 * np.clip(spread, 0, 1))
    fine = cv2.GaussianBlur(rng.standard_normal(dense.shape, np.float32), (0, 0), 1.1) * 0.05
    curve = np.clip(spread + grain + fine * spread, 0, 1) ** rng.uniform(0.85, 1.25)
    return np.clip(rng.uniform(4, 20) + curve * rng.uniform(205, 238), 0, 255).astype(np.uint8)


def _placed(exposure: Exposure, rng: np.random.Generator) -> Canvas:
    unit = exposure.width * rng.uniform(0.355, 0.43)
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
    base, arch = dome_level(anatomy, breath, 1), 0.17 + anatomy.unfolded
    tilt = 0.004 * anatomy.heart_tilt
    right = [
        (-0.15, -1.6 * tall),
        (-0.14, -0.9 * tall),
        (-0.19, -0.55 * tall),
        (-0.19, base - 0.78),
        (-0.3 * heart, base - 0.5),
        (-0.34 * heart, base - 0.25),
        (-0.24 * heart, base + 0.04),
    ]
    left = [
        (0.45 * heart, base + 0.16),
        (0.66 * heart, base + 0.02 + tilt),
        (0.66 * heart, base - 0.12 + tilt),
        (0.52 * heart, base - 0.36),
        (0.33 * heart, base - 0.58),
        (0.25, -0.24 * tall),
        (0.19, -0.4 * tall),
        (arch + 0.45 * anatomy.knob, -0.47 * tall),
        (arch + 0.6 * anatomy.knob, -0.56 * tall),
        (arch + 0.2 * anatomy.knob, -0.66 * tall),
        (0.14, -0.8 * tall),
        (0.15, -1.6 * tall),
    ]
    mask = canvas.fill(smooth([*right, (0.0, base + 0.2), *left], closed=True), soft=0.02)
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
                    (0, dome + 0.12),
                    (side * 0.2, dome + 0.05),
                    (side * 0.45, dome),
                    (side * 0.7, dome + 0.06),
                    (side * 0.88, dome + 0.2),
                    (side * 1.0, dome + 0.42),
                    (side * 1.0, 2.0),
                ],
                closed=True,
            )
        )
    dense = 0.15 * canvas.fill(*shapes, soft=0.012)
    x, y, size = anatomy.bubble
    level = dome_level(anatomy, breath, 1) + y
    return dense - 0.24 * canvas.fill(ellipse(x + rng.normal(0, 0.05), level, size * 1.3, size * 0.7), soft=0.02)


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
    """A letter on the patient's left or right, on most films."""
    height, width = film.shape
    letter, share = (("L", rng.uniform(0.84, 0.91)), ("R", rng.uniform(0.04, 0.1)))[int(rng.random() < 0.4)]
    if rng.random() < 0.15:
        return
    place = (int(width * share), int(height * rng.uniform(0.08, 0.2)))
    cv2.putText(film, letter, place, cv2.FONT_HERSHEY_SIMPLEX, width / 520, 250, max(1, width // 260), cv2.LINE_AA)
