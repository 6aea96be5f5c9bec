"""Web pages: parsing any bytes, absolute addresses, the largest copy of a picture, listings that always end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import urldefrag, urljoin

from sources.core.addresses import path_of, web_address
from sources.core.errors import WebError
from sources.core.items import Item, once, unparsed, unreadable_page
from sources.core.limits import ENCLOSING_LEVELS, LISTING_PAGES, PAGE_CHARACTERS, PAGE_TAGS, SELECTED_ELEMENTS
from sources.core.web import Page, Web

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

PICTURE = re.compile(r"\.(?:jpe?g|png|gif|webp|bmp|tiff?|jfif)$", re.IGNORECASE)
XML = re.compile(r"<\?xml\b[^>]{0,200}>?", re.IGNORECASE)
LAZY = ("data-src", "data-lazy-src", "data-original", "data-orig-file", "data-large-file", "data-img-url")


@dataclass(frozen=True)
class Listing:
    """How to read the pages of a listing.

    Attributes:
        selector: selects the links to cases, for messages.
        cases: the addresses of the cases on a page; ``following``: the address of the next page, or None.
    """

    selector: str
    cases: Callable[[BeautifulSoup, str], list[str]]
    following: Callable[[BeautifulSoup, str], str | None]


def soup(text: str) -> BeautifulSoup:
    """``text`` as a tree, whatever it is; what exceeds a sane size is cut off."""
    from bs4 import BeautifulSoup  # slow to import, as is all that only fetching needs

    text = "\n" + XML.sub("", text[:PAGE_CHARACTERS].replace("\0", ""))  # else the parser may warn: XML? a file name?
    if text.count("<") > PAGE_TAGS:
        text = text[: _nth(text, "<", PAGE_TAGS)]
    return BeautifulSoup(text, "lxml")


def words_of(node: Tag | None) -> str:
    """The text below ``node`` with single spaces; "" for None."""
    return " ".join(node.get_text(" ").split()) if node is not None else ""


def next_sibling(node: Tag, *names: str) -> Tag | None:
    """The next element after ``node`` and beside it that has one of these names."""
    import bs4

    found = node.find_next_sibling(list(names))
    return found if isinstance(found, bs4.Tag) else None


def outermost(tree: Tag, selector: str) -> list[Tag]:
    """The first elements that match ``selector``, without those inside another match.

    Nested matches would make the time to read all of them quadratic.
    """
    chosen: set[int] = set()
    blocks = []
    for block in tree.select(selector, limit=SELECTED_ELEMENTS):
        if not any(id(parent) in chosen for parent in block.parents):
            chosen.add(id(block))
            blocks.append(block)
    return blocks


def enclosing(node: Tag, name: str, class_: str | None = None) -> Tag | None:
    """The nearest element ``name`` (of ``class_``) around ``node``, a bounded number of levels up."""
    for parent in islice(node.parents, ENCLOSING_LEVELS):
        if parent.name == name and (class_ is None or class_ in parent.get_attribute_list("class")):
            return parent
    return None


def attribute(node: Tag | None, name: str) -> str:
    """The attribute ``name`` as a stripped string; "" if it is absent."""
    value = node.get(name) if node is not None else None
    return (" ".join(value) if isinstance(value, list) else value or "").strip()


def absolute(base: str, href: str) -> str | None:
    """The http(s) address that ``href`` means on the page ``base``, without fragment; None for anything else."""
    try:
        return web_address(urldefrag(urljoin(base, href.strip())).url) if href.strip() else None
    except ValueError:
        return None


def canonical(url: str) -> str:
    """``url`` without query and fragment, so that a page with several addresses has one."""
    return url.split("#", 1)[0].split("?", 1)[0]


def picture_addresses(image: Tag, base: str) -> list[str]:
    """Addresses of a picture on the page ``base``, the largest copy first: the link around it, ``srcset``, ``src``.

    A lazily loaded picture has a ``data:`` address in ``src`` and the real one in another attribute.
    """
    href = attribute(enclosing(image, "a"), "href")
    addresses = [href] if PICTURE.search(path_of(href)) else []
    addresses += largest_first(attribute(image, "srcset") or attribute(image, "data-srcset"))
    addresses += [attribute(image, name) for name in (*LAZY, "src")]
    return unique(absolute(base, address) for address in addresses)


def largest_first(srcset: str) -> list[str]:
    """The addresses of a ``srcset``, largest first (``300w`` or ``2x``; 1x if neither is given)."""
    sized = []
    for entry in srcset.split(", ")[:50]:
        address, _, size = entry.strip().rstrip(",").partition(" ")
        number = re.fullmatch(r"(\d{1,9}(?:\.\d{1,4})?)[wx]", size.strip())
        sized.append((float(number[1]) if number else 1.0, address))
    return [address for _, address in sorted(sized, key=lambda pair: -pair[0])]


def unique(addresses: Iterable[str | None]) -> list[str]:
    """``addresses`` in their order, without None and repetitions."""
    return list(dict.fromkeys(address for address in addresses if address))


def listing_pages(
    web: Web,
    first: str,
    following: Callable[[BeautifulSoup, str], str | None],
    limit: int = LISTING_PAGES,
    cases: Callable[[BeautifulSoup, str], list[str]] | None = None,
) -> Iterator[tuple[str, BeautifulSoup]]:
    """(address, tree) of the pages of a listing, from ``first`` on.

    Args:
        cases: the cases on a page; a first page without any is requested again, as a busy site may show an empty one.

    It ends where ``following`` finds no next page, where a page repeats an earlier address or content, where a page
    after the first is gone (some sites link to a page past the end), and after ``limit`` pages in any case.

    Raises:
        WebError: the first page cannot be fetched, or a later one for another reason than being gone.
    """
    address: str | None = first
    seen: set[str] = set()
    contents: set[int] = set()
    while address and address not in seen and len(seen) < limit:
        page = _page(web, address, is_first=not seen, cases=cases)
        if page is None or hash(page.content) in contents:
            return
        seen.add(address)
        contents.add(hash(page.content))
        tree = soup(page.text)
        yield page.url, tree
        address = following(tree, page.url)


def walk(web: Web, first: str, listing: Listing, read: Callable[[Web, str], Iterator[Item]]) -> Iterator[Item]:
    """The items of every case page in the listing that starts at ``first``; each page and item once.

    A listing without any case becomes one row that names the selector.

    Args:
        read: yields the items of the case page at an address.

    Raises:
        WebError: a page of the listing cannot be fetched.
    """
    pages: set[str] = set()
    items: set[str] = set()
    for address, tree in listing_pages(web, first, listing.following, cases=listing.cases):
        for case in unique(canonical(url) for url in listing.cases(tree, address)):
            if case not in pages:
                pages.add(case)
                yield from once(read(web, case), items)
    if not pages:
        yield unparsed(first, listing.selector)


def lost(url: str, error: WebError) -> Item:
    """The row of a listed page that cannot be fetched, with the reason."""
    return unreadable_page(url, f"page is gone: HTTP {error.status}" if error.is_gone else f"page not fetched: {error}")


def _page(
    web: Web, address: str, is_first: bool, cases: Callable[[BeautifulSoup, str], list[str]] | None
) -> Page | None:
    try:
        if cases is None or not is_first:
            return web.get(address)
        return web.get(address, suspect=lambda page: not cases(soup(page.text), page.url))
    except WebError as error:
        if is_first or not error.is_gone:
            raise
        return None


def _nth(text: str, part: str, count: int) -> int:
    """Where ``part`` occurs for the ``count``-th time in ``text``."""
    position = -1
    for _ in range(count):
        position = text.find(part, position + 1)
    return position
