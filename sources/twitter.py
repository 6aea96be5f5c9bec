"""X (Twitter): the thread of @ChestImaging, by the API's full-archive search; never by reading pages.

One post shows up to four films of one patient; its text tells case number, age, sex and the days of the films. Posts of
other people, videos and CT pictures are rows that are not fetched. Saved answers of the API can be given as a file, or
all of them as a folder: ``cxnet-data fetch twitter --url answers/``.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import unescape
from typing import Any
from urllib.parse import urlsplit

from sources.core.addresses import web_address
from sources.core.errors import CxnetError
from sources.core.items import Item, unparsed
from sources.core.source import Source, Terms
from sources.core.web import Web
from sources.reading.saved import is_file, saved_answers
from sources.reading.words import (
    age_in_text,
    day_in_text,
    is_child,
    label_in_text,
    modality_in_text,
    rt_pcr_in_text,
    sex_in_text,
    view_in_text,
)

THREAD = "1243928581983670272"
AUTHOR = "ChestImaging"
TOKEN = "X_BEARER_TOKEN"  # name of the environment variable, not a token
FIELDS = "tweet.fields=attachments,author_id,created_at&expansions=attachments.media_keys&media.fields=url,width,height"
API = "https://api.x.com/2/tweets"
PICTURES = "pbs.twimg.com"
ROOT = f"{API}/{THREAD}?{FIELDS}"
SEARCH = f"{API}/search/all?query=conversation_id%3A{THREAD}&max_results=10&{FIELDS}"
MOST_PAGES = 500

CASE = re.compile(r"\bcase\s+(\d{1,4})\b", re.IGNORECASE)
PERSON = re.compile(r"\b\d{1,3}\s*(?:yo|y/o|year[- ]old)\s*(M|F)\b", re.IGNORECASE)
DAYS = re.compile(r"\bdays?\s+(\d{1,3}(?:\s*(?:,|and|&)\s*\d{1,3})*)\s+of\s+admission\b", re.IGNORECASE)


class Twitter(Source):
    """The COVID-19 thread of the Spanish chest radiologists @ChestImaging, March 2020."""

    name = "twitter"
    title = "X (Twitter), thread of @ChestImaging"
    homepage = f"https://twitter.com/{AUTHOR}/status/{THREAD}"
    labels = ("covid", "cap", "normal", "other")
    hosts = ("api.x.com", PICTURES)
    terms = Terms(
        licence="none; rights stay with the poster",
        url="https://developer.x.com/en/developer-terms",
        token=TOKEN,
        manual="Or give a folder with saved answers of the API: fetch twitter --url answers/.",
    )
    names_pages_freely = True  # saved answers
    has_pages = True

    def items(self, web: Web) -> Iterator[Item]:
        """Every picture of the conversation, newest post first, as the API answers."""
        token = web.token(TOKEN)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        author = author_of([web.get(ROOT, headers).json()])
        if author is None:  # then nobody can tell which posts are the author's own
            yield unparsed(ROOT, "data.author_id")
            return
        following: str | None = SEARCH
        for _ in range(MOST_PAGES):
            if following is None:
                return
            page = web.get(following, headers).json()
            if not _posts(page):
                yield unparsed(following, "data")
            yield from parse(page, author)
            cursor = next_token(page)
            following = f"{SEARCH}&next_token={cursor}" if cursor else None

    def page_items(self, web: Web, url: str) -> Iterator[Item]:
        """The pictures in saved answers (a file, or a folder of them).

        Raises:
            CxnetError: ``url`` is a page, which may not be read by programs, or no saved answer.
        """
        if not is_file(url):
            raise CxnetError(
                f"{url} may not be read by programs; give saved answers of the API (a folder of JSON files)."
            )
        pages = saved_answers(url)
        author = author_of(pages)
        if author is None:
            raise CxnetError(f"{url} does not tell who @{AUTHOR} is; add the answer that holds the post {THREAD}.")
        for page in pages:
            yield from parse(page, author)


def author_of(pages: Sequence[Any]) -> str | None:
    """The id of the thread's author: who wrote its first post, or bears the name; None where no answer tells."""
    posts = [post for page in pages for post in _posts(page)]
    found = [_text(post.get("author_id")) for post in posts if _text(post.get("id")) == THREAD]
    includes = [page.get("includes") for page in pages if isinstance(page, Mapping)]
    lists = [part.get("users") for part in includes if isinstance(part, Mapping)]
    users = [user for users in lists if isinstance(users, list) for user in users if isinstance(user, Mapping)]
    found += [_text(user.get("id")) for user in users if (_text(user.get("username")) or "").lower() == AUTHOR.lower()]
    return next((author for author in found if author), None)


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
    entries = [entry for entry in listed if isinstance(entry, Mapping)] if isinstance(listed, list) else []
    media = {_text(entry.get("media_key")): entry for entry in entries}
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
    if found is None:
        return day_in_text(text) if count == 1 else None
    days = re.findall(r"\d{1,3}", found[1])
    return float(days[place]) if len(days) == count else None


def _item(
    post: Mapping[str, Any], text: str, key: str, media: Mapping[str, Any], place: tuple[int, int], is_own: bool
) -> Item:
    identity = _text(post.get("id")) or "unknown"
    url = web_address(_text(media.get("url")) or "")
    case, person = CASE.search(text), PERSON.search(text)
    age = age_in_text(text)
    modality = modality_in_text(text)
    rt_pcr = rt_pcr_in_text(text)
    return Item(
        item_id=key,
        url=f"{url}?name=orig" if url and "?" not in url else url or f"{API}/{identity}",
        alternates=(url,) if url and "?" not in url else (),
        page_url=f"https://twitter.com/{AUTHOR}/status/{identity}",
        label=label_in_text(text, rt_pcr) if is_own else None,
        finding=text[:280] or None,
        view="CT" if modality == "CT" else view_in_text(text),
        modality=modality,
        patient_id=f"case-{case[1]}" if case and is_own else None,
        study_id=identity,
        age=age,
        sex=person[1].upper() if person else sex_in_text(text),
        pediatric=is_child(age),
        offset_days=day_of(text, *place),
        rt_pcr=rt_pcr,
        attribution=f"@{AUTHOR} on X" if is_own else None,
        skip=_skip(media, url, modality, is_own),
    )


def _skip(media: Mapping[str, Any], url: str | None, modality: str | None, is_own: bool) -> str | None:
    if not is_own:
        return "posted by someone else"
    kind = _text(media.get("type"))
    if kind in ("video", "animated_gif"):
        return "a video, not an image"
    if modality == "CT":
        return "CT by the post's text"
    if url is None or urlsplit(url).hostname != PICTURES:
        return "the API gives no address of the picture"
    return None


def _posts(page: Any) -> Sequence[Mapping[str, Any]]:
    data = page.get("data") if isinstance(page, Mapping) else None
    posts = data if isinstance(data, list) else [data]
    return [post for post in posts if isinstance(post, Mapping)]


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


SOURCES = (Twitter(),)
