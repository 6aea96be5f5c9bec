"""Instagram: two radiology pages, by the Graph API's business discovery; never by reading pages.

An album's pictures are its children; whether they show one patient is not told. The diagnosis stands in the caption
alone. Addresses of pictures are signed and expire: they are asked for anew at every fetch. Saved answers of the API can
be given as a folder: ``cxnet-data fetch instagram --url answers/``. A folder of pictures that were saved by hand is a
``folder`` source of the profile instead.
"""

import re
from collections.abc import Iterator, Mapping
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
    is_child,
    label_in_text,
    modality_in_text,
    rt_pcr_in_text,
    sex_in_text,
    view_in_text,
)

PAGES = ("theradiologistpage", "radiology_case_reports")
TOKEN = "INSTAGRAM_TOKEN"  # name of the environment variable, not a token
USER = "INSTAGRAM_USER_ID"  # the asking professional account
OFFLINE_USER = "17841400000000000"
GRAPH = "https://graph.facebook.com/v21.0"
MEDIA = "id,caption,media_type,media_url,permalink,timestamp,children{id,media_type,media_url}"
PER_PAGE = 3  # posts per answer of an offline copy
PER_LIVE_PAGE = 25  # few answers, as the API allows some 200 an hour; albums make them large
MOST_PAGES = 2000
POSTS = "business_discovery.media.data"  # where an answer has them
FILM = re.compile(r"x-?\s?ray|cxr|radiograph", re.IGNORECASE)  # also inside tags such as #chestxray


class Instagram(Source):
    """COVID-19 films in the posts of two radiology pages."""

    name = "instagram"
    title = "Instagram, radiology pages"
    homepage = f"https://www.instagram.com/{PAGES[0]}/"
    labels = ("covid", "cap", "normal", "other")
    hosts = ("graph.facebook.com", "scontent.cdninstagram.com", ".cdninstagram.com", ".fbcdn.net")
    terms = Terms(
        licence="none; rights stay with the poster",
        url="https://developers.facebook.com/terms",
        token=TOKEN,
        account=USER,
        manual="Or export the films into a folder and add it to `folders` in the profile.",
    )
    names_pages_freely = True  # saved answers
    has_pages = True

    def items(self, web: Web) -> Iterator[Item]:
        """Every picture of both pages, newest post first."""
        token = web.token(TOKEN)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        user = web.token(USER) or OFFLINE_USER
        count = PER_PAGE if web.offline else PER_LIVE_PAGE
        for page in PAGES:
            cursor: str | None = None
            for _ in range(MOST_PAGES):
                found = web.get(question(user, page, cursor, count), headers).json()
                if not _posts(found):
                    yield unparsed(f"https://www.instagram.com/{page}/", POSTS)
                yield from parse(found, page)
                cursor = next_cursor(found)
                if cursor is None:
                    break

    def page_items(self, web: Web, url: str) -> Iterator[Item]:
        """The pictures in saved answers (a file, or a folder of them).

        Raises:
            CxnetError: ``url`` is a page, which may not be read by programs, or no saved answer with posts.
        """
        if not is_file(url):
            raise CxnetError(
                f"{url} may not be read by programs; give saved answers of the API (a folder of JSON files)."
            )
        answers = saved_answers(url)
        if not any(_posts(found) for found in answers):
            raise CxnetError(f"{url} holds no post ({POSTS}); give answers of the Graph API's business discovery.")
        for found in answers:
            yield from parse(found, _text(_discovery(found).get("username")) or PAGES[0])


def question(user: str, page: str, cursor: str | None, count: int = PER_PAGE) -> str:
    """The address of an answer with ``count`` posts of ``page``, after ``cursor``."""
    after = f".after({cursor})" if cursor else ""
    media = f"media{after}.limit({count}){{{MEDIA}}}"
    return f"{GRAPH}/{user}?fields=business_discovery.username({page}){{id,username,{media}}}"


def next_cursor(found: Any) -> str | None:
    """Where the next posts begin; None at the end."""
    paging = _mapping(_mapping(_discovery(found).get("media")).get("paging"))
    cursor = _mapping(paging.get("cursors")).get("after")
    return cursor if isinstance(cursor, str) and re.fullmatch(r"[\w=-]{1,400}", cursor) else None


def parse(found: Any, page: str) -> Iterator[Item]:
    """Yield one item per picture in an answer, whatever it is."""
    for post in _posts(found):
        if _text(post.get("id")):
            yield from _post_items(post, page)


def _post_items(post: Mapping[str, Any], page: str) -> Iterator[Item]:
    children = _mapping(post.get("children")).get("data")
    pictures = [child for child in children if isinstance(child, Mapping)] if isinstance(children, list) else []
    for place, picture in enumerate(pictures or [post]):
        yield _item(post, picture, place, page)


def _item(post: Mapping[str, Any], picture: Mapping[str, Any], place: int, page: str) -> Item:
    caption = unescape(_text(post.get("caption")) or "")
    link = web_address(_text(post.get("permalink")) or "")
    url = web_address(_text(picture.get("media_url")) or "")
    age, rt_pcr = age_in_text(caption), rt_pcr_in_text(caption)
    modality = modality_in_text(caption)
    identity = _text(post.get("id"))
    return Item(
        item_id=_text(picture.get("id")) or f"{identity}-{place + 1}",
        url=url or link or f"https://www.instagram.com/{page}/",
        page_url=link or f"https://www.instagram.com/{page}/",
        label=label_in_text(caption, rt_pcr),
        finding=caption[:280] or None,
        view="CT" if modality == "CT" else view_in_text(caption),
        modality=modality,
        study_id=str(identity),
        age=age,
        sex=sex_in_text(caption),
        pediatric=is_child(age, caption),
        rt_pcr=rt_pcr,
        attribution=f"@{page} on Instagram",
        skip=_skip(picture, url, caption, modality),
    )


def _skip(picture: Mapping[str, Any], url: str | None, caption: str, modality: str | None) -> str | None:
    if picture.get("media_type") == "VIDEO":
        return "a video, not an image"
    if modality == "CT":
        return "CT by its caption"
    if not FILM.search(caption):
        return "the caption tells of no chest film"
    if url is None or not (urlsplit(url).hostname or "").endswith(("cdninstagram.com", "fbcdn.net")):
        return "the API gives no address of the picture"
    return None


def _posts(found: Any) -> list[Mapping[str, Any]]:
    data = _mapping(_discovery(found).get("media")).get("data")
    return [post for post in data if isinstance(post, Mapping)] if isinstance(data, list) else []


def _discovery(found: Any) -> Mapping[str, Any]:
    return _mapping(_mapping(found).get("business_discovery"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


SOURCES = (Instagram(),)
