"""Eurorad: search -> case pages -> figures with captions.

Captions state modality and view. Many name neither; then words of cross-sectional imaging, or the page's imaging
technique without radiography, rule out a film. The search links to a next page even from the last one, where it answers
"No case found". A case can have several patients.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sources.core.addresses import path_of
from sources.core.errors import WebError
from sources.core.items import Item, once, unparsed
from sources.core.layouts import Layout
from sources.core.source import Source, Terms
from sources.core.web import Web
from sources.language.ages import age_in_text, is_child, parse_age
from sources.language.labels import label_of
from sources.language.techniques import figure_facts
from sources.language.words import day_in_text, sex_in_text
from sources.reading.catalogs import patients_of
from sources.reading.html import (
    Listing,
    absolute,
    attribute,
    canonical,
    lost,
    next_sibling,
    outermost,
    picture_addresses,
    soup,
    unique,
    walk,
    words_of,
)
from sources.reading.licences import creative_commons, is_free

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

SITE = "https://www.eurorad.org"
SEARCH = f"{SITE}/advanced-search?search=COVID&sort_by=published_at&sort_order=DESC&page=0"
SEARCH_PAGE = Layout(
    name="search, cards",
    seen="2026-11",
    addresses=r"/advanced-search",
    fields={"case": 'div.col-12.mb-4 a[href*="/case/"]'},
    facts={"next page": 'div.pagination a[title="Go to next page"]'},
)
CASE_PAGE = Layout(
    name="case, figure gallery",
    seen="2026-11",
    addresses=r"/case/\d+",
    fields={"figure": "div.figure-gallery__item", "section": "div.row > div.col-md-3"},
    facts={
        "picture": 'img[typeof="foaf:Image"]',
        "label": ".figure-gallery__item__label",
        "caption": ".figure-gallery__item__label span.mb-1",
        "number": ".text-uppercase.font-size-3",
        "person": "p.color-grey",
        "license": 'a[rel~="license"]',
    },
)
HIT, FIGURE = SEARCH_PAGE["case"], CASE_PAGE["figure"]
DIAGNOSIS, TECHNIQUE = "FINAL DIAGNOSIS", "IMAGING TECHNIQUE"
CASE = re.compile(r"/case/(\d{1,8})(?:/teaching-case)?/?$")
TEASER = "/styles/figure_image_teaser_large/"
COPYRIGHT = re.compile(r"©.{1,200}")
PATIENT = re.compile(r"\b(?:[Pp]atient|PATIENT|[Cc]ase|CASE)\s*(?:[Nn]o\.?\s*|#\s*)?(\d{1,2}|[A-F])\b")


@dataclass(frozen=True)
class Figure:
    """One picture of a case.

    Attributes:
        number, letter: "2" and "b" for figure 2b; ``patient``: the caption's name for the patient.
    """

    addresses: tuple[str, ...]
    caption: str
    credit: str | None
    number: str
    letter: str
    patient: str | None


@dataclass(frozen=True)
class Case:
    """A case page; ``person`` is its line about age and sex, ``technique`` its list of imaging techniques."""

    page_url: str
    number: str
    finding: str | None
    technique: str
    person: str
    licence: str | None
    figures: tuple[Figure, ...]


class Eurorad(Source):
    """Eurorad's cases found by a search for COVID, which include other pneumonias."""

    name = "eurorad"
    title = "Eurorad (European Society of Radiology)"
    homepage = SITE
    labels = ("covid", "cap", "normal", "other")
    hosts = ("www.eurorad.org", "eurorad.org")
    layouts = (SEARCH_PAGE, CASE_PAGE)
    terms = Terms(licence="CC BY-NC-SA 4.0, as stated on each case page", url=SITE, redistributable=True)
    has_pages = True

    def items(self, web: Web) -> Iterator[Item]:
        """Every figure of every case that the search lists."""
        yield from walk(web, SEARCH, Listing(HIT, parse_hits, next_hits), self.page_items)

    def page_items(self, web: Web, url: str) -> Iterator[Item]:
        """Every figure of the case at ``url``; one row with a reason if there is none."""
        url = canonical(url)
        try:
            page = web.get(url)
        except WebError as error:
            yield lost(url, error)
            return
        case = parse_case(page.text, url)
        if not case.figures:
            yield unparsed(url, f"{FIGURE} img")
        yield from once(_item(case, figure) for figure in case.figures)


def parse_hits(tree: BeautifulSoup, url: str) -> list[str]:
    """Addresses of the cases that a page of search results lists; a case with several addresses has the first."""
    links = unique(absolute(url, attribute(link, "href")) for link in tree.select(HIT))
    by_number = {number[1]: link for link in reversed(links) if (number := CASE.search(path_of(link)))}
    addresses = [link for link in links if link in by_number.values()]
    return unique(canonical(link).rstrip("/") for link in addresses)


def next_hits(tree: BeautifulSoup, url: str) -> str | None:
    """Address of the next page of results; None on a page without hits: there is one after the last page."""
    link = tree.select_one(SEARCH_PAGE["next page"])
    return absolute(url, attribute(link, "href")) if parse_hits(tree, url) else None


