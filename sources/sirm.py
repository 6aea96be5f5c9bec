"""SIRM: lists of cases (``sources/cases/sirm_listing.py``) -> case pages -> pictures between Italian prose.

The posts of 2020 have moved to an archive, so that each page and picture is looked for on both hosts. Picture names
contain sizes (``-300x251``): the link around a picture, its ``srcset`` or the name without the size is the full size.
News posts of the category are not cases. The English version of a case shows the same uploads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from sources.cases.sirm_listing import (
    CASE,
    CATEGORY,
    CATEGORY_PAGE,
    HIT,
    REST_ANSWER,
    SITE,
    CaseListing,
    case_address,
    elsewhere,
)
from sources.core.addresses import path_of
from sources.core.errors import WebError
from sources.core.items import Item, once, unparsed
from sources.core.layouts import Layout
from sources.core.source import Source, Terms
from sources.core.web import Web
from sources.language.ages import age_in_text, is_child
from sources.language.labels import label_of
from sources.language.techniques import film_facts
from sources.language.words import day_in_text, sex_in_text
from sources.reading.catalogs import patients_of
from sources.reading.html import (
    attribute,
    canonical,
    enclosing,
    lost,
    outermost,
    picture_addresses,
    soup,
    unique,
    words_of,
)

if TYPE_CHECKING:
    from bs4 import Tag

BODIES = ("div.td-post-content", "div.entry-content", "article")
UPLOAD = re.compile(r"/wp-content/uploads/(\d{4}/\d{2}/.+)$")
SIZE = re.compile(r"(?:-\d{1,5}x\d{1,5}|-scaled)(?=\.\w{3,4}$)")
CASE_PAGE = Layout(
    name="case, WordPress post",
    seen="2026-11",
    addresses=r"sirm\.org/(?:en/)?\d{4}/\d{2}/\d{2}/covid",
    fields={"body": ", ".join(BODIES), "picture": "img[src*='/uploads/'], img[data-src*='/uploads/']"},
    facts={"title": "h1.entry-title", "caption": "figcaption, .wp-caption-text, .gallery-caption"},
)
CAPTION = CASE_PAGE["caption"]
CAPTION_CHARACTERS = 1000
FIGURE = (("figure", None), ("dl", None), ("div", "wp-caption"))
SEVERAL = re.compile(
    r"\b(?:due|tre|quattro)\s+pazienti\b|\bpaziente\s*(?:n\.?\s*)?2\b|\bsecondo\s+paziente\b", re.IGNORECASE
)
SWAB = re.compile(r"\b(?:tampon[ei]|rt-?pcr|swab)\b[^.;]{0,120}?\b(positiv|negativ)", re.IGNORECASE)


class Sirm(Source):
    """The COVID-19 cases of the Italian Society of Medical and Interventional Radiology."""

    name = "sirm"
    title = "SIRM, COVID-19 cases"
    homepage = CATEGORY
    labels = ("covid",)
    hosts = ("www.sirm.org", "sirm.org", "archivio.sirm.org")
    layouts = (CATEGORY_PAGE, REST_ANSWER, CASE_PAGE)
    terms = Terms(licence="none stated", url=SITE)
    has_pages = True

    def items(self, web: Web) -> Iterator[Item]:
        """Every picture of every case that the site or its archive lists."""
        listing = CaseListing(web)
        is_empty = True
        for item in once(chain.from_iterable(self.page_items(web, url) for url in listing)):
            is_empty = False
            yield item
        if is_empty:
            yield unparsed(CATEGORY, HIT)
        if listing.gap is not None:
            yield listing.gap

    def page_items(self, web: Web, url: str) -> Iterator[Item]:
        """Every picture of the case at ``url``, on the site or its archive; one row with a reason if there is none."""
        rows: list[Item] = []
        for place in (case_address(url), elsewhere(case_address(url))):
            try:
                items = list(once(parse_case(web.get(place).text, place)))
            except WebError as error:
                rows.append(lost(place, error))
                continue
            if items[0].url != place:  # else it is the row of a page without pictures
                yield from items
                return
            rows += items
        yield rows[0]


def parse_case(text: str, url: str) -> Iterator[Item]:
    """The items of a case page; one row that names the selector if the page shows no picture."""
    tree = soup(text)
    body = next((body for selector in BODIES if (body := tree.select_one(selector))), None)
    images = outermost(body, "img") if body is not None else []
    pictures = [(image, addresses) for image in images if (addresses := uploads(image, url))]
    if body is None or not pictures:
        yield unparsed(url, f"{BODIES[0]} img[src*='/wp-content/uploads/']")
        return
    title = words_of(tree.select_one("h1.entry-title")) or words_of(tree.select_one("h1"))
    by_block: dict[int, str] = {}
    captions = [caption_of(image, by_block) for image, _ in pictures]
    prose = " ".join(words_of(paragraph) for paragraph in outermost(body, "p"))
    for (_, addresses), caption in zip(pictures, captions, strict=True):
        yield _item(url, title, prose, caption, addresses)


def uploads(image: Tag, url: str) -> list[str]:
    """Addresses of a picture among the site's uploads, the full size first; [] for an icon of the page.

    The last one is that of the full size on the other host: the archive's pages may still name the old one.
    """
    stated = [address for address in picture_addresses(image, url) if UPLOAD.search(path_of(address))]
    full_size = [address for address in stated if not SIZE.search(path_of(address))]
    addresses = unique([*full_size, *(SIZE.sub("", canonical(address)) for address in stated), *stated])
    return unique([*addresses, *(elsewhere(address) for address in addresses[:1])])


def caption_of(image: Tag, by_block: dict[int, str]) -> str:
    """The text about a picture: its caption, else its ``alt`` text, else the paragraph before it.

    Args:
        by_block: caption of each block by the block's identity; it saves time where a block has thousands of pictures.
    """
    for name, class_ in FIGURE:
        block = enclosing(image, name, class_)
        if block is not None and id(block) not in by_block:
            by_block[id(block)] = words_of(block.select_one(CAPTION))[:CAPTION_CHARACTERS]
        if block is not None and by_block[id(block)]:
            return by_block[id(block)]
    alt = attribute(image, "alt")
    if alt:
        return alt[:CAPTION_CHARACTERS]
    paragraph = enclosing(image, "p")
    if paragraph is None:
        return ""
    before = paragraph.find_previous_sibling()
    text_before = words_of(before) if before is not None and before.name == "p" else ""
    return (words_of(paragraph) or text_before)[:CAPTION_CHARACTERS]


def rt_pcr(prose: str) -> str | None:
    """``positive`` if the case mentions a positive swab, ``negative`` if only negative ones, else None."""
    results = {match.lower() for match in SWAB.findall(prose)}
    if not results:
        return None
    return "positive" if "positiv" in results else "negative"


def _item(url: str, title: str, prose: str, caption: str, addresses: list[str]) -> Item:
    number = CASE.match(path_of(url))
    several = bool(SEVERAL.search(prose)) or patients_of("sirm", f"{SITE}{path_of(url)}") > 1
    swab = None if several else rt_pcr(prose)
    age = None if several else age_in_text(prose)
    upload = UPLOAD.search(path_of(addresses[0]))
    is_covid = label_of(title) == "covid"
    facts = film_facts(caption, technique="")
    return Item(
        item_id=upload[1][-200:] if upload else addresses[0],
        url=addresses[0],
        alternates=tuple(addresses[1:]),
        page_url=url,
        label=label_of(title, swab) if is_covid else None,
        finding="COVID-19" if is_covid else title[:200] or None,
        view=facts.view,
        modality=facts.modality,
        patient_id=f"caso-{number[1]}" if number else None,
        age=age,
        sex=None if several else sex_in_text(prose),
        pediatric=None if several else is_child(age, prose),
        offset_days=day_in_text(caption),
        rt_pcr=swab,
        attribution=f"SIRM, {title[:200]}" if title else "SIRM",
        skip=facts.skip,
    )


SOURCE = Sirm()
