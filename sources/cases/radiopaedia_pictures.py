"""Radiopaedia's pictures of one study: its stacks (2020), its full-screen page, or the JSON of the viewer (2025).

All three become the same entries: the modality of the study, and a picture with the keys of a stack.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sources.cases.radiopaedia_pages import SITE
from sources.core import layouts
from sources.core.layouts import Layout
from sources.core.limits import STUDY_IMAGES
from sources.reading.answers import mapping, mappings, string
from sources.reading.html import absolute, soup, unique, words_of

STACKS = Layout(
    name="stacks of 2020",
    seen="2024",
    addresses=r"/studies/\d+/stacks",
    fields={"picture": "[].images[].public_filename"},
    facts={"modality": "[].modality", "plane": "[].images[].plane_projection", "id": "[].images[].id"},
    kind=layouts.JSON,
)
VIEWER = Layout(
    name="viewer of 2025",
    seen="2026-09",
    addresses=r"/studies/\d+/annotated_viewer_json",
    fields={
        "modality": "study.modality",
        "frame": "study.series[].frames[].id",
        "file": "study.series[].encodings.thumbnailed_files[].original",
    },
    facts={"plane": "study.series[].perspective", "findings": "study.findings", "caption": "study.caption"},
    kind=layouts.JSON,
)
FILE = re.compile(r"[\w-]{1,200}(?:\.\w{1,10}){1,2}", re.ASCII)
PICTURES = "https://prod-images-static.radiopaedia.org/images"


Picture = tuple[str, dict[str, Any]]  # modality, and the picture as a stack describes it


@dataclass(frozen=True)
class ViewerStudy:
    """What the viewer states about a study.

    Attributes:
        heading, text: its caption, and its caption with its findings.
        pictures: (modality, picture) of every frame; a frame without a file has no ``public_filename``.
    """

    heading: str
    text: str
    pictures: list[Picture]


def parse_viewer(text: str) -> ViewerStudy:
    """A study's answer of the viewer; without pictures for anything else."""
    try:
        study = mapping(mapping(json.loads(text)).get("study"))
    except (ValueError, RecursionError):
        return ViewerStudy("", "", [])
    modality = string(study.get("modality"))
    pictures = [
        (modality, _viewer_picture(frame, file, string(series.get("perspective"))))
        for series in mappings(study.get("series"))
        for frame, file in _frames(series)
    ]
    heading = string(study.get("caption"))
    findings = words_of(soup(string(study.get("findings"))))
    return ViewerStudy(heading, f"{heading} {findings}".strip(), pictures[:STUDY_IMAGES])


def parse_stacks(text: str) -> list[Picture]:
    """(modality of the stack, picture) for every picture of a study's JSON; [] for anything else."""
    try:
        stacks = json.loads(text)
    except (ValueError, RecursionError):
        return []
    pictures: list[Picture] = []
    for stack in stacks if isinstance(stacks, list) else []:
        images = stack.get("images") if isinstance(stack, dict) else None
        for image in images if isinstance(images, list) else []:
            if isinstance(image, dict) and picture_urls(image):
                pictures.append((str(stack.get("modality") or ""), image))
    return pictures[:STUDY_IMAGES]


def parse_fullscreen(text: str) -> list[Picture]:
    """As :func:`parse_stacks`, from the script of a full-screen page (``var stackedImages = [...];``)."""
    start = re.search(r"\bvar\s+stackedImages\s*=\s*", text)
    if not start:
        return []
    try:
        _, end = json.JSONDecoder().raw_decode(text, start.end())
    except (ValueError, RecursionError):
        return []
    return parse_stacks(text[start.end() : end])


def picture_urls(image: dict[str, Any]) -> list[str]:
    """Addresses of a picture: the original, then the scaled copies that the site is known to keep."""
    names = [image.get("public_filename"), image.get("fullscreen_filename")]
    urls = [absolute(SITE, value) for value in names if isinstance(value, str)]
    if urls and urls[0]:
        stem = re.sub(r"(?:_jumbo|_big_gallery|_gallery|_thumb)?\.\w{3,4}$", "", urls[0])
        urls += [f"{stem}_jumbo.jpeg", f"{stem}_big_gallery.jpeg"]
    return unique(urls)


def _frames(series: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """The frames of a series, each with the names of its files (none if the answer lists fewer files than frames)."""
    files = mapping(series.get("encodings")).get("thumbnailed_files")
    listed = files if isinstance(files, list) else []
    for place, frame in enumerate(mappings(series.get("frames"))[:STUDY_IMAGES]):
        yield frame, mapping(listed[place]) if place < len(listed) else {}


def _viewer_picture(frame: Mapping[str, Any], file: Mapping[str, Any], plane: str) -> dict[str, Any]:
    """A frame with the keys of a picture of a stack."""
    number = frame.get("id")
    is_known = isinstance(number, int) and not isinstance(number, bool)
    names = [string(file.get(size)) for size in ("original", "big_gallery", "gallery")]
    addresses = [f"{PICTURES}/{number}/{name}" for name in names if FILE.fullmatch(name)] if is_known else []
    return {
        "id": number if is_known else None,
        "plane_projection": plane,
        "public_filename": addresses[0] if addresses else None,
        "fullscreen_filename": addresses[1] if len(addresses) > 1 else None,
    }