def parse_case(text: str, url: str) -> Case:
    """A case page; an absent field is None or empty."""
    tree = soup(text)
    number = CASE.search(path_of(url)) or re.search(r"(\d{1,8})", words_of(tree.select_one(CASE_PAGE["number"])))
    return Case(
        page_url=url,
        number=number[1] if number else "",
        finding=_section(tree, DIAGNOSIS) or words_of(tree.select_one("h1")) or None,
        technique=_section(tree, TECHNIQUE) or _category(tree, TECHNIQUE),
        person=words_of(tree.select_one(CASE_PAGE["person"]))[:200],
        licence=creative_commons(attribute(tree.select_one(CASE_PAGE["license"]), "href")),
        figures=tuple(figure for block in outermost(tree, FIGURE) if (figure := _figure(block, url))),
    )


def patient_of(case: Case, figure: Figure) -> tuple[str | None, bool]:
    """(patient id of a figure, is that patient the one whose age and sex the page states?).

    A case has several patients if its captions say so ("Patient 2") or the catalog does. Then the patient is the one in
    the caption, or the number of the figure if there are as many figures as patients; otherwise only the case is known.
    Age and sex on the page belong to an unknown one of them.
    """
    known = patients_of("eurorad", f"{SITE}/case/{case.number}")
    named = {each.patient for each in case.figures} - {None}
    if len(named) < 2 and known < 2:
        return case.number or None, True
    numbers = {each.number for each in case.figures}
    part = figure.patient or (figure.number if not named and len(numbers) == known else None)
    return (f"{case.number}-{part}" if part else case.number) or None, False


def _item(case: Case, figure: Figure) -> Item:
    patient, is_stated = patient_of(case, figure)
    facts, about = figure_facts(figure.caption, figure.letter, case.technique)
    age = _age(case.person) if is_stated else age_in_text(figure.caption)
    return Item(
        item_id=_item_id(figure.addresses[0]),
        url=figure.addresses[0],
        alternates=figure.addresses[1:],
        page_url=case.page_url,
        label=label_of(case.finding),
        finding=case.finding,
        view=facts.view,
        modality=facts.modality,
        patient_id=patient,
        age=age,
        sex=sex_in_text(case.person if is_stated else figure.caption),
        pediatric=is_child(age, f"{case.person} {case.finding}" if is_stated else figure.caption),
        offset_days=day_in_text(about),
        licence=case.licence,
        attribution=", ".join(part for part in (f"Eurorad case {case.number}", figure.credit) if part),
        redistributable=is_free(case.licence),
        skip=facts.skip,
    )


def _figure(block: Tag, url: str) -> Figure | None:
    """One figure of the gallery; None if it has no picture with an address."""
    image = block.select_one(CASE_PAGE["picture"]) or block.select_one("img")
    pictures = picture_addresses(image, url) if image is not None else []
    if not pictures:
        return None
    caption = words_of(block.select_one(CASE_PAGE["caption"]))
    credit = COPYRIGHT.search(words_of(block.select_one(CASE_PAGE["label"])))
    number = re.search(r"(\d{1,3})\s?([a-z])?\b", words_of(block.select_one("strong")), re.IGNORECASE)
    patient = PATIENT.search(caption)
    return Figure(
        addresses=tuple(unique(address for picture in pictures for address in _full_sizes(picture))),
        caption=caption,
        credit=credit[0].strip() if credit else None,
        number=number[1] if number else "",
        letter=(number[2] or "").lower() if number else "",
        patient=patient[1] if patient else None,
    )


def _full_sizes(teaser: str) -> list[str]:
    """The possible addresses of a figure, largest first: full style, file as uploaded, teaser."""
    if TEASER not in teaser:
        return [teaser]
    original = re.sub(r"/styles/[^/]+/public/", "/", canonical(teaser))
    return [teaser.replace(TEASER, "/styles/figure_image/"), original, teaser]


def _item_id(address: str) -> str:
    """The file's path below the site's folder of figures; it starts with the month or the case."""
    return re.sub(r"/{2,}", "/", path_of(address)).rpartition("/figure_image/")[2][-200:]


def _age(person: str) -> float | None:
    """The age in "65 years, male"; None if there are several ages."""
    return parse_age(person) if len(re.findall(r"\byears?\b", person, re.IGNORECASE)) < 2 else None


def _section(tree: BeautifulSoup, name: str) -> str:
    """The text beside the heading ``name`` (sections are rows of two columns)."""
    for heading in outermost(tree, CASE_PAGE["section"]):
        value = next_sibling(heading, "div")
        if words_of(heading).upper().rstrip(":") == name and value is not None:
            return words_of(value)[:500]
    return ""


def _category(tree: BeautifulSoup, name: str) -> str:
    """What follows the name of a category in bold, or of a definition, elsewhere on the page."""
    for heading in outermost(tree, "strong, b, dt, th, label"):
        if words_of(heading).upper().rstrip(":") == name and heading.parent is not None:
            value = next_sibling(heading, "dd", "td", "span", "div", "a")
            words = words_of(value) if value is not None else words_of(heading.parent)[len(words_of(heading)) :]
            return words.strip(" :")[:500]
    return ""


SOURCE = Eurorad()
