"""X (Twitter): the thread of @ChestImaging, through the API's full-archive search; web pages are never read.

Access to the API is paid by use.

A post shows up to four films of one patient; its text states case number, age, sex and the days of the films. Posts of
other people, videos and CT pictures are rows that are not fetched. Saved API answers, as a file or a folder with all of
them, can replace the API: ``cxnet-data fetch twitter --url answers/``.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import unescape
from typing import Any

from sources.core import layouts
from sources.core.addresses import host_of, web_address
from sources.core.errors import CxnetError
from sources.core.items import Item, unparsed
from sources.core.layouts import Layout
from sources.core.source import Source, Terms
from sources.core.web import Web
from sources.language.ages import age_in_text, is_child
from sources.language.labels import label_in_text
from sources.language.modalities import modality_in_text
from sources.language.views import view_in_text
from sources.language.words import day_in_text, rt_pcr_in_text, sex_in_text
from sources.reading.answers import (
    NO_ADDRESS,
    VIDEO,
    authorization,
    listing_answers,
    mapping,
    mappings,
    saved_answers,
    string,
)

THREAD = "1243928581983670272"
AUTHOR = "ChestImaging"
TOKEN = "X_BEARER_TOKEN"  # name of the environment variable, not a token
FIELDS = "tweet.fields=attachments,author_id,created_at&expansions=attachments.media_keys&media.fields=url,width,height"
API = "https://api.x.com/2/tweets"
PICTURES = "pbs.twimg.com"
ROOT = f"{API}/{THREAD}?{FIELDS}"
START = "2020-03-01T00:00:00Z"  # without it, the search covers the last 30 days alone
QUERY = f"{API}/search/all?query=conversation_id%3A{THREAD}&max_results=10"
SEARCH = f"{QUERY}&start_time={START}&{FIELDS}"
SEARCH_WITHOUT_START = f"{QUERY}&{FIELDS}"  # in offline copies that older versions recorded
ANSWER = Layout(
    name="API 2, full-archive search",
    seen="2026-11",
    addresses=r"^https://api\.x\.com/2/tweets/search/all",
    fields={"post": "data[].id", "text": "data[].text", "author": "data[].author_id"},
    facts={"picture": "includes.media[].url", "next": "meta.next_token"},
    kind=layouts.JSON,
)
POST = Layout(
    name="API 2, one post",
    seen="2026-11",
    addresses=rf"^https://api\.x\.com/2/tweets/{THREAD}",
    fields={"post": "data.id", "author": "data.author_id"},
    kind=layouts.JSON,
)

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
    api_hosts = ("api.x.com",)
    layouts = (POST, ANSWER)
    terms = Terms(
        licence="none; rights stay with the poster",
        url="https://developer.x.com/en/developer-terms",
        token=TOKEN,
        manual="Or give a folder with saved answers of the API: fetch twitter --url answers/.",
    )
    has_pages = True
    names_pages_freely = True  # saved answers

    def items(self, web: Web) -> Iterator[Item]:
        """Every picture of the conversation, newest post first, in the API's order."""
        headers = authorization(web, TOKEN)
        author = author_of([web.get(ROOT, headers, lambda page: b"author_id" not in page.content).json()])
        if author is None:  # without it the author's own posts cannot be told apart from the replies
            yield unparsed(ROOT, "data.author_id")
            return
        for address, answer in listing_answers(
            web, _addresses, next_token, headers, is_empty=lambda it: not _posts(it)
        ):
            if not _posts(answer):
                yield unparsed(address, "data")
            yield from parse(answer, author)

    def page_items(self, web: Web, url: str) -> Iterator[Item]:
        """The pictures in saved answers (a file, or a folder of them).

        Raises:
            CxnetError: ``url`` is a web page, which programs may not read, or not a saved answer.
        """
        answers = saved_answers(url)
        author = author_of(answers)
        if author is None:
            raise CxnetError(f"{url} does not identify @{AUTHOR}; add the answer that contains the post {THREAD}.")
        for answer in answers:
            yield from parse(answer, author)


def author_of(answers: Sequence[Any]) -> str | None:
    """The id of the thread's author: who wrote its first post or has that user name; None if no answer says so."""
    posts = [post for answer in answers for post in _posts(answer)]
    ids = [string(post.get("author_id")) for post in posts if string(post.get("id")) == THREAD]
    users = [user for answer in answers for user in mappings(_includes(answer).get("users"))]
    ids += [string(user.get("id")) for user in users if string(user.get("username")).lower() == AUTHOR.lower()]
    return next((author for author in ids if author), None)


def next_token(answer: Any) -> str | None:
    """The cursor of the next answer; None in the last one."""
    cursor = string(mapping(mapping(answer).get("meta")).get("next_token"))
    return cursor if re.fullmatch(r"[\w-]{1,200}", cursor) else None


def parse(answer: Any, author: str | None) -> Iterator[Item]:
    """Yield one item per picture of an answer's posts.

    Args:
        answer: the decoded answer, whatever it is.
        author: id of the thread's author; pictures of other people become rows that are not fetched.
    """
    media = {string(entry.get("media_key")): entry for entry in mappings(_includes(answer).get("media"))}
    for post in _posts(answer):
        keys = mapping(post.get("attachments")).get("media_keys")
        names = [key for key in keys if isinstance(key, str)] if isinstance(keys, list) else []
        is_own = author is not None and string(post.get("author_id")) == author
        for place, key in enumerate(names):
            yield _item(post, key, media.get(key, {}), (place, len(names)), is_own)


def day_of(text: str, place: int, count: int) -> float | None:
    """The day of stay of picture ``place`` of ``count``, if the post names as many days as it has pictures."""
    match = DAYS.search(text)
    if match is None:
        return day_in_text(text) if count == 1 else None
    days = re.findall(r"\d{1,3}", match[1])
    return float(days[place]) if len(days) == count else None


def _addresses(cursor: str | None) -> tuple[str, str]:
    """The address of the answer at a cursor, and its older form."""
    after = f"&next_token={cursor}" if cursor else ""
    return f"{SEARCH}{after}", f"{SEARCH_WITHOUT_START}{after}"


def _item(post: Mapping[str, Any], key: str, media: Mapping[str, Any], place: tuple[int, int], is_own: bool) -> Item:
    text = unescape(string(post.get("text")))
    post_id = string(post.get("id")) or "unknown"
    url = web_address(string(media.get("url")))
    case, person = CASE.search(text), PERSON.search(text)
    age = age_in_text(text)
    modality = modality_in_text(text)
    rt_pcr = rt_pcr_in_text(text)
    return Item(
        item_id=key,
        url=f"{url}?name=orig" if url and "?" not in url else url or f"{API}/{post_id}",
        alternates=(url,) if url and "?" not in url else (),
        page_url=f"https://twitter.com/{AUTHOR}/status/{post_id}",
        label=label_in_text(text, rt_pcr) if is_own else None,
        finding=text[:280] or None,
        view="CT" if modality == "CT" else view_in_text(text),
        modality=modality,
        patient_id=f"case-{case[1]}" if case and is_own else None,
        study_id=post_id,
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
    if string(media.get("type")) in ("video", "animated_gif"):
        return VIDEO
    if modality == "CT":
        return "CT according to the post"
    return None if url and host_of(url) == PICTURES else NO_ADDRESS


def _posts(answer: Any) -> list[Mapping[str, Any]]:
    data = mapping(answer).get("data")
    return mappings(data if isinstance(data, list) else [data])


def _includes(answer: Any) -> Mapping[str, Any]:
    return mapping(mapping(answer).get("includes"))


SOURCE = Twitter()
