import time

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from sites import Pages

from sources.core.errors import WebError
from sources.core.items import Item, once
from sources.core.limits import PAGE_TAGS
from sources.core.web import Page
from sources.reading.html import (
    Listing,
    absolute,
    canonical,
    largest_first,
    listing_pages,
    lost,
    picture_addresses,
    soup,
    unique,
    walk,
    words_of,
)

BASE = "https://host.org/case/1"


def image(markup):
    return BeautifulSoup(markup, "lxml").find("img")


BUSY = WebError("https://l.org/2", "HTTP 503", 503)


def next_link(tree, url):
    link = tree.select_one("a.next")
    return absolute(url, link["href"]) if link else None


def cases(tree, url):
    return unique(absolute(url, link["href"]) for link in tree.select("a.case"))


CASES = Listing("a.case", cases, next_link)


@pytest.mark.parametrize(
    "href, address",
    [
        ("/a?b=1#c", "https://host.org/a?b=1"),
        ("a.jpg", "https://host.org/case/a.jpg"),
        ("//cdn.org/a.jpg", "https://cdn.org/a.jpg"),
        ("data:image/gif;base64,AA", None),
        ("javascript:void(0)", None),
        ("http://[::1", None),
        ("", None),
    ],
)
def test_only_web_addresses_are_addresses(href, address):
    assert absolute(BASE, href) == address


def test_a_page_under_several_addresses_has_one_canonical_one():
    assert canonical("https://x.org/c?lang=us") == canonical("https://x.org/c?lang=gb#top") == "https://x.org/c"


@pytest.mark.parametrize(
    "markup, addresses",
    [
        ('<img src="/a.jpg">', ["https://host.org/a.jpg"]),
        (
            '<a href="/full.jpg"><img src="/a-300x2.jpg"></a>',
            ["https://host.org/full.jpg", "https://host.org/a-300x2.jpg"],
        ),
        ('<a href="#figure-2"><img src="/a.jpg"></a>', ["https://host.org/a.jpg"]),
        ('<a href="/case/2"><img src="/a.jpg"></a>', ["https://host.org/a.jpg"]),
        ('<img src="data:image/gif;base64,AA" data-src="/late.jpg">', ["https://host.org/late.jpg"]),
        ('<img src="/s.jpg" srcset="/s.jpg 300w, /l.jpg 1200w">', ["https://host.org/l.jpg", "https://host.org/s.jpg"]),
        ('<img src="data:,">', []),
        ("<img>", []),
    ],
    ids=["plain", "link to the full size", "link to a fragment", "link to a page", "late", "srcset", "data", "nothing"],
)
def test_the_largest_copy_of_a_picture_comes_first(markup, addresses):
    assert picture_addresses(image(markup), BASE) == addresses


def test_a_srcset_may_count_pixels_densities_or_nothing():
    assert largest_first("a 1x, b 2x, c") == ["b", "a", "c"]
    assert largest_first("a 300w,") == ["a"]


def test_a_listing_ends_where_no_page_follows():
    web = Pages({"https://l.org/1": '<a class=next href="/2">', "https://l.org/2": "last"})
    assert [url for url, _ in listing_pages(web, "https://l.org/1", next_link)] == [
        "https://l.org/1",
        "https://l.org/2",
    ]


def test_a_pager_that_offers_a_page_past_the_end_ends():
    web = Pages({"https://l.org/1": '<a class=next href="/2">'})
    assert len(list(listing_pages(web, "https://l.org/1", next_link))) == 1


def test_a_pager_that_runs_in_circles_ends():
    web = Pages({"https://l.org/1": '1<a class=next href="/2">', "https://l.org/2": '2<a class=next href="/1">'})
    assert len(list(listing_pages(web, "https://l.org/1", next_link))) == 2


def test_a_pager_that_repeats_its_last_page_for_ever_ends():
    class Endless(Pages):
        def get(self, url):
            return (
                Page(url, b'<a class=next href="?page=%d">' % len(self.requests))
                if self.requests.append(url) is None
                else None
            )

    class Constant(Pages):
        def get(self, url):
            self.requests.append(url)
            return Page(url, b'<a class=next href="x/">')

    assert len(list(listing_pages(Endless({}), "https://l.org/", next_link, limit=7))) == 7
    assert len(list(listing_pages(Constant({}), "https://l.org/", next_link))) == 1


def test_a_listing_that_fails_is_an_error_not_an_end():
    web = Pages({"https://l.org/1": '<a class=next href="/2">', "https://l.org/2": BUSY})
    with pytest.raises(WebError, match="HTTP 503"):
        list(listing_pages(web, "https://l.org/1", next_link))
    with pytest.raises(WebError, match="HTTP 404"):
        list(listing_pages(Pages({}), "https://l.org/1", next_link))


def test_each_case_and_item_of_a_listing_is_read_once():
    links = '<a class=case href="/c1?lang=us"><a class=case href="/c1?lang=gb"><a class=case href="/c2">'
    read = []

    def reader(web, url):
        read.append(url)
        yield Item(item_id="same picture", url=url)

    items = list(walk(Pages({"https://l.org/1": links}), "https://l.org/1", CASES, reader))
    assert read == ["https://l.org/c1", "https://l.org/c2"] and len(items) == 1


def test_a_listing_without_a_case_is_a_row_that_names_the_selector():
    web = Pages({"https://l.org/1": "<p>new design</p>"})
    (row,) = walk(web, "https://l.org/1", CASES, lambda web, url: iter(()))
    assert row.skip == "parse: no image found at https://l.org/1 (selector a.case)"


def test_items_of_one_id_come_once():
    items = [Item(item_id=name, url="https://x.org/a") for name in "abab"]
    assert [item.item_id for item in once(iter(items))] == ["a", "b"]


def test_the_row_of_a_lost_page_has_the_reason():
    assert lost("https://x.org/a", WebError("https://x.org/a", "HTTP 410", 410)).skip == "page is gone: HTTP 410"
    assert lost("https://l.org/2", BUSY).skip == "page not fetched: https://l.org/2: HTTP 503."


@given(st.text(max_size=300), st.text(max_size=60))
def test_any_markup_and_address_is_read(markup, href):
    tree = soup(f"<a href='{href}'><img src='{href}' srcset='{markup}'></a>{markup}")
    words_of(tree.find("body"))
    for found in tree.find_all("img"):
        assert all(address.startswith("http") for address in picture_addresses(found, BASE))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("text", ['<?xml version="1.0"?><rss><p>a</p></rss>', "https://x.org/a.html", "a.html", ""])
def test_text_that_is_not_html_is_read_without_a_warning(text):
    soup(text)


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "markup", ["<div>" * 1_000_000, "<p a='" * 300_000, "<a href=x>" * 400_000, "&amp;" * 900_000, "<!--" * 900_000]
)
def test_a_monstrous_page_takes_bounded_time(markup):
    started = time.monotonic()
    tree = soup(markup)
    tree.select("div.case a[href]")
    assert len(tree.find_all(True)) <= PAGE_TAGS + 10
    assert time.monotonic() - started < 20
