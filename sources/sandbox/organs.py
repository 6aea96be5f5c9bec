"""The soft parts of a chest seen from the front, as maps of density (``skeleton.py`` has the bones)."""

import numpy as np

from sources.sandbox.anatomy import SIDES, Anatomy, dome_level
from sources.sandbox.canvas import Canvas, Map, clouds, ellipse, smooth


def soft_tissue(anatomy: Anatomy, canvas: Canvas) -> Map:
    """Skin, fat and muscle around the chest, neck and shoulders, and breasts."""
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


def mediastinum(anatomy: Anatomy, canvas: Canvas, breath: float, ap: bool) -> Map:
    """Heart, great vessels, spine and a child's thymus, 0 to 1; ``ap`` enlarges the heart."""
    tall, heart = anatomy.height, anatomy.heart * (1.14 if ap else 1.0)
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
    """Trachea and main bronchi: the density that their air removes."""
    tall = anatomy.height
    trachea = [(0.0, -1.6 * tall), (0.01, -0.9 * tall), (0.0, -0.42 * tall)]
    branches = [[(0, -0.42 * tall), (side * 0.28, -0.16 * tall)] for side in SIDES]
    return 0.15 * canvas.stroke([trachea], 0.13, soft=0.02) + 0.07 * canvas.stroke(branches, 0.08, soft=0.02)


def abdomen(anatomy: Anatomy, canvas: Canvas, breath: float, rng: np.random.Generator) -> Map:
    """Liver, spleen and bowel below the diaphragm, with the gas bubble of the stomach."""
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
    """Add a branch, and its three branches in turn, to the lists of lines by depth."""
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
