"""Where SIRM lists its COVID-19 cases: pages of a WordPress category and the REST search, on the site and its archive.

The posts of 2020 have moved from the site to its archive. A list counts as whole if it shows cases and as many pages as
its pager names; otherwise the next list is read, too, and in the end a row says what may be missing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sources.core import layouts
from sources.core.addresses import path_of
from sources.core.errors import WebError
from sources.core.items import Item, unreadable_page
from sources.core.layouts import Layout
from sources.core.web import Web
from sources.reading.answers import mappings
from sources.reading.html import absolute, attribute, listing_pages, unique, words_of

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

SITE = "https://www.sirm.org"
ARCHIVE = "https://archivio.sirm.org"  # of the posts of 2020
SITES = (SITE, ARCHIVE)
CATEGORY_PATH = "/category/senza-categoria/covid-19/"
CATEGORY = f"{SITE}{CATEGORY_PATH}"
REST_PATH = "/wp-json/wp/v2/posts?search=covid-19+caso&per_page=100&page={page}"
REST = f"{SITE}{REST_PATH}"
REST_PAGES = 20
CATEGORY_PAGE = Layout(
    name="category, Newspaper theme",
    seen="2026-11",
    addresses=rf"sirm\.org{CATEGORY_PATH}",
    fields={"case": "h3.entry-title a[href]"},
    facts={
        "next page": 'a.next[href], a[rel~="next"], link[rel~="next"]',
        "next arrow": "a[href] > i.td-icon-menu-right",
        "current page": ".page-nav span.current",
        "pages": ".page-nav span.pages",
        "last page": ".page-nav a.last",
    },
)
REST_ANSWER = Layout(
    name="WordPress REST 2",
    seen="2022",
    addresses=r"sirm\.org/wp-json/wp/v2/posts",
    fields={"case": "[].link"},
    kind=layouts.JSON,
)
HIT = CATEGORY_PAGE["case"]
CASE = re.compile(r"^/(?:en/)?\d{4}/\d{2}/\d{2}/covid-?19-(?:caso|case)-(\d{1,4})(?:-\d)?/?$")
NUMBERED = re.compile(r"/page/(\d{1,4})/?$")
OF_PAGES = re.compile(r"\b(?:pagina|page)\s+\d{1,4}\s+(?:di|of)\s+(\d{1,4})\b", re.IGNORECASE)


@dataclass
class _Category:
    """What the pages of a category have shown so far: cases, pages read, pages that the pager names."""

    url: str
    cases: int = 0
    read: int = 0
    named: int = 1

    @property
    def is_whole(self) -> bool:
        return self.cases > 0 and self.read >= self.named


class CaseListing:
    """All cases, each once: from the site's category; if that is not whole, from its REST search and the archive, too.

    Iterate over it for the addresses of the cases; a page is requested when it is needed.

    Attributes:
        gap: afterwards, the row that says what the lists may lack (None = nothing).
    """

    def __init__(self, web: Web) -> None:
        self._web = web
        self._known: set[str] = set()  # by path, as a case may be on both hosts
        self._categories: list[_Category] = []
        self.gap: Item | None = None

    def __iter__(self) -> Iterator[str]:
        """The addresses of the cases.

        Raises:
            WebError: no list can be read.
        """
        problems: list[WebError] = []
        for site in SITES:
            category = _Category(f"{site}{CATEGORY_PATH}")
            try:
                yield from self._new(self._category_cases(category))
            except WebError as error:
                problems.append(error)
            else:
                self._categories.append(category)
            if category.is_whole:
                return
            listed = rest_cases(self._web, site)
            yield from self._new(listed)
            if listed and not any(known.cases for known in self._categories):
                return
        if not self._known and not self._categories:
            raise problems[0]
        short = [known for known in self._categories if known.read < known.named]
        self.gap = _gap(short[0], len(self._known)) if short else None

    def _new(self, addresses: Iterable[str]) -> Iterator[str]:
        for address in addresses:
            if path_of(address) not in self._known:
                self._known.add(path_of(address))
                yield address

    def _category_cases(self, category: _Category) -> Iterator[str]:
        """The cases on the pages of a category, as far as they can be read.

        Raises:
            WebError: the first page cannot be read.
        """
        try:
            for place, tree in listing_pages(self._web, category.url, next_hits, cases=parse_hits):
                hits = parse_hits(tree, place)
                category.read += 1
                category.named = max(category.named, pages_named(tree, place))
                category.cases += len(hits)
                yield from hits
        except WebError:
            if not category.read:
                raise
            category.named = max(category.named, category.read + 1)


def parse_hits(tree: BeautifulSoup, url: str) -> list[str]:
    """Addresses of the cases that a page of the category lists, without news posts."""
    links = (absolute(url, attribute(link, "href")) for link in tree.select(HIT))
    return unique(case_address(link) for link in links if link and CASE.match(path_of(link)))


def next_hits(tree: BeautifulSoup, url: str) -> str | None:
    """Address of the category's next page; None on the last one.

    The pager marks its link to the next page as such, or with an arrow, or has only the numbers of the pages.
    """
    link = tree.select_one(CATEGORY_PAGE["next page"])
    return absolute(url, attribute(link, "href")) or _behind_arrow(tree, url) or _next_number(tree, url)


def pages_named(tree: BeautifulSoup, url: str) -> int:
    """How many pages the pager says that the category has; 1 if there is no pager."""
    numbers = [1, *(int(number) for number in OF_PAGES.findall(words_of(tree.select_one(CATEGORY_PAGE["pages"]))))]
    for link in tree.select("a[href]", limit=2000):
        place = absolute(url, attribute(link, "href"))
        if place and CATEGORY_PATH in path_of(place) and (number := NUMBERED.search(path_of(place))):
            numbers.append(int(number[1]))
    return max(numbers)


def rest_cases(web: Web, site: str = SITE) -> list[str]:
    """Addresses of the cases that WordPress's REST search lists; [] if the site does not offer it.

    WordPress answers a request past the last page with an error, which ends the list.
    """
    cases: list[str] = []
    for number in range(1, REST_PAGES + 1):
        try:
            links = parse_rest(web.get(f"{site}{REST_PATH.format(page=number)}").text, site)
        except WebError:
            break
        if not links:
            break
        cases += [case_address(link) for link in links if CASE.match(path_of(link))]
    return unique(cases)


def parse_rest(text: str, site: str = SITE) -> list[str]:
    """The ``link`` of every post in an answer of the REST search; [] for anything else."""
    try:
        posts = mappings(json.loads(text))
    except (ValueError, RecursionError):
        return []
    links = [post.get("link") for post in posts]
    return unique(absolute(site, link) for link in links if isinstance(link, str))


def case_address(url: str) -> str:
    """The one address of a case page on the site or its archive: without query, with a final slash."""
    path = path_of(url)
    site = ARCHIVE if url.startswith(f"{ARCHIVE}/") else SITE
    return f"{site}{path.rstrip('/')}/" if path else url


def elsewhere(url: str) -> str:
    """The same path on the other of the two hosts."""
    here, there = SITES if url.startswith(f"{SITE}/") else SITES[::-1]
    return url.replace(here, there, 1)


def _gap(category: _Category, count: int) -> Item:
    reason = f"the list names {category.named} pages and shows {category.read}: cases may be missing ({count} known)"
    return unreadable_page(category.url, reason)


def _behind_arrow(tree: BeautifulSoup, url: str) -> str | None:
    """The page of the category behind an arrow; menus have arrows, too."""
    links: list[Tag | None] = [arrow.parent for arrow in tree.select(CATEGORY_PAGE["next arrow"], limit=200)]
    return _first_page(links, url, lambda number: True)


def _next_number(tree: BeautifulSoup, url: str) -> str | None:
    """The page whose number follows the current one."""
    current = words_of(tree.select_one(CATEGORY_PAGE["current page"]))
    if not current.isdecimal():
        return None
    links = tree.select(".page-nav a[href]", limit=200)
    return _first_page(links, url, lambda number: number == int(current[:9]) + 1)


def _first_page(links: Sequence[Tag | None], url: str, is_wanted: Callable[[int], bool]) -> str | None:
    """The address of the first wanted page among links."""
    for link in links:
        place = absolute(url, attribute(link, "href"))
        number = NUMBERED.search(path_of(place)) if place else None
        if number and is_wanted(int(number[1])):
            return place
    return None
