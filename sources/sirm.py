"""SIRM: the posts of a WordPress category -> case pages -> pictures between paragraphs of Italian prose.

The category's pages list the cases; if they are gone or list none, WordPress's own REST search does. Picture names
contain sizes (``-300x251``): the link around a picture, its ``srcset`` or the name without the size is the full size.
News posts of the category are not cases. The English version of a case shows the same uploads.
"""

import json
import re
from collections.abc import Iterator
from itertools import chain

from bs4 import BeautifulSoup, Tag

from sources.core.addresses import path_of
from sources.core.errors import WebError
from sources.core.items import Item, once, unparsed
from sources.core.source import Source, Terms
from sources.core.web import Web
from sources.reading.ages import age_in_text, is_child
from sources.reading.answers import mappings
from sources.reading.catalogs import patients_of
from sources.reading.html import (
    absolute,
    attribute,
    canonical,
    enclosing,
    listing_pages,
    lost,
    outermost,
    picture_addresses,
    soup,
    unique,
    words_of,
)
from sources.reading.labels import label_of
from sources.reading.views import caption_facts
from sources.reading.words import day_in_text, sex_in_text

SITE = "https://www.sirm.org"
CATEGORY = f"{SITE}/category/senza-categoria/covid-19/"
REST = f"{SITE}/wp-json/wp/v2/posts?search=covid-19+caso&per_page=100&page={{page}}"
REST_PAGES = 20
HIT = "h3.entry-title a[href]"
BODIES = ("div.td-post-content", "div.entry-content", "article")
CASE = re.compile(r"^/(?:en/)?\d{4}/\d{2}/\d{2}/covid-?19-(?:caso|case)-(\d{1,4})(?:-\d)?/?$")
UPLOAD = re.compile(r"/wp-content/uploads/(\d{4}/\d{2}/.+)$")
SIZE = re.compile(r"(?:-\d{1,5}x\d{1,5}|-scaled)(?=\.\w{3,4}$)")
CAPTION = "figcaption, .wp-caption-text, .gallery-caption"
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
    hosts = ("www.sirm.org", "sirm.org")
    terms = Terms(licence="none stated", url=SITE)
    has_pages = True

    def items(self, web: Web) -> Iterator[Item]:
        """Every picture of every case that the category (or the REST search) lists."""
        cases = list_cases(web)
        if not cases:
            yield unparsed(CATEGORY, HIT)
        yield from once(chain.from_iterable(self.page_items(web, url) for url in cases))

    def page_items(self, web: Web, url: str) -> Iterator[Item]:
        """Every picture of the case at ``url``; one row with a reason if there is none."""
        url = case_address(url)
        try:
            page = web.get(url)
        except WebError as error:
            yield lost(url, error)
            return
        yield from once(parse_case(page.text, url))


def parse_hits(tree: BeautifulSoup, url: str) -> list[str]:
    """Addresses of the cases that a page of the category lists, without news posts."""
    links = (absolute(url, attribute(link, "href")) for link in tree.select(HIT))
    return unique(case_address(link) for link in links if link and CASE.match(path_of(link)))


def next_hits(tree: BeautifulSoup, url: str) -> str | None:
    """Address of the category's next page; None on the last one."""
    link = tree.select_one('a.next[href], a[rel~="next"], link[rel~="next"]')
    return absolute(url, attribute(link, "href"))


def list_cases(web: Web) -> list[str]:
    """Addresses of all cases: from the category's pages, or from the REST search if those are gone or list none.

    Raises:
        WebError: both fail.
    """
    try:
        pages = listing_pages(web, CATEGORY, next_hits)
        cases = unique(case for url, tree in pages for case in parse_hits(tree, url))
    except WebError:
        cases = rest_cases(web)
        if not cases:
            raise
    return cases or rest_cases(web)


def rest_cases(web: Web) -> list[str]:
    """Addresses of the cases that WordPress's REST search lists; [] if the site does not offer it.

    WordPress answers a request past the last page with an error, which ends the list.
    """
    cases: list[str] = []
    for number in range(1, REST_PAGES + 1):
        try:
            links = parse_rest(web.get(REST.format(page=number)).text)
        except WebError:
            break
        if not links:
            break
        cases += [case_address(link) for link in links if CASE.match(path_of(link))]
    return unique(cases)


def parse_rest(text: str) -> list[str]:
    """The ``link`` of every post in an answer of the REST search; [] for anything else."""
    try:
        posts = mappings(json.loads(text))
    except (ValueError, RecursionError):
        return []
    links = [post.get("link") for post in posts]
    return unique(absolute(SITE, link) for link in links if isinstance(link, str))


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
    """Addresses of a picture among the site's uploads, the full size first; [] for an icon of the page."""
    stated = [address for address in picture_addresses(image, url) if UPLOAD.search(path_of(address))]
    full_size = [address for address in stated if not SIZE.search(path_of(address))]
    return unique([*full_size, *(SIZE.sub("", canonical(address)) for address in stated), *stated])


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


def case_address(url: str) -> str:
    """The one address of a case page: without query, with ``www.`` and a final slash."""
    path = path_of(url)
    return f"{SITE}{path.rstrip('/')}/" if path else url


def _item(url: str, title: str, prose: str, caption: str, addresses: list[str]) -> Item:
    number = CASE.match(path_of(url))
    several = bool(SEVERAL.search(prose)) or patients_of("sirm", url) > 1
    swab = None if several else rt_pcr(prose)
    age = None if several else age_in_text(prose)
    upload = UPLOAD.search(path_of(addresses[0]))
    is_covid = label_of(title) == "covid"
    facts = caption_facts(caption)
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
