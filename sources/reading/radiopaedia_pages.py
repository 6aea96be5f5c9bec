"""Radiopaedia's pages: search results, case pages in two layouts, stacks of pictures. Facts only, no decisions.

Public code of 2020 and 2023 shows the layouts: hits are ``a.search-result-case``; a study is ``div.case-study``, with
its id in ``data-study-id`` (2020) or at the end of the id of its child ``div.main-study-desc`` (2023). A study's
pictures are the JSON at ``/studies/<id>/stacks``, repeated as ``var stackedImages`` on the full-screen page.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from bs4 import BeautifulSoup, Tag

from sources.core.limits import STUDY_IMAGES
from sources.reading.ages import age_in_text, parse_age
from sources.reading.html import absolute, attribute, outermost, soup, unique, words_of
from sources.reading.words import parse_sex

SITE = "https://radiopaedia.org"
HIT = 'a.search-result-case[href*="/cases/"]'
STUDY = "div.case-study"


@dataclass(frozen=True)
class Case:
    """What a case page says about all its pictures."""

    page_url: str
    rid: str | None
    title: str
    certainty: str
    contributor: str | None
    tags: str
    systems: str
    age: float | None
    sex: str | None
    studies: tuple["Study", ...]


@dataclass(frozen=True)
class Study:
    """One examination of a case."""

    study_id: str
    modality: str
    heading: str
    text: str
    stacks_url: str
    fullscreen_url: str | None


def parse_hits(tree: BeautifulSoup, url: str) -> list[str]:
    """Addresses of the cases that a page of search results lists; articles are left out."""
    return unique(absolute(url, attribute(link, "href")) for link in tree.select(HIT))


def next_hits(tree: BeautifulSoup, url: str) -> str | None:
    """Address of the next page of results; None on the last page and on a page without hits."""
    link = tree.select_one('a.next_page[rel~="next"]')
    return absolute(url, attribute(link, "href")) if parse_hits(tree, url) else None


def parse_case(text: str, url: str) -> Case:
    """A case page in either layout; an absent field is None or empty."""
    tree = soup(text)
    about = _pairs(outermost(tree, "#citation-info .row"), "strong", ".col-sm-8")
    patient = _patient_data(tree)
    title = words_of(tree.select_one("h1.header-title"))
    rid = re.search(r"\d{1,12}", about.get("rid", "") or about.get("permalink", "") or about.get("doi", ""))
    age = parse_age(patient.get("age"))
    return Case(
        page_url=url,
        rid=rid[0] if rid else None,
        title=title,
        certainty=words_of(tree.select_one(".diagnostic-certainty-title")),
        contributor=_contributor(about.get("citation", ""), title),
        tags=about.get("tags", ""),
        systems=about.get("systems", ""),
        age=age if age is not None else age_in_text(title),
        sex=parse_sex(patient.get("gender") or patient.get("sex")),
        studies=tuple(study for block in outermost(tree, STUDY) if (study := _study(block, url))),
    )


def parse_stacks(text: str) -> list[tuple[str, dict[str, Any]]]:
    """(modality of the stack, picture) for every picture of a study's JSON; [] for anything else."""
    try:
        stacks = json.loads(text)
    except (ValueError, RecursionError):
        return []
    pictures = []
    for stack in stacks if isinstance(stacks, list) else []:
        images = stack.get("images") if isinstance(stack, dict) else None
        for image in images if isinstance(images, list) else []:
            if isinstance(image, dict) and picture_urls(image):
                pictures.append((str(stack.get("modality") or ""), image))
    return pictures[:STUDY_IMAGES]


def parse_fullscreen(text: str) -> list[tuple[str, dict[str, Any]]]:
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


def _study(block: Tag, url: str) -> Study | None:
    """One study of a case page; None if it has no number."""
    description_id = attribute(block.select_one(".main-study-desc"), "id") or attribute(block, "data-ref")
    number = re.search(r"\d{1,12}", attribute(block, "data-study-id")) or re.search(r"(\d{1,12})$", description_id)
    if not number:
        return None
    stacks = absolute(url, attribute(block, "data-study-stacks-url"))
    heading = words_of(block.select_one(".study-desc h2"))
    return Study(
        study_id=number[0],
        modality=words_of(block.select_one(".study-modality span")) or heading,
        heading=heading,
        text=f"{heading} {words_of(block.select_one('.study-findings'))}",
        stacks_url=stacks or f"{SITE}/studies/{number[0]}/stacks?lang=us",
        fullscreen_url=absolute(url, attribute(block.select_one("a.view-fullscreen-link"), "href")),
    )


def _pairs(rows: list[Tag], name: str, value: str) -> dict[str, str]:
    """Rows of name and value as a dictionary, names in lower case."""
    return {words_of(row.select_one(name)).rstrip(":").lower(): words_of(row.select_one(value)) for row in rows}


def _patient_data(tree: BeautifulSoup) -> dict[str, str]:
    """Age, gender, ... of the patient: each entry is ``<strong>Age:</strong> 70 years``."""
    entries = (words_of(entry).partition(":") for entry in outermost(tree, "#case-patient-data .data-item"))
    return {name.strip().lower(): value.strip() for name, _, value in entries}


def _contributor(citation: str, title: str) -> str | None:
    """The name at the start of "<name>. <title>. Case study, Radiopaedia.org"."""
    name = citation.split(f". {title}", 1)[0] if title else citation.split(". Case study", 1)[0]
    return name.split(", Radiopaedia", 1)[0].strip(" .,")[:200] or None
