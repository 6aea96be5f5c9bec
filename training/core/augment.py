"""Random changes of training images (paper, section 4).

Shape changes are one affine map per image, intensity is one factor per image: the factor goes into the same scaling
that every split gets, so that training, validation and test see the same intensities. (The paper's code stretched
each training image to its own minimum and maximum, and no other.)
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
Matrices = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Augmentation:
    """Ranges that changes are drawn from, each image by itself.

    Attributes:
        rotation_deg: turned by up to so much, either way.
        shift: moved by up to this share of the side, along each axis.
        zoom: (least, most) share of the side that is seen: below 1 magnifies, above 1 shrinks.
        zoom_per_axis: draw it for each axis, which changes the aspect ratio.
        brightness: (least, most) factor of the intensities, clipped at white.
        flips: mirror, and turn upside down, each with a chance of one half.
    """

    rotation_deg: float = 0.0
    shift: float = 0.0
    zoom: tuple[float, float] = (1.0, 1.0)
    zoom_per_axis: bool = False
    brightness: tuple[float, float] = (1.0, 1.0)
    flips: bool = False


NONE = Augmentation()
# What a second exposure of the same chest may look like: the heart stays left, and the head up.
MODEST = Augmentation(rotation_deg=10.0, shift=0.05, zoom=(0.9, 1.1), brightness=(0.85, 1.15))


def preset(name: str, num_classes: int) -> Augmentation:
    """``none``, ``modest`` or ``paper``; the paper shifts by 0.2 for two classes and by 0.1 for three."""
    paper = Augmentation(
        rotation_deg=170.0,
        shift=0.2 if num_classes == 2 else 0.1,
        zoom=(0.8, 1.5),
        zoom_per_axis=True,
        brightness=(0.5, 1.3),
        flips=True,
    )
    return {"none": NONE, "modest": MODEST, "paper": paper}[name]


def change_shapes(images: Images, augmentation: Augmentation, rng: np.random.Generator) -> Images:
    """Turn, shift, zoom and flip each image by its own draw; what comes in from outside is black.

    Args:
        images: (N, H, W, C) uint8.
        augmentation: ranges to draw from.
        rng: source of the draws; equal states give equal images.

    Returns:
        (N, H, W, C) uint8, a new array.
    """
    count, height, width = images.shape[:3]
    changed = np.empty_like(images)
    for image, matrix, place in zip(
        images, draw_matrices(count, height, width, augmentation, rng), changed, strict=True
    ):
        cv2.warpAffine(
            image, matrix, (width, height), dst=place, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
        )
    return changed


def draw_matrices(
    count: int, height: int, width: int, augmentation: Augmentation, rng: np.random.Generator
) -> Matrices:
    """``count`` affine maps (count, 2, 3) from a picture onto its changed self, about its centre."""
    angle = np.deg2rad(rng.uniform(-augmentation.rotation_deg, augmentation.rotation_deg, count))
    zoom = rng.uniform(*augmentation.zoom, (count, 2))
    if not augmentation.zoom_per_axis:
        zoom[:, 1] = zoom[:, 0]
    shift = rng.uniform(-augmentation.shift, augmentation.shift, (count, 2)) * (width, height)
    flip = np.where(augmentation.flips & (rng.random((count, 2)) < 0.5), -1.0, 1.0)
    turn = np.moveaxis(np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]), -1, 0)
    linear = turn * (flip / zoom)[:, None, :]
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    return np.concatenate([linear, (centre - linear @ centre + shift)[:, :, None]], axis=2)


def draw_brightness(count: int, augmentation: Augmentation, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """``count`` factors of the intensities, float32."""
    return rng.uniform(*augmentation.brightness, count).astype(np.float32)
