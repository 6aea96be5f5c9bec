"""SIRM: the posts of a WordPress category -> case pages -> pictures between paragraphs. Facts stand in Italian prose.

The category's pages list the cases; where they are gone or name none, WordPress's own REST search lists them. Names of
pictures carry sizes (``-300x251``): the link around a picture, its ``srcset`` or the name without the size is the full
one. News posts of the category are no cases. The English twin of a case shows the same uploads.
"""

import json
import re
from collections.abc import Iterator
from itertools import chain

from bs4 import BeautifulSoup, Tag

from sources.core.addresses import path_of
from sources.core.errors import WebError
from sources.core.items import Item, unparsed
from sources.core.source import Source, Terms
from sources.core.web import Web
from sources.reading.catalogs import patients_of
from sources.reading.html import (
    absolute,
    attribute,
    canonical,
    enclosing,
    listing,
    lost,
    once,
    outermost,
    picture_addresses,
    soup,
    unique,
)
from sources.reading.html import words_of as words
from sources.reading.words import (
    age_in_text,
    day_in_text,
    is_child,
    label_of,
    modality_in_text,
    sex_in_text,
    view_in_text,
)

SITE = "https://www.sirm.org"
CATEGORY = f"{SITE}/category/senza-categoria/covid-19/"
REST = f"{SITE}/wp-json/wp/v2/posts?search=covid-19+caso&per_page=100&page={{page}}"
MOST_REST_PAGES = 20
HIT = "h3.entry-title a[href]"
BODIES = ("div.td-post-content", "div.entry-content", "article")
CASE = re.compile(r"^/(?:en/)?\d{4}/\d{2}/\d{2}/covid-?19-(?:caso|case)-(\d{1,4})(?:-\d)?/?$")
UPLOAD = re.compile(r"/wp-content/uploads/(\d{4}/\d{2}/.+)$")
SIZE = re.compile(r"(?:-\d{1,5}x\d{1,5}|-scaled)(?=\.\w{3,4}$)")
CAPTION = "figcaption, .wp-caption-text, .gallery-caption"
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
    terms = Terms(licence="none stated", url=SITE, redistributable=False)
    has_pages = True

    def items(self, web: Web) -> Iterator[Item]:
        """Every picture of every case that the category (or the REST search) lists."""
        cases = list_cases(web)
        if not cases:
            yield unparsed(CATEGORY, HIT)
        yield from once(chain.from_iterable(self.page_items(web, url) for url in cases))

    def page_items(self, web: Web, url: str) -> Iterator[Item]:
        """Every picture of the case at ``url``; one row with a reason where there is none."""
        url = usual(url)
        try:
            page = web.get(url)
        except WebError as error:
            yield lost(url, error)
            return
        yield from once(parse_case(page.text, url))


def parse_hits(tree: BeautifulSoup, url: str) -> list[str]:
    """Addresses of the cases that a page of the category lists; news posts are no cases."""
    links = (absolute(url, attribute(link, "href")) for link in tree.select(HIT))
    return unique(usual(link) for link in links if link and CASE.match(path_of(link)))


def next_hits(tree: BeautifulSoup, url: str) -> str | None:
    """Address of the category's next page; None on the last one."""
    link = tree.select_one('a.next[href], a[rel~="next"], link[rel~="next"]')
    return absolute(url, attribute(link, "href"))


def list_cases(web: Web) -> list[str]:
    """Addresses of all cases: from the category's pages, or from the REST search where those are gone or name none.

    Raises:
        WebError: neither can be had.
    """
    try:
        pages = listing(web, CATEGORY, next_hits)
        found = unique(case for url, tree in pages for case in parse_hits(tree, url))
    except WebError:
        found = rest_cases(web)
        if not found:
            raise
    return found or rest_cases(web)


def rest_cases(web: Web) -> list[str]:
    """Addresses of the cases that WordPress's REST search lists; [] where the site does not offer it.

    Past the last page WordPress answers with an error, which ends the list.
    """
    found: list[str] = []
    for number in range(1, MOST_REST_PAGES + 1):
        try:
            links = parse_rest(web.get(REST.format(page=number)).text)
        except WebError:
            break
        if not links:
            break
        found += [usual(link) for link in links if CASE.match(path_of(link))]
    return unique(found)


