"""Radiopaedia's pages: search results and case pages in three layouts. Facts only, no decisions.

A study has its id in ``data-study-id`` (2020), at the end of the id of its child ``div.main-study-desc`` (2023), or in
its own id (2025), where only links may be left of it. ``radiopaedia_pictures.py`` reads a study's pictures.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sources.core.addresses import path_of
from sources.core.layouts import Layout
from sources.core.limits import SELECTED_ELEMENTS
from sources.language.ages import age_in_text, parse_age
from sources.language.words import parse_sex
from sources.reading.html import absolute, attribute, outermost, soup, unique, words_of

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

SITE = "https://radiopaedia.org"
SEARCH_PAGE = Layout(
    name="search",
    seen="2026-09",
    addresses=r"^https://radiopaedia\.org/search",
    fields={"case": 'a.search-result-case[href*="/cases/"]'},
    facts={"next page": 'a.next_page[rel~="next"]'},
)
CASE_2020 = Layout(
    name="case of 2020 to 2023",
    seen="2024",
    addresses=r"^https://radiopaedia\.org/cases/[^/]+$",
    fields={"title": "h1.header-title", "study": "div.case-study"},
    facts={
        "citation": "#citation-info .row",
        "patient": "#case-patient-data .data-item",
        "certainty": ".diagnostic-certainty-title",
        "description": ".main-study-desc",
        "heading": ".study-desc h2",
        "modality": ".study-modality span",
        "findings": ".study-findings",
        "full screen": "a.view-fullscreen-link",
    },
)
CASE_2025 = Layout(
    name="case of 2025",
    seen="2026-09",
    addresses=CASE_2020.addresses,
    fields={"title": "h1.header-title", "study": 'div[id^="study-"], a[href*="/studies/"]'},
    facts={
        "author": 'meta[name="author"]',
        "number": 'meta[name="dc.identifier"]',
        "keywords": 'meta[name="keywords"]',
        "patient": "#case-patient-data .data-item",
        "findings": ".study-findings",
    },
)
HIT, STUDY = SEARCH_PAGE["case"], CASE_2020["study"]
SYSTEMS = frozenset(  # the site's names, in lower case
    {
        *("breast", "cardiac", "central nervous system", "chest", "forensic", "gastrointestinal", "gynaecology"),
        *("haematology", "head & neck", "hepatobiliary", "interventional", "musculoskeletal", "obstetrics", "oncology"),
        *("paediatrics", "spine", "trauma", "urogenital", "vascular"),
    }
)
STUDY_ID = re.compile(r"study-(\d{1,12})")
STUDY_LINK = re.compile(r"(?:^|/cases/(?P<case>[^/]+))/studies/(?P<study>\d{1,12})\b")


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
    studies: tuple[Study, ...]


@dataclass(frozen=True)
class Study:
    """One examination of a case.

    Attributes:
        stacks_url, fullscreen_url, viewer_url: where its pictures may be listed.
        is_new: is it on a page of 2025, whose pictures come from ``viewer_url``?
    """

    study_id: str
    modality: str
    heading: str
    text: str
    stacks_url: str
    fullscreen_url: str | None
    is_new: bool = False

    @property
    def viewer_url(self) -> str:
        return f"{SITE}/studies/{self.study_id}/annotated_viewer_json?lang=us"


def parse_hits(tree: BeautifulSoup, url: str) -> list[str]:
    """Addresses of the cases that a page of search results lists; articles are left out."""
    return unique(absolute(url, attribute(link, "href")) for link in tree.select(HIT))


def next_hits(tree: BeautifulSoup, url: str) -> str | None:
    """Address of the next page of results; None on the last page and on a page without hits."""
    link = tree.select_one(SEARCH_PAGE["next page"])
    return absolute(url, attribute(link, "href")) if parse_hits(tree, url) else None


def parse_case(text: str, url: str) -> Case:
    """A case page in any layout; an absent field is None or empty."""
    tree = soup(text)
    about = _pairs(outermost(tree, CASE_2020["citation"]), "strong", ".col-sm-8")
    patient = _patient_data(tree)
    title = words_of(tree.select_one(CASE_2020["title"]))
    stated = about.get("rid", "") or about.get("permalink", "") or about.get("doi", "")
    rid = re.search(r"\d{1,12}", stated or _meta(tree, CASE_2025["number"]))
    age = parse_age(patient.get("age"))
    return Case(
        page_url=url,
        rid=rid[0] if rid else None,
        title=title,
        certainty=words_of(tree.select_one(CASE_2020["certainty"])),
        contributor=_contributor(about.get("citation", ""), title) or _meta(tree, CASE_2025["author"])[:200] or None,
        tags=about.get("tags", ""),
        systems=about.get("systems", "") or ", ".join(_systems(_meta(tree, CASE_2025["keywords"]))),
        age=age if age is not None else age_in_text(title),
        sex=parse_sex(patient.get("gender") or patient.get("sex")),
        studies=_studies(tree, url),
    )


def _studies(tree: BeautifulSoup, url: str) -> tuple[Study, ...]:
    """The studies of a case page: its blocks of any layout, and those that only links name."""
    old = [study for block in outermost(tree, CASE_2020["study"]) if (study := _study(block, url))]
    if old:
        return tuple(old)
    elements = tree.select(CASE_2025["study"], limit=SELECTED_ELEMENTS)
    blocks = {
        number[1]: element for element in reversed(elements) if (number := STUDY_ID.fullmatch(attribute(element, "id")))
    }
    if not blocks:
        links = ((link, STUDY_LINK.search(path_of(absolute(url, attribute(link, "href")) or ""))) for link in elements)
        own = (None, path_of(url).rpartition("/")[2])  # other cases are linked, too
        blocks = {found["study"]: link for link, found in reversed([*links]) if found and found["case"] in own}
    return tuple(_new_study(number, block) for number, block in reversed(blocks.items()))


def _new_study(number: str, block: Tag) -> Study:
    """A study on a page of 2025; ``block`` may be a mere link to it."""
    is_block = block.name == "div"
    return Study(
        study_id=number,
        modality=words_of(block.select_one(CASE_2020["modality"])) if is_block else "",
        heading=words_of(block.select_one("h2, h3")) if is_block else "",
        text=words_of(block.select_one(CASE_2025["findings"])) if is_block else "",
        stacks_url=f"{SITE}/studies/{number}/stacks?lang=us",
        fullscreen_url=None,
        is_new=True,
    )


def _study(block: Tag, url: str) -> Study | None:
    """One study of a case page; None if it has no number."""
    description_id = attribute(block.select_one(CASE_2020["description"]), "id") or attribute(block, "data-ref")
    number = re.search(r"\d{1,12}", attribute(block, "data-study-id")) or re.search(r"(\d{1,12})$", description_id)
    if not number:
        return None
    stacks = absolute(url, attribute(block, "data-study-stacks-url"))
    heading = words_of(block.select_one(CASE_2020["heading"]))
    return Study(
        study_id=number[0],
        modality=words_of(block.select_one(CASE_2020["modality"])) or heading,
        heading=heading,
        text=f"{heading} {words_of(block.select_one(CASE_2020['findings']))}",
        stacks_url=stacks or f"{SITE}/studies/{number[0]}/stacks?lang=us",
        fullscreen_url=absolute(url, attribute(block.select_one(CASE_2020["full screen"]), "href")),
    )


def _pairs(rows: list[Tag], name: str, value: str) -> dict[str, str]:
    """Rows of name and value as a dictionary, names in lower case."""
    return {words_of(row.select_one(name)).rstrip(":").lower(): words_of(row.select_one(value)) for row in rows}


def _patient_data(tree: BeautifulSoup) -> dict[str, str]:
    """Age, gender, ... of the patient: each entry is ``<strong>Age:</strong> 70 years``."""
    entries = (words_of(entry).partition(":") for entry in outermost(tree, CASE_2020["patient"]))
    return {name.strip().lower(): value.strip() for name, _, value in entries}


def _meta(tree: BeautifulSoup, selector: str) -> str:
    return attribute(tree.select_one(selector), "content")


def _systems(keywords: str) -> list[str]:
    """Those of the keywords that name a part of the body."""
    return [word.strip() for word in keywords[:1000].split(",") if word.strip().lower() in SYSTEMS]


def _contributor(citation: str, title: str) -> str | None:
    """The name at the start of "<name>. <title>. Case study, Radiopaedia.org"."""
    name = citation.split(f". {title}", 1)[0] if title else citation.split(". Case study", 1)[0]
    return name.split(", Radiopaedia", 1)[0].strip(" .,")[:200] or None
