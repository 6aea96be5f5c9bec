"""Find the lungs of one film."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.classifiers.lungs import LungNetwork, equalize
from pipeline.core.params import SegmentParams
from pipeline.core.schema import WHOLE_FILM
from pipeline.imaging.arrays import Gray
from pipeline.imaging.masks import LungBox, Mask
from pipeline.segment.masks import clean_mask, crop_box, touches_rim
from pipeline.segment.variants import VARIANTS, agreement
from pipeline.segment.verdict import implausible


@dataclass(frozen=True, eq=False)
class Lungs:
    """The lungs of a film.

    Attributes:
        mask: bool (GRID, GRID) over the film, not dilated.
        box: part of the film with the lungs, dilation and margin included; the whole film where ``is_plausible`` is
            false.
        share: share of the film that the mask covers.
        quality: agreement of the variants, 0 to 1.
        is_cut: whether a lung leaves the picture.
        is_plausible: whether the mask looks like lungs.
        reason: why the box is the whole film, or why a person should look at the mask; None if neither.
    """

    mask: Mask
    box: LungBox
    share: float
    quality: float
    is_cut: bool
    is_plausible: bool
    reason: str | None


def find_lungs(film: Gray, network: LungNetwork, params: SegmentParams) -> Lungs:
    """Find the lungs of a film, (H, W) uint8, upright and positive."""
    height, width = film.shape
    size = network.facts.size
    small = cv2.resize(film, (size, size), interpolation=cv2.INTER_AREA)
    inputs = [equalize(variant.apply(small)) for variant in VARIANTS]
    found = network.probabilities(inputs, params.definition)
    maps = np.stack([variant.undo(each) for variant, each in zip(VARIANTS, found, strict=True)])
    mean = maps.mean(axis=0)
    mask, quality = clean_mask(mean), agreement(maps, mean > 0.5)
    problem = _problem(small, mask, quality, (width, height), params)
    reason = f"{WHOLE_FILM}: {problem}" if problem else None
    if problem is None and quality < params.min_quality:
        reason = f"doubtful mask: its variants agree by {quality:.2f} only"
    return Lungs(
        mask=mask,
        box=LungBox.whole(width, height) if problem else crop_box(mask, width, height, params),
        share=float(mask.mean()),
        quality=quality,
        is_cut=problem is None and touches_rim(mask),
        is_plausible=problem is None,
        reason=reason,
    )


def _problem(small: Gray, mask: Gray, quality: float, size: tuple[int, int], params: SegmentParams) -> str | None:
    """Why the whole film is used instead of a mask; None if the mask can be used. ``size``: of the film."""
    if small.min() == small.max():
        return "the film is uniform"
    if problem := implausible(mask, *size, params):
        return problem
    return f"the variants of the mask agree by {quality:.2f} only" if quality < params.least_quality else None
