"""Chest phantoms: frontal films computed from numbers alone (``other_views.py`` has all other pictures).

A picture starts as a map of how much the body attenuates the beam (float32, bright = dense) and ends with the tones of
a film. All films of a person share one :class:`Anatomy`; each exposure gets its own breath, pose, vessels and grain.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from sources.sandbox.anatomy import SIDES, Anatomy, lung_outline
from sources.sandbox.canvas import Canvas, Map, clouds, ellipse, field, smooth
from sources.sandbox.organs import abdomen, mediastinum, soft_tissue, vessels, windpipe
from sources.sandbox.skeleton import bones


@dataclass(frozen=True)
class Exposure:
    """What differs from film to film of one person.

    Attributes:
        height, width: pixels.
        seed: seed of everything random on this film.
        label: normal | cap | covid | other.
        severity: 0 to 1.
        side: the lung with a lobar pneumonia (-1 | 1); ``focus``: seed of the position of opacities, one per person.
        ap: an AP film taken in bed: larger heart, raised diaphragm, wires.
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
    """A frontal film and the mask of its lungs (0 and 255), uint8 (H, W) each."""
    rng = np.random.default_rng(exposure.seed)
    canvas = _placed(exposure, rng)
    breath = float(rng.normal(0.1, 0.45) - 0.5 * exposure.ap)
    outlines = {side: lung_outline(anatomy, breath, side) for side in SIDES}
    lungs = canvas.fill(*outlines.values(), soft=0.02)
    dense = soft_tissue(anatomy, canvas)
    middle = mediastinum(anatomy, canvas, breath, exposure.ap)
    air = lungs * (1 - 0.85 * middle) * (1 - 0.25 * clouds(rng, canvas.shape, 7, 3).clip(-0.5, 0.5))
    filled = opacities(canvas, outlines, exposure, rng)
    air *= 1 - filled
    dense += 0.12 * middle - (0.50 + 0.10 * anatomy.emphysema) * air - windpipe(anatomy, canvas)
    dense += abdomen(anatomy, canvas, breath, rng) * (1 - 0.8 * middle)
    dense += vessels(canvas, anatomy, rng) * lungs * (1 - 0.75 * middle) * (1 - 0.7 * filled)
    dense += bones(anatomy, canvas, breath)
    if exposure.ap:
        dense += _wires(canvas, rng)
    film = tone(dense, rng)
    _side_marker(film, rng)
    return film, ((lungs > 0.5) * 255).astype(np.uint8)


def opacities(canvas: Canvas, outlines: dict[int, np.ndarray], exposure: Exposure, rng: np.random.Generator) -> Map:
    """Share of the lungs' air that disease replaces, 0 to 0.95.

    By label: bilateral, peripheral, basal, hazy patches (covid); one dense lobe with a sharp fissure (cap); spots and a
    cavity in the upper lung (other); nothing (normal).
    """
    focus = np.random.default_rng(exposure.focus)
    draw = {"covid": _patches, "cap": _lobe, "other": _spots}.get(exposure.label)
    if draw is None:
        return np.zeros(canvas.shape, np.float32)
    return np.clip(draw(canvas, outlines, exposure, focus, rng), 0, 0.95)


def _patches(
    canvas: Canvas,
    outlines: dict[int, np.ndarray],
    exposure: Exposure,
    focus: np.random.Generator,
    rng: np.random.Generator,
) -> Map:
    x, y = canvas.grid()
    rim = np.clip(np.abs(x) / 0.8 - 0.25, 0, 1) * np.clip(0.75 + 0.8 * y, 0.15, 1.2)
    patches = np.zeros(canvas.shape, np.float32)
    for side in SIDES:
        for _ in range(int(focus.integers(2, 5))):
            patches += _blob(
                canvas, side * focus.uniform(0.45, 0.85), focus.uniform(-0.35, 0.7), focus.uniform(0.16, 0.34)
            )
    grain = np.clip(0.75 + 0.45 * clouds(rng, canvas.shape, 14, 3), 0.1, 1.6)
    return (0.5 + 0.55 * exposure.severity) * grain * np.clip(0.5 * rim + 1.0 * patches, 0, 1.1)


def _lobe(
    canvas: Canvas,
    outlines: dict[int, np.ndarray],
    exposure: Exposure,
    focus: np.random.Generator,
    rng: np.random.Generator,
) -> Map:
    level, size, rises = focus.uniform(-0.45, 0.4), focus.uniform(0.38, 0.55), focus.uniform(-0.25, 0.25)
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
    focus: np.random.Generator,
    rng: np.random.Generator,
) -> Map:
    middle = exposure.side * 0.45, -0.65
    centers = np.column_stack([focus.normal(middle[0], 0.13, 14), focus.normal(middle[1], 0.16, 14)])
    cavity = canvas.fill(ellipse(*middle, 0.15, 0.13), soft=0.02) - canvas.fill(ellipse(*middle, 0.1, 0.08), soft=0.02)
    haze = 0.4 * _blob(canvas, *middle, 0.3) * np.clip(0.8 + 0.5 * clouds(rng, canvas.shape, 20), 0, 1.5)
    return 0.6 * canvas.discs(centers, 0.035, soft=0.02) + 0.6 * cavity + haze


def tone(dense: Map, rng: np.random.Generator) -> np.ndarray:
    """Density with the tones of a scanned film, uint8: uneven light, window, tone curve, fine structure, grain."""
    dense = dense + 0.05 * field(rng, dense.shape, 1)
    low, high = np.percentile(dense, [1, 99.5])
    spread = (dense - low) / max(high - low, 1e-6)
    grain = 0.020 * rng.standard_normal(dense.shape, np.float32) * (1.2 - 0.6 * np.clip(spread, 0, 1))
    fine = cv2.GaussianBlur(rng.standard_normal(dense.shape, np.float32), (0, 0), 1.1) * 0.05
    curve = np.clip(spread + grain + fine * spread, 0, 1) ** rng.uniform(0.85, 1.25)
    return np.clip(rng.uniform(4, 20) + curve * rng.uniform(205, 238), 0, 255).astype(np.uint8)


def _placed(exposure: Exposure, rng: np.random.Generator) -> Canvas:
    unit = exposure.width * rng.uniform(0.355, 0.43)
    center = (0.5 + rng.normal(0, 0.015), 0.5 + rng.normal(0, 0.02))
    return Canvas.placed(exposure.height, exposure.width, unit, center, rng.normal(0, 1.8 + 1.6 * exposure.ap))


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
    """Add a side marker, L or R, to most films."""
    height, width = film.shape
    letter, share = (("L", rng.uniform(0.84, 0.91)), ("R", rng.uniform(0.04, 0.1)))[int(rng.random() < 0.4)]
    if rng.random() < 0.15:
        return
    place = (int(width * share), int(height * rng.uniform(0.08, 0.2)))
    cv2.putText(film, letter, place, cv2.FONT_HERSHEY_SIMPLEX, width / 520, 250, max(1, width // 260), cv2.LINE_AA)
