"""Radiopaedia's cases as items: case search -> case pages -> the image stacks of every study.

Two sources share it: ``radiopaedia`` (COVID-19) and ``radiopaedia_normal``. "Frontal" does not distinguish PA from AP;
the text of the findings may. Frontal films are fetched; every other picture is a row with the reason for skipping it.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sources.cases.radiopaedia_pages import (
    CASE_2020,
    CASE_2025,
    HIT,
    SEARCH_PAGE,
    SITE,
    STUDY,
    Case,
    Study,
    next_hits,
    parse_case,
    parse_hits,
)
from sources.cases.radiopaedia_pictures import (
    STACKS,
    VIEWER,
    Picture,
    parse_fullscreen,
    parse_stacks,
    parse_viewer,
    picture_urls,
)
from sources.core.addresses import path_of
from sources.core.errors import WebError
from sources.core.items import FRONTAL, Item, once, unparsed
from sources.core.source import Source, Terms
from sources.core.web import Web
from sources.language.ages import is_child
from sources.language.labels import label_of
from sources.language.views import parse_view, view_in_text
from sources.language.words import day_in_text
from sources.reading.answers import NO_ADDRESS
from sources.reading.html import Listing, canonical, lost, walk

SEARCH = f"{SITE}/search?lang=us&page=1&q={{query}}&scope=cases"
LICENCE = "CC-BY-NC-SA-3.0"
UNPROVEN = re.compile(r"\b(?:possible|probable|not applicable|uncertain)\b", re.IGNORECASE)
NORMAL_TITLE = re.compile(r"^\W*normal\b(?!\s+(?:pressure|variant))", re.IGNORECASE)
NORMAL_TAG = re.compile(
    r"(?:^|,)\s*normal(?:\s+(?:chest|cxr|film|x-?ray|radiograph|study)){0,4}\s*(?:,|$)", re.IGNORECASE
)
CHEST = re.compile(r"\b(?:chest|cxr|thora\w+|lungs?|pulmonary|pneumon\w*|covid\S*)\b", re.IGNORECASE)
FILM = re.compile(r"x-?ray|radiograph", re.IGNORECASE)
EARLIER = re.compile(r"\b(?:prior|previous(?:ly)?|earlier|before|ago|pre-?\s?covid)\b", re.IGNORECASE)


class RadiopaediaCases(Source):
    """The cases that one search of Radiopaedia finds; a subclass says which search.

    Attributes:
        query: the search, as it appears in the address.
    """

    hosts = ("radiopaedia.org", "prod-images-static.radiopaedia.org")
    layouts = (SEARCH_PAGE, CASE_2025, CASE_2020, VIEWER, STACKS)
    terms = Terms(
        licence="CC BY-NC-SA 3.0 (modified); the terms of use forbid automated copying and machine learning",
        url=f"{SITE}/terms",
        machine_learning=False,
        needs_acceptance=True,
        manual="Or save by hand the films that you may use, and read them with a folder source.",
    )
    has_pages = True
    query: str

    def items(self, web: Web) -> Iterator[Item]:
        """Every picture of every case that the search lists."""
        yield from walk(web, SEARCH.format(query=self.query), Listing(HIT, parse_hits, next_hits), self.page_items)

    def page_items(self, web: Web, url: str) -> Iterator[Item]:
        """Every picture of the case at ``url`` (by name or number); one row with a reason if there is none.

        A label that is not among the source's labels is dropped: this search is no evidence for it.
        """
        for item in once(read_case(web, canonical(url))):
            yield item if item.label in self.labels else replace(item, label=None)


def read_case(web: Web, url: str) -> Iterator[Item]:
    """The items of the case at ``url``; one row with a reason if there is none."""
    try:
        page = web.get(f"{url}?lang=us")
    except WebError as error:
        yield lost(url, error)
        return
    case = parse_case(page.text, url)
    if not case.studies:
        yield unparsed(url, STUDY)
    for study in case.studies:
        yield from _study_items(web, case, study)


def label(title: str, certainty: str, tags: str = "") -> str | None:
    """The label of a case, from its title; None if the contributor calls the diagnosis only possible or probable."""
    if UNPROVEN.search(certainty):
        return None
    from_title = label_of(title)
    if from_title in ("other", None) and (NORMAL_TITLE.search(title) or NORMAL_TAG.search(tags)):
        return "normal"
    return from_title


def _study_items(web: Web, case: Case, study: Study) -> Iterator[Item]:
    """The pictures of one study, from the first place that lists them; else one row with the reason."""
    row: Item | None = None
    for address, selector in _places(study):
        try:
            text = web.get(address).text
        except WebError as error:
            row = row or lost(address, error)
            continue
        listed, pictures = _pictures(study, address, text)
        if pictures:
            yield from (_item(case, listed, modality, picture) for modality, picture in pictures)
            return
        row = row or unparsed(address, selector)
    if row is not None:
        yield replace(row, page_url=case.page_url, patient_id=case.rid, study_id=study.study_id)


def _places(study: Study) -> list[tuple[str, str]]:
    """(address, what lists the pictures there), in the order to try: a page of 2025 has no stacks."""
    viewer = (study.viewer_url, "study.series[].frames[]")
    stacks = [(study.stacks_url, "stacks[].images[]")]
    if study.fullscreen_url:
        stacks.append((study.fullscreen_url, "stackedImages[].images[]"))
    return [viewer, *stacks] if study.is_new else [*stacks, viewer]


def _pictures(study: Study, address: str, text: str) -> tuple[Study, list[Picture]]:
    """(the study with what its answer states about it, its pictures)."""
    if address == study.viewer_url:
        viewer = parse_viewer(text)
        heading, words = study.heading or viewer.heading, f"{study.text} {viewer.text}".strip()
        return replace(study, heading=heading, text=words), viewer.pictures
    return study, parse_stacks(text) if address == study.stacks_url else parse_fullscreen(text)


def _item(case: Case, study: Study, modality: str, image: dict[str, Any]) -> Item:
    modality = modality or study.modality
    plane = str(image.get("plane_projection") or "")
    addresses = picture_urls(image) or [study.viewer_url]
    return Item(
        item_id=_image_id(image, addresses[0]),
        url=addresses[0],
        alternates=tuple(addresses[1:]),
        page_url=case.page_url,
        label=_film_label(case, study, modality),
        finding=case.title or None,
        view=_view(modality, plane, study.text),
        modality=modality or None,
        patient_id=case.rid,
        study_id=study.study_id,
        age=case.age,
        sex=case.sex,
        pediatric=is_child(case.age, f"{case.title} {case.tags}"),
        offset_days=day_in_text(study.text),
        licence=LICENCE,
        attribution=_credit(case),
        skip=_skip(case, modality, plane) or (None if picture_urls(image) else NO_ADDRESS),
    )


def _film_label(case: Case, study: Study, modality: str) -> str | None:
    """The case's label, unless the study predates the illness or is a "normal" CT."""
    case_label = label(case.title, case.certainty, case.tags)
    if case_label == "normal":
        return case_label if FILM.search(modality) else None
    return None if EARLIER.search(study.heading) else case_label


