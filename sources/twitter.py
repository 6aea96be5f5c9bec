"""X (Twitter): the thread of @ChestImaging, by the API's full-archive search; never by reading pages.

One post shows up to four films of one patient; its text tells case number, age, sex and the days of the films. Posts of
other people, videos and CT pictures are rows that are not fetched. Saved answers of the API can be given as files:
``cxnet-data fetch twitter --url answer1.json --url answer2.json``.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sources.base import Item, Terms
from sources.errors import CxnetError
from sources.saved import answer, is_file
from sources.tables import web_address
from sources.words import is_child, label_of, modality_in_text, view_in_text

if TYPE_CHECKING:
    from sources.web import Web

THREAD = "1243928581983670272"
AUTHOR = "ChestImaging"
TOKEN = "X_BEARER_TOKEN"  # name of the environment variable, not a token
FIELDS = "tweet.fields=attachments,author_id,created_at&expansions=attachments.media_keys&media.fields=url,width,height"
API = "https://api.x.com/2/tweets"
ROOT = f"{API}/{THREAD}?{FIELDS}"
SEARCH = f"{API}/search/all?query=conversation_id%3A{THREAD}&max_results=10&{FIELDS}"
MOST_PAGES = 500

CASE = re.compile(r"\bcase\s+(\d{1,4})\b", re.IGNORECASE)
PERSON = re.compile(r"\b(\d{1,3})\s*(?:yo|y/o|year[- ]old)\s*(M|F)\b", re.IGNORECASE)
DAYS = re.compile(r"\bdays?\s+(\d{1,3}(?:\s*(?:,|and|&)\s*\d{1,3})*)\s+of\s+admission\b", re.IGNORECASE)
CT = re.compile(r"\bCT\b|tomograph", re.IGNORECASE)


class Twitter:
    """The COVID-19 thread of the Spanish chest radiologists @ChestImaging, March 2020."""

    name = "twitter"
    title = "X (Twitter), thread of @ChestImaging"
    homepage = f"https://twitter.com/{AUTHOR}/status/{THREAD}"
    labels = ("covid",)
    hosts = ("api.x.com", "pbs.twimg.com")
    terms = Terms(
        licence="none; rights stay with the poster",
        url="https://developer.x.com/en/developer-terms",
        token=TOKEN,
        manual="Or give saved answers of the API as files: fetch twitter --url answer.json.",
    )
    optional = False

    def items(self, web: "Web") -> Iterator[Item]:
        """Every picture of the conversation, newest post first, as the API answers."""
        token = web.token(TOKEN)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        author = author_of(answer(web, ROOT, headers))
        following: str | None = SEARCH
        for _ in range(MOST_PAGES):
            if following is None:
                return
            page = answer(web, following, headers)
            yield from parse(page, author)
            cursor = next_token(page)
            following = f"{SEARCH}&next_token={cursor}" if cursor else None

    def page_items(self, web: "Web", url: str) -> Iterator[Item]:
        """The pictures of one saved answer (a file); its oldest post is taken for the thread's first.

        Raises:
            CxnetError: ``url`` is a page, which may not be read by programs.
        """
        if not is_file(url):
            raise CxnetError(f"{url} may not be read by programs; give a saved answer of the API (a JSON file).")
        page = answer(web, url)
        posts = _posts(page)
        yield from parse(page, _text(posts[-1].get("author_id")) if posts else None)


def author_of(root: Any) -> str | None:
    """The author's id in the answer that holds the thread's first post."""
    post = root.get("data") if isinstance(root, Mapping) else None
    return _text(post.get("author_id")) if isinstance(post, Mapping) else None


def next_token(page: Any) -> str | None:
    """The cursor of the page that follows; None on the last one."""
    meta = page.get("meta") if isinstance(page, Mapping) else None
    cursor = _text(meta.get("next_token")) if isinstance(meta, Mapping) else None
    return cursor if cursor and re.fullmatch(r"[\w-]{1,200}", cursor) else None


def parse(page: Any, author: str | None) -> Iterator[Item]:
    """Yield one item per picture of an answer's posts.

    Args:
        page: the decoded answer, whatever it is.
        author: id of the thread's author; other people's posts are rows that are not fetched.
    """
    includes = page.get("includes") if isinstance(page, Mapping) else None
    listed = includes.get("media") if isinstance(includes, Mapping) else None
    media = {_text(entry.get("media_key")): entry for entry in listed or () if isinstance(entry, Mapping)}
    for post in _posts(page):
        attachments = post.get("attachments")
        keys = attachments.get("media_keys") if isinstance(attachments, Mapping) else None
        names = [key for key in keys if isinstance(key, str)] if isinstance(keys, list) else []
        text = unescape(_text(post.get("text")) or "")
        is_own = author is not None and _text(post.get("author_id")) == author
        for place, key in enumerate(names):
            yield _item(post, text, key, media.get(key, {}), (place, len(names)), is_own)


def day_of(text: str, place: int, count: int) -> float | None:
    """The day of stay of picture ``place`` of ``count``, where the post names as many days as it has pictures."""
    found = DAYS.search(text)
    days = re.findall(r"\d{1,3}", found[1]) if found else []
    return float(days[place]) if len(days) == count else None


def _item(
    post: Mapping[str, Any], text: str, key: str, media: Mapping[str, Any], place: tuple[int, int], is_own: bool
) -> Item:
    identity = _text(post.get("id")) or "unknown"
    url = web_address(_text(media.get("url")) or "")
    case, person = CASE.search(text), PERSON.search(text)
    age = float(person[1]) if person and float(person[1]) <= 120 else None
    return Item(
        item_id=key,
        url=f"{url}?name=orig" if url and "?" not in url else url or f"{API}/{identity}",
        alternates=(url,) if url and "?" not in url else (),
        page_url=f"https://twitter.com/{AUTHOR}/status/{identity}",
        label=_label(text) if is_own else None,
        finding=text[:280] or None,
        view=view_in_text(text),
        modality="CT" if CT.search(text) else modality_in_text(text),
        patient_id=f"case-{case[1]}" if case and is_own else None,
        study_id=identity,
        age=age,
        sex=person[2].upper() if person else None,
        pediatric=is_child(age),
        offset_days=day_of(text, *place),
        attribution=f"@{AUTHOR} on X",
        skip=_skip(media, url, text, is_own),
    )


def _label(words: str) -> str | None:
    """What the words call the film; None where they name nothing that we know."""
    label = label_of(words)
    return label if label != "other" else None


def _skip(media: Mapping[str, Any], url: str | None, text: str, is_own: bool) -> str | None:
    if not is_own:
        return "posted by someone else"
    kind = _text(media.get("type"))
    if kind in ("video", "animated_gif"):
        return "a video, not an image"
    if CT.search(text):
        return "CT by the post's text"
    if url is None or urlsplit(url).hostname not in Twitter.hosts:
        return "the API gives no address of the picture"
    return None


def _posts(page: Any) -> Sequence[Mapping[str, Any]]:
    data = page.get("data") if isinstance(page, Mapping) else None
    posts = data if isinstance(data, list) else [data]
    return [post for post in posts if isinstance(post, Mapping)]


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


SOURCES = (Twitter(),)
