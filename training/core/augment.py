"""Random changes of training images (paper, section 4).

Each image gets one affine transform and one brightness factor. The factor is part of the scaling that all splits go
through, so training, validation and test images have the same range of intensities. (The paper's code stretched
training images to their own minimum and maximum, but not the others.)
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
Matrices = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Augmentation:
    """Ranges from which the changes of each image are drawn.

    Attributes:
        rotation_deg: maximum rotation in either direction (degrees).
        shift: maximum shift along each axis, as a share of the side.
        zoom: (minimum, maximum) share of the side that stays visible: below 1 magnifies, above 1 shrinks.
        zoom_per_axis: whether to draw the zoom for each axis, which changes the aspect ratio.
        brightness: (minimum, maximum) factor of the intensities, clipped at white.
        mirrors: whether to mirror, with probability 0.5.
        flips: whether to mirror and to turn upside down, each with probability 0.5.
    """

    rotation_deg: float = 0.0
    shift: float = 0.0
    zoom: tuple[float, float] = (1.0, 1.0)
    zoom_per_axis: bool = False
    brightness: tuple[float, float] = (1.0, 1.0)
    mirrors: bool = False
    flips: bool = False


NONE = Augmentation()
MIRROR = Augmentation(mirrors=True)
# As different as a second exposure of the same chest: the heart stays on the left, the head up.
MODEST = Augmentation(rotation_deg=10.0, shift=0.05, zoom=(0.9, 1.1), brightness=(0.85, 1.15))


def preset(name: str, num_classes: int) -> Augmentation:
    """A preset by its name: ``none``, ``mirror``, ``modest`` or ``paper``.

    The paper shifts by 0.2 for two classes, by 0.1 for three.

    Raises:
        KeyError: there is no such preset.
    """
    paper = Augmentation(
        rotation_deg=170.0,
        shift=0.2 if num_classes == 2 else 0.1,
        zoom=(0.8, 1.5),
        zoom_per_axis=True,
        brightness=(0.5, 1.3),
        flips=True,
    )
    return {"none": NONE, "mirror": MIRROR, "modest": MODEST, "paper": paper}[name]


def change_shapes(images: Images, augmentation: Augmentation, rng: np.random.Generator) -> Images:
    """Rotate, shift, zoom and flip each image by its own random draw; areas outside the image become black.

    Args:
        images: (N, H, W, C) uint8.
        augmentation: ranges to draw from.
        rng: random generator; equal states give equal images.

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
    """Draw ``count`` affine transforms about the center of an image.

    Args:
        count: number of transforms.
        height: of the image (px).
        width: of the image (px).
        augmentation: ranges to draw from.
        rng: random generator.

    Returns:
        (count, 2, 3) float64, mapping pixels of the image to pixels of the changed image.
    """
    angle = np.deg2rad(rng.uniform(-augmentation.rotation_deg, augmentation.rotation_deg, count))
    zoom = rng.uniform(*augmentation.zoom, (count, 2))
    if not augmentation.zoom_per_axis:
        zoom[:, 1] = zoom[:, 0]
    shift = rng.uniform(-augmentation.shift, augmentation.shift, (count, 2)) * (width, height)
    flipped = (augmentation.mirrors or augmentation.flips, augmentation.flips)
    flip = np.where(flipped & (rng.random((count, 2)) < 0.5), -1.0, 1.0)
    turn = np.moveaxis(np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]), -1, 0)
    linear = turn * (flip / zoom)[:, None, :]
    center = np.array([(width - 1) / 2, (height - 1) / 2])
    return np.concatenate([linear, (center - linear @ center + shift)[:, :, None]], axis=2)


def draw_brightness(count: int, augmentation: Augmentation, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Draw ``count`` factors of the intensities, (count,) float32."""
    return rng.uniform(*augmentation.brightness, count).astype(np.float32)
