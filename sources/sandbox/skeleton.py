"""The bones of a chest seen from the front, as maps of density."""

import numpy as np

from sources.sandbox.anatomy import SIDES, Anatomy, rib_curve, rib_turns
from sources.sandbox.canvas import Canvas, ellipse, smooth


def bones(anatomy: Anatomy, canvas: Canvas, breath: float) -> np.ndarray:
    """The density of all bones, (H, W) float32."""
    return (
        _ribs(anatomy, canvas, breath)
        + _collarbones(anatomy, canvas)
        + _spine(anatomy, canvas)
        + _shoulders(anatomy, canvas)
    )


def _ribs(anatomy: Anatomy, canvas: Canvas, breath: float) -> np.ndarray:
    """Pale bands with bright rims, stronger in the back than in the front."""
    half_widths, tops, drops = rib_turns(anatomy, breath)
    dense = np.zeros(canvas.shape, np.float32)
    for turns, weight in (((0, 95), 0.125), ((95, 165), 0.06)):
        loops = [
            rib_curve(half, level, drop, side, turns)
            for side in SIDES
            for half, level, drop in zip(half_widths, tops, drops, strict=True)
        ]
        outer = canvas.stroke(loops, anatomy.rib_width, soft=0.007)
        inner = canvas.stroke(loops, anatomy.rib_width * 0.55, soft=0.009)
        dense += weight * anatomy.bone * (1.25 * outer - 0.45 * inner)
    return dense


def _collarbones(anatomy: Anatomy, canvas: Canvas) -> np.ndarray:
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
    rims = canvas.stroke(collar, 0.085, soft=0.01) - 0.3 * canvas.stroke(collar, 0.04, soft=0.01)
    return 0.13 * anatomy.bone * rims


def _spine(anatomy: Anatomy, canvas: Canvas) -> np.ndarray:
    levels = -1.5 + 0.22 * np.arange(15)
    spine = [ellipse(anatomy.scoliosis * np.sin(y), y * anatomy.height, 0.125, 0.088) for y in levels]
    column = [(anatomy.scoliosis * np.sin(y), y * anatomy.height) for y in levels]
    return 0.04 * anatomy.bone * canvas.fill(*spine, soft=0.015) + 0.07 * canvas.stroke([column], 0.3, soft=0.03)


def _shoulders(anatomy: Anatomy, canvas: Canvas) -> np.ndarray:
    """Shoulder blades beside and behind the lungs, and the upper arms."""
    top = anatomy.shoulder - 0.86
    blades = [
        smooth([(s * 0.98, top), (s * 1.16, top + 0.5), (s * 1.02, top + 1.0), (s * 0.88, top + 0.5)], closed=True)
        for s in SIDES
    ]
    arms = [smooth([(s * 1.34, top - 0.02), (s * 1.48, top + 0.4), (s * 1.55, top + 0.9)]) for s in SIDES]
    heads = [ellipse(side * 1.3, top - 0.04, 0.13, 0.14) for side in SIDES]
    bones = canvas.fill(*heads, soft=0.012) + canvas.stroke(arms, 0.13, soft=0.012)
    return 0.06 * canvas.fill(*blades, soft=0.015) + 0.10 * anatomy.bone * bones.clip(0, 1)