def parse_rest(text: str) -> list[str]:
    """The ``link`` of every post in an answer of the REST search; [] where it is something else."""
    try:
        posts = json.loads(text)
    except (ValueError, RecursionError):
        return []
    links = [post.get("link") for post in posts if isinstance(post, dict)] if isinstance(posts, list) else []
    return unique(absolute(SITE, link) for link in links if isinstance(link, str))


def parse_case(text: str, url: str) -> Iterator[Item]:
    """The items of a case page; one row that names the selector where it shows no picture."""
    tree = soup(text)
    body = next((found for selector in BODIES if (found := tree.select_one(selector))), None)
    images = outermost(body, "img") if body is not None else []
    shown = [(image, addresses) for image in images if (addresses := uploads(image, url))]
    if body is None or not shown:
        yield unparsed(url, f"{BODIES[0]} img[src*='/wp-content/uploads/']")
        return
    title = words(tree.select_one("h1.entry-title")) or words(tree.select_one("h1"))
    told: dict[int, str] = {}
    captions = [caption_of(image, told) for image, _ in shown]
    prose = " ".join(words(paragraph) for paragraph in outermost(body, "p"))
    for (_, addresses), caption in zip(shown, captions, strict=True):
        yield _item(url, title, prose, caption, addresses)


def uploads(image: Tag, url: str) -> list[str]:
    """Addresses of a picture among the site's uploads, the full size first; [] for an icon of the page."""
    given = [address for address in picture_addresses(image, url) if UPLOAD.search(path_of(address))]
    plain = [address for address in given if not SIZE.search(path_of(address))]
    return unique([*plain, *(SIZE.sub("", canonical(address)) for address in given), *given])


def caption_of(image: Tag, told: dict[int, str]) -> str:
    """What is said of a picture: its caption, else its ``alt`` text, else the paragraph before it.

    ``told`` remembers the captions of blocks by identity: one may hold thousands of pictures.
    """
    for name, class_ in FIGURE:
        block = enclosing(image, name, class_)
        if block is not None and id(block) not in told:
            told[id(block)] = words(block.select_one(CAPTION))[:1000]
        if block is not None and told[id(block)]:
            return told[id(block)]
    alt = attribute(image, "alt")
    if alt:
        return alt[:1000]
    paragraph = enclosing(image, "p")
    if paragraph is None:
        return ""
    before = paragraph.find_previous_sibling()
    return (words(paragraph) or (words(before) if before is not None and before.name == "p" else ""))[:1000]


def rt_pcr(prose: str) -> str | None:
    """``positive`` where the case tells of any positive swab, ``negative`` where of negative ones only, else None."""
    results = {match.lower() for match in SWAB.findall(prose)}
    if not results:
        return None
    return "positive" if "positiv" in results else "negative"


def usual(url: str) -> str:
    """One address per case page: no query, ``www.``, a slash at the end."""
    path = path_of(url)
    return f"{SITE}{path.rstrip('/')}/" if path else url


def _item(url: str, title: str, prose: str, caption: str, addresses: list[str]) -> Item:
    number = CASE.match(path_of(url))
    several = bool(SEVERAL.search(prose)) or patients_of("sirm", url) > 1
    swab = None if several else rt_pcr(prose)
    age = None if several else age_in_text(prose)
    modality = modality_in_text(caption)
    named = UPLOAD.search(path_of(addresses[0]))
    return Item(
        item_id=named[1][-200:] if named else addresses[0],
        url=addresses[0],
        alternates=tuple(addresses[1:]),
        page_url=url,
        label=label_of(title, swab) if label_of(title) == "covid" else None,
        finding="COVID-19" if label_of(title) == "covid" else title[:200] or None,
        view={"CT": "CT", "other": "OTHER"}.get(modality or "", view_in_text(caption)),
        modality=modality,
        patient_id=f"caso-{number[1]}" if number else None,
        age=age,
        sex=None if several else sex_in_text(prose),
        pediatric=None if several else is_child(age, prose),
        offset_days=day_in_text(caption),
        rt_pcr=swab,
        attribution=f"SIRM, {title[:200]}" if title else "SIRM",
        skip=None if modality in (None, "X-ray") else f"{modality if modality == 'CT' else 'no X-ray'} by its caption",
    )


SOURCES = (Sirm(),)
