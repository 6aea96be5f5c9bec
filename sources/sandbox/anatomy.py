"""The body of one person as numbers. All films of a person share them, so they look alike."""

from dataclasses import dataclass, replace

import numpy as np

from sources.sandbox.canvas import smooth

ADULT_FROM_YEARS = 15.0
SIDES = (-1, 1)  # the patient's right (left in the picture), the patient's left


@dataclass(frozen=True)
class Anatomy:
    """Proportions of a chest in body units (inner chest half width = 1).

    Attributes:
        height: vertical stretch of the body (above 1: slim and tall; below 1: round).
        heart: size of the heart; ``heart_tilt`` rotates its axis (degrees).
        knob: radius of the aortic knob; ``unfolded``: bow of the aorta to the left.
        wall: thickness of the soft tissue outside the ribs.
        slope: descent of the ribs toward the front; ``rib_width``: their thickness; ``bone``: density of all bones.
        apex: height of the lung apices; ``dome``: level of the diaphragm (right, left); ``dome_arch``: its bulge.
        breasts: size of breast shadows (0 = none); ``thymus``: size of a child's thymus (0 = none).
        vessels: seed of the vessel tree; ``vessel_size``: width of the vessels.
        ribs: (10,) random shift of each rib; ``scoliosis``: sideways bow of the spine.
        bowel: seed of bowel gas; ``bubble``: (x, y, size) of the stomach bubble.
        shoulder: level of the shoulders; ``clavicle``: rise of the collarbones.
        emphysema: how much darker the lungs are.
    """

    height: float
    heart: float
    heart_tilt: float
    knob: float
    unfolded: float
    wall: float
    slope: float
    rib_width: float
    bone: float
    apex: float
    dome: tuple[float, float]
    dome_arch: float
    breasts: float
    thymus: float
    vessels: int
    vessel_size: float
    ribs: tuple[float, ...]
    scoliosis: float
    bowel: int
    bubble: tuple[float, float, float]
    shoulder: float
    clavicle: float
    emphysema: float


def draw_anatomy(rng: np.random.Generator, age: float, sex: str) -> Anatomy:
    """A random anatomy at ``age`` years; children have round chests, large hearts and a thymus."""
    old = float(np.clip((age - 20) / 60, 0, 1))
    right = rng.normal(0.62, 0.05)
    adult = Anatomy(
        height=rng.normal(1.0, 0.055),
        heart=rng.normal(0.96 + 0.08 * old, 0.08),
        heart_tilt=rng.normal(0, 6),
        knob=float(np.clip(rng.normal(0.12 + 0.04 * old, 0.015), 0.08, 0.2)),
        unfolded=float(np.clip(rng.normal(0.08 * old, 0.04), -0.03, 0.2)),
        wall=float(np.clip(rng.normal(0.24, 0.07), 0.11, 0.45)),
        slope=rng.normal(1.0, 0.1),
        rib_width=rng.normal(0.062, 0.006),
        bone=rng.normal(1.05 - 0.25 * old, 0.1),
        apex=rng.normal(0, 0.03),
        dome=(right, right + rng.normal(0.06, 0.03)),
        dome_arch=rng.normal(0.2, 0.03),
        breasts=float(np.clip(rng.normal(0.6, 0.3), 0.1, 1.2)) if sex == "F" and age >= ADULT_FROM_YEARS else 0.0,
        thymus=0.0,
        vessels=int(rng.integers(2**31)),
        vessel_size=rng.normal(1.0, 0.12),
        ribs=tuple(rng.normal(0, 0.012, 10)),
        scoliosis=rng.normal(0, 0.02 + 0.03 * old),
        bowel=int(rng.integers(2**31)),
        bubble=(rng.normal(0.42, 0.08), rng.normal(0.16, 0.03), float(np.clip(rng.normal(0.13, 0.05), 0.03, 0.26))),
        shoulder=rng.normal(0, 0.04),
        clavicle=rng.normal(0.2, 0.05),
        emphysema=float(np.clip(rng.normal(-0.1 + 0.3 * old, 0.25), 0, 1)),
    )
    return _child(adult, rng, age) if age < ADULT_FROM_YEARS else adult


