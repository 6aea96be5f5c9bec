"""Films as the usual enhancements show them, each above its histogram (paper, Figs. 2 and 3)."""

from collections.abc import Callable

import cv2
import numpy as np
import pandas as pd

from pipeline.core.layout import Layout
from pipeline.core.params import PrepareParams
from pipeline.core.pictures import read_pictures
from pipeline.imaging.arrays import Gray
from pipeline.imaging.histogram import TONES, histogram
from pipeline.imaging.png import decode_png
from pipeline.prepare.enhance import beasf, clahe
from pipeline.report.pictures import Figure, Groups, Sheet
from sources.core.items import KEY

SIDE = TONES  # px of a picture: as wide as its histogram
HEIGHT = 48  # px of a histogram
FILMS = 3  # one per label
NO_LIMIT = 1e6  # of the contrast: plain AHE


def enhanced_films(layout: Layout, groups: Groups, params: PrepareParams) -> list[Sheet]:
    """The first film of each label, before and after each enhancement."""
    chosen = [films.iloc[0] for films in groups.values() if len(films)][:FILMS]
    keys = [tuple(film[name] for name in KEY) for film in chosen]
    pictures = read_pictures(layout, set(keys))
    found = [(film, key) for film, key in zip(chosen, keys, strict=True) if key in pictures]
    return [_sheet(film, decode_png(pictures[key], "/".join(key)), params) for film, key in found]


def _sheet(film: "pd.Series[str]", gray: Gray, params: PrepareParams) -> Sheet:
    ways: dict[str, Callable[[Gray], Gray]] = {
        "original": lambda image: image,
        "histogram equalization (HE)": lambda image: np.asarray(cv2.equalizeHist(image), np.uint8),
        "adaptive (AHE)": lambda image: clahe(image, clip=NO_LIMIT, tiles=params.clahe_tiles),
        "contrast-limited (CLAHE)": lambda image: clahe(image, clip=params.clahe_clip, tiles=params.clahe_tiles),
        "BEASF": lambda image: beasf(image, params.beasf_gamma),
    }
    small = cv2.resize(gray, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    name = f"{film['source']}/{film['item_id']}"
    figures = [Figure(_picture(make(small)), way, f"{name}, {way}") for way, make in ways.items()]
    return Sheet(f"{film['label']}: {name}", figures)


def _picture(gray: Gray) -> bytes:
    """JPEG of a film with its histogram below: one column per tone, the highest one as high as the strip."""
    counts = np.sqrt(histogram(gray))  # roots, so that a black border does not flatten the rest
    heights = np.rint(counts / max(counts.max(), 1) * HEIGHT)
    strip = np.where(np.arange(HEIGHT, 0, -1)[:, None] <= heights[None], 60, 255).astype(np.uint8)
    return cv2.imencode(".jpg", np.vstack([gray, strip]), [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
