"""Reading pages: soup from any bytes, absolute addresses, the best copy of a picture, listings that end."""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from urllib.parse import urldefrag, urljoin

from bs4 import BeautifulSoup, Tag

from sources.core.addresses import path_of, web_address
from sources.core.errors import WebError
from sources.core.items import Item, unparsed, unreadable_page
from sources.core.web import Page, Web

LONGEST = 4_000_000  # characters of a page that are parsed; real ones have some 100,000
DEEPEST = 50_000  # tags of a page that are parsed; real ones have some 5,000
NEAREST = 12  # levels around a picture in which its link and caption are looked for
MOST_BLOCKS = 1_000  # matches of one selector that are read
MOST_PAGES = 500  # pages of one listing
PICTURE = re.compile(r"\.(?:jpe?g|png|gif|webp|bmp|tiff?|jfif)$", re.IGNORECASE)
XML = re.compile(r"<\?xml\b[^>]{0,200}>?", re.IGNORECASE)
LAZY = ("data-src", "data-lazy-src", "data-original", "data-orig-file", "data-large-file")


def soup(text: str) -> BeautifulSoup:
    """``text`` as a tree, whatever it is; what lies beyond a sane size is cut off."""
    text = "\n" + XML.sub("", text[:LONGEST].replace("\0", ""))  # with them the parser would warn of XML and of names
    if text.count("<") > DEEPEST:
        text = text[: _nth(text, "<", DEEPEST)]
    return BeautifulSoup(text, "lxml")


def words_of(node: Tag | None) -> str:
    """The text below ``node`` with single spaces; "" for None."""
    return " ".join(node.get_text(" ").split()) if node is not None else ""


def outermost(tree: Tag, selector: str) -> list[Tag]:
    """The first elements that match ``selector``, without those inside another match: reading them all stays linear."""
    found = tree.select(selector, limit=MOST_BLOCKS)
    chosen: set[int] = set()
    blocks = []
    for block in found:
        if not any(id(parent) in chosen for parent in block.parents):
            chosen.add(id(block))
            blocks.append(block)
    return blocks


def enclosing(node: Tag, name: str, class_: str | None = None) -> Tag | None:
    """The nearest element ``name`` (of ``class_``) around ``node``, at most :data:`NEAREST` levels up."""
    for parent in islice(node.parents, NEAREST):
        if parent.name == name and (class_ is None or class_ in parent.get_attribute_list("class")):
            return parent
    return None


def attribute(node: Tag | None, name: str) -> str:
    """The attribute ``name`` as a stripped string; "" where it is absent."""
    value = node.get(name) if node is not None else None
    return (" ".join(value) if isinstance(value, list) else value or "").strip()


def absolute(base: str, href: str) -> str | None:
    """The http(s) address that ``href`` means on the page ``base``, without fragment; None for anything else."""
    try:
        return web_address(urldefrag(urljoin(base, href.strip())).url) if href.strip() else None
    except ValueError:
        return None


def canonical(url: str) -> str:
    """``url`` without query and fragment: the same page under several addresses has one canonical one."""
    return url.split("#", 1)[0].split("?", 1)[0]


def picture_addresses(image: Tag, base: str) -> list[str]:
    """Addresses of a picture on the page ``base``, the largest copy first: the link around it, ``srcset``, ``src``.

    ``data:`` addresses of pictures that load late are ignored in favour of the attribute that holds the real one.
    """
    link = enclosing(image, "a")
    href = attribute(link, "href")
    given = [href] if PICTURE.search(path_of(href)) else []
    given += largest_first(attribute(image, "srcset") or attribute(image, "data-srcset"))
    given += [attribute(image, name) for name in (*LAZY, "src")]
    return unique(absolute(base, address) for address in given)


def largest_first(srcset: str) -> list[str]:
    """The addresses of a ``srcset``, largest first (``300w`` or ``2x``; without either, 1x)."""
    sized = []
    for entry in srcset.split(", ")[:50]:
        address, _, size = entry.strip().rstrip(",").partition(" ")
        number = re.fullmatch(r"(\d{1,9}(?:\.\d{1,4})?)[wx]", size.strip())
        sized.append((float(number[1]) if number else 1.0, address))
    return [address for _, address in sorted(sized, key=lambda pair: -pair[0])]


def unique(addresses: "Iterator[str | None] | list[str | None] | list[str]") -> list[str]:
    """``addresses`` in their order, without None and repetitions."""
    return list(dict.fromkeys(address for address in addresses if address))


def listing(
    web: Web, first: str, following: "Callable[[BeautifulSoup, str], str | None]", limit: int = MOST_PAGES
) -> "Iterator[tuple[str, BeautifulSoup]]":
    """The pages of a listing with their addresses, from ``first`` on.

    It ends where ``following`` names no further page, where a page repeats an address or a content already seen, where
    a page after the first is gone (a pager may offer one past the end), and after ``limit`` pages in any case.

    Raises:
        CxnetError: the first page, or any page for another reason than being gone.
    """
    address: str | None = first
    seen: set[str] = set()
    contents: set[int] = set()
    while address and address not in seen and len(seen) < limit:
        page = _page(web, address, is_first=not seen)
        if page is None or hash(page.content) in contents:
            return
        seen.add(address)
        contents.add(hash(page.content))
        tree = soup(page.text)
        yield page.url, tree
        address = following(tree, page.url)


Listing = tuple[
    str, "Callable[[BeautifulSoup, str], list[str]]", "Callable[[BeautifulSoup, str], str | None]"
]  # selector of the links to cases (for messages), the cases that a page lists, the page that follows


def walk(web: Web, first: str, kind: Listing, read: "Callable[[Web, str], Iterator[Item]]") -> "Iterator[Item]":
    """The items of every case page that the listing at ``first`` names, by ``read``: each page and item once.

    Where the listing names no case at all, one row says which selector found nothing.

    Raises:
        CxnetError: a page of the listing cannot be had.
    """
    selector, cases, following = kind
    pages: set[str] = set()
    items: set[str] = set()
    for address, tree in listing(web, first, following):
        for case in unique(canonical(url) for url in cases(tree, address)):
            if case not in pages:
                pages.add(case)
                yield from once(read(web, case), items)
    if not pages:
        yield unparsed(first, selector)


def once(items: Iterator[Item], seen: set[str] | None = None) -> Iterator[Item]:
    """Items whose id is not in ``seen`` (it grows): one case may stand under two addresses."""
    seen = set() if seen is None else seen
    for item in items:
        if item.item_id not in seen:
            seen.add(item.item_id)
            yield item


def lost(url: str, error: WebError) -> Item:
    """The row of a listed page that could not be fetched, with the reason."""
    reason = f"page is gone: HTTP {error.status}" if error.is_gone else f"page not fetched: {error}"
    return unreadable_page(url, reason)


def _page(web: Web, address: str, is_first: bool) -> Page | None:
    try:
        return web.get(address)
    except WebError as error:
        if is_first or not error.is_gone:
            raise
        return None


def _nth(text: str, part: str, count: int) -> int:
    position = -1
    for _ in range(count):
        position = text.find(part, position + 1)
    return position