def _child(adult: Anatomy, rng: np.random.Generator, age: float) -> Anatomy:
    """The proportions of a child: a chest as wide as high, flat ribs, a heart over half of the width."""
    young = float(np.clip(1 - age / ADULT_FROM_YEARS, 0, 1))
    return replace(
        adult,
        height=adult.height * (1 - 0.24 * young),
        heart=adult.heart * (1 + 0.28 * young),
        knob=adult.knob * (1 - 0.5 * young),
        wall=adult.wall * (1 - 0.3 * young),
        slope=adult.slope * (1 - 0.5 * young),
        rib_width=adult.rib_width * (1 - 0.22 * young),
        thymus=young * float(np.clip(rng.normal(0.8, 0.5), 0, 1.6)),
        clavicle=adult.clavicle * (1 - 0.3 * young),
        emphysema=0.0,
        bubble=(adult.bubble[0], adult.bubble[1], adult.bubble[2] * 1.3),
    )


RIB_HALF_WIDTH = np.array([0.42, 0.62, 0.75, 0.84, 0.90, 0.945, 0.975, 0.99, 0.99, 0.97])
RIB_DROP = np.array([0.24, 0.40, 0.52, 0.61, 0.67, 0.71, 0.73, 0.72, 0.68, 0.60])
RIB_LEVEL = -1.08 + 0.165 * np.arange(10)


def rib_turns(anatomy: Anatomy, breath: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half width, level at the spine, and drop to the front of each rib, (10,) each; a ``breath`` lifts the fronts."""
    level = (RIB_LEVEL + np.asarray(anatomy.ribs) + anatomy.apex * np.linspace(1, 0, 10)) * anatomy.height
    drop = RIB_DROP * anatomy.slope * anatomy.height * (1 - 0.16 * breath)
    return RIB_HALF_WIDTH * (1 + 0.015 * breath), level, drop


def rib_curve(half_width: float, level: float, drop: float, side: int, turns: tuple[float, float]) -> np.ndarray:
    """(24, 2) part of a rib's loop between two angles: 0 at the spine, 90 at the side, 180 at the breastbone."""
    turn = np.radians(np.linspace(*turns, 24))
    x = half_width * np.sin(turn) ** 0.9 + 0.07 * np.cos(turn / 2) ** 6
    y = level + drop * (1 - np.cos(turn)) / 2 - 0.07 * np.sin(2 * turn) * (turn < np.pi / 2)
    return np.column_stack([side * x, y])


def lung_outline(anatomy: Anatomy, breath: float, side: int) -> np.ndarray:
    """Outline of a lung field seen from the front; ``side`` -1 is the patient's right (left in the picture)."""
    half_width, level, drop = rib_turns(anatomy, breath)
    dome = dome_level(anatomy, breath, side)
    lateral = np.column_stack([side * 0.955 * half_width, level + drop / 2])[1:]
    lateral = lateral[lateral[:, 1] < dome + 0.02]
    top = level[0] - 0.02
    angle = (side * 0.975, dome + 0.3 * anatomy.height)
    arch = anatomy.dome_arch
    base = [
        (side * 0.86, dome + 0.7 * arch),
        (side * 0.68, dome + 0.05),
        (side * 0.45, dome),
        (side * 0.2, dome + 0.2 * arch),
        (side * 0.07, dome + 0.42 * arch),
    ]
    medial = [
        (side * 0.07, dome + 0.42 * arch),
        (side * 0.08, 0.2 * anatomy.height),
        (side * 0.09, -0.4 * anatomy.height),
    ]
    tip = [(side * 0.13, top + 0.2), (side * 0.2, top + 0.03), (side * 0.29, top - 0.03), (side * 0.37, top + 0.07)]
    return smooth([*medial, *tip, *lateral, angle, angle, *base], closed=True)


def dome_level(anatomy: Anatomy, breath: float, side: int) -> float:
    """y of the top of the diaphragm on one side; a deep ``breath`` lowers it."""
    return (anatomy.dome[0 if side < 0 else 1] + 0.13 * breath) * anatomy.height