def _skip(case: Case, modality: str, plane: str) -> str | None:
    """Why a picture is not a frontal chest film; unknown modality, plane or body part does not rule it out."""
    if modality and not FILM.search(modality):
        return f"{modality[:50]} according to its metadata"
    if case.systems and not CHEST.search(f"{case.systems} {case.title}"):
        return f"not the chest according to its metadata ({case.systems[:100]})"
    if plane and "frontal" not in plane.lower() and parse_view(plane) not in FRONTAL:
        return f"{plane[:50].lower()} view according to its metadata"
    return None


def _view(modality: str, plane: str, text: str) -> str:
    """The view of a picture: its plane, refined for frontal films by the text of the findings."""
    if modality and not FILM.search(modality):
        return "CT" if parse_view(modality) == "CT" else "OTHER"
    if "frontal" in plane.lower():
        return view_in_text(re.sub(r"\blateral\b", " ", text, flags=re.IGNORECASE))
    if plane:
        return parse_view(plane)
    return "unknown" if re.search(r"\blateral\b", text, re.IGNORECASE) else view_in_text(text)


def _image_id(image: dict[str, Any], address: str) -> str:
    """The site's own number of the picture, else the name of its file."""
    number = image.get("id")
    if not picture_urls(image) and not isinstance(number, int):
        return f"unnamed {path_of(address)}"
    return str(number) if isinstance(number, int) else path_of(address).rsplit("/", 1)[-1][:100]


def _credit(case: Case) -> str:
    contributor = f"Case courtesy of {case.contributor}" if case.contributor else None
    number = f"rID: {case.rid}" if case.rid else None
    return ", ".join(part for part in (contributor, "Radiopaedia.org", number) if part)
