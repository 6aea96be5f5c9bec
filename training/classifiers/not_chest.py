"""Pictures that are not chest films, as training examples of the class "other".

They are synthetic pages, plots, shapes, noise and CT slices, montages and details of films, and photographs. Each
picture is (H, W) uint8; equal states of the random generator give equal pictures.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from pipeline.imaging.arrays import Gray
from pipeline.imaging.png import shrink
from sources.sandbox.anatomy import draw_anatomy
from sources.sandbox.other_views import ct_axial, ct_coronal
from sources.sandbox.phantom import Exposure

SIDE = 256  # px, maximum side of synthetic pictures
PHOTO_SIDE = 384  # px, maximum side of photographs


def draw_not_chest(films: Sequence[Gray], photos: Sequence[Gray], rng: np.random.Generator) -> Gray:
    """Draw one picture of a random kind.

    Args:
        films: chest films for montages and details, (H, W) uint8 each.
        photos: photographs to crop, (H, W) uint8 each.
        rng: random generator.
    """
    kinds: list[Callable[[], Gray]] = [
        lambda: page_of_text(rng),
        lambda: plot(rng),
        lambda: shapes(rng),
        lambda: clouds(rng),
        lambda: montage(films, rng),
        lambda: montage(films, rng),
        lambda: detail(films, rng),
        lambda: photograph(photos, rng),
        lambda: photograph(photos, rng),
    ]
    return kinds[int(rng.integers(len(kinds)))]()


def page_of_text(rng: np.random.Generator) -> Gray:
    """Lines of text on white or black."""
    height, width = _size(rng)
    page = np.full((height, width), 255, np.uint8)
    step = int(rng.integers(8, 22))
    for y in range(step, height, step):
        words = "".join(rng.choice(list("abcdefghi mnop rstu "), 60))
        cv2.putText(page, words, (int(rng.integers(0, 30)), y), cv2.FONT_HERSHEY_SIMPLEX, step / 40, 0, 1, cv2.LINE_AA)
    return page if rng.random() < 0.8 else 255 - page


def plot(rng: np.random.Generator) -> Gray:
    """A plot with curves and bars."""
    height, width = _size(rng)
    page = np.full((height, width), 255, np.uint8)
    cv2.rectangle(page, (20, 10), (width - 10, height - 20), 0, 1)
    for _ in range(int(rng.integers(1, 4))):
        values = np.cumsum(rng.normal(0, 1, 40))
        values = (values - values.min()) / (np.ptp(values) + 1e-6) * (height - 50) + 20
        points = np.stack([np.linspace(22, width - 12, 40), values], axis=1).astype(np.int32)
        cv2.polylines(page, [points], False, int(rng.integers(0, 140)), int(rng.integers(1, 4)))
    for bar in range(int(rng.integers(0, 8))):
        left, top = 30 + bar * 25, int(rng.integers(20, height - 30))
        cv2.rectangle(page, (left, top), (left + 14, height - 20), int(rng.integers(60, 200)), -1)
    return page


def shapes(rng: np.random.Generator) -> Gray:
    """Filled and outlined ellipses of any gray level, more or less blurred."""
    height, width = _size(rng)
    page = np.full((height, width), int(rng.integers(0, 256)), np.uint8)
    for _ in range(int(rng.integers(1, 12))):
        center = (int(rng.integers(width)), int(rng.integers(height)))
        axes = (int(rng.integers(5, width // 2)), int(rng.integers(5, height // 2)))
        tone = int(rng.integers(0, 256))
        cv2.ellipse(page, center, axes, float(rng.uniform(0, 180)), 0, 360, tone, -1 if rng.random() < 0.7 else 3)
    return np.asarray(cv2.GaussianBlur(page, (0, 0), float(rng.uniform(0.3, 6))), np.uint8)


def clouds(rng: np.random.Generator) -> Gray:
    """Noise that is smooth on a random scale."""
    height, width = _size(rng)
    scale = float(rng.choice([1, 3, 8, 20, 50]))
    noise = cv2.GaussianBlur(rng.normal(0, 1, (height, width)), (0, 0), scale)
    return np.asarray((noise - noise.min()) / (np.ptp(noise) + 1e-9) * 255, np.uint8)


def montage(films: Sequence[Gray], rng: np.random.Generator) -> Gray:
    """Two to nine films in one picture, as in the figures of papers."""
    rows, columns = [(1, 2), (2, 1), (2, 2), (1, 3), (2, 3), (3, 3)][int(rng.integers(6))]
    gutter, background = int(rng.integers(0, 10)), int(rng.choice([0, 255, 255]))
    height, width = (int(rng.integers(70, 140)) for _ in range(2))
    page = np.full((rows * (height + gutter) + gutter, columns * (width + gutter) + gutter), background, np.uint8)
    same = films[int(rng.integers(len(films)))] if rng.random() < 0.2 else None
    for row in range(rows):
        for column in range(columns):
            film = same if same is not None else films[int(rng.integers(len(films)))]
            top, left = gutter + row * (height + gutter), gutter + column * (width + gutter)
            page[top : top + height, left : left + width] = cv2.resize(film, (width, height))
    return page


def detail(films: Sequence[Gray], rng: np.random.Generator) -> Gray:
    """A small part of a film, enlarged."""
    film = films[int(rng.integers(len(films)))]
    height, width = (max(12, int(side * rng.uniform(0.15, 0.35))) for side in film.shape)
    top, left = int(rng.integers(film.shape[0] - height + 1)), int(rng.integers(film.shape[1] - width + 1))
    part = film[top : top + height, left : left + width]
    return np.asarray(cv2.resize(part, (width * 4, height * 4), interpolation=cv2.INTER_CUBIC), np.uint8)


def photograph(photos: Sequence[Gray], rng: np.random.Generator) -> Gray:
    """A random part of a photograph."""
    photo = photos[int(rng.integers(len(photos)))]
    height, width = (int(side * rng.uniform(0.3, 1.0)) for side in photo.shape)
    top, left = int(rng.integers(photo.shape[0] - height + 1)), int(rng.integers(photo.shape[1] - width + 1))
    return np.ascontiguousarray(photo[top : top + height, left : left + width])


def synthetic_slices(count: int, rng: np.random.Generator) -> list[Gray]:
    """Draw CT slices, a third axial, the others coronal: those resemble films most, and real ones are rare."""
    slices = []
    for number in range(count):
        anatomy = draw_anatomy(rng, float(rng.uniform(25, 85)), "F" if rng.random() < 0.5 else "M")
        label, severity = ("covid", float(rng.uniform(0.2, 1.0))) if rng.random() < 0.6 else ("normal", 0.0)
        exposure = Exposure(*_size(rng), int(rng.integers(2**31)), label, severity, 1, number, False)
        slices.append(np.asarray(ct_axial(anatomy, exposure) if number % 3 == 0 else ct_coronal(anatomy, exposure)))
    return slices


def photographs() -> list[Gray]:
    """The sample photographs of scikit-learn and matplotlib (free licenses), at most 384 px long."""
    import matplotlib as mpl
    from sklearn.datasets import load_sample_images

    photos = [cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2GRAY) for image in load_sample_images().images]
    for path in sorted((Path(mpl.get_data_path()) / "sample_data").iterdir()):
        if path.suffix.lower() in (".jpg", ".png"):
            image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            photos += [] if image is None else [image]
    return [shrink(np.asarray(photo, np.uint8), PHOTO_SIDE) for photo in photos]


def _size(rng: np.random.Generator) -> tuple[int, int]:
    """A random height and width (px)."""
    return int(rng.integers(SIDE // 2, SIDE)), int(rng.integers(SIDE // 2, SIDE))
