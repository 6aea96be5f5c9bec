"""Instagram: two radiology pages, through the Graph API's business discovery; web pages are never read.

The pictures of an album are its children; whether they show one patient is unknown. The diagnosis is in the caption
alone. Picture addresses are signed and expire, so every fetch requests them again. So do versions of the API: a profile
may set another one (``fetch.options.instagram.version``). A folder of saved API answers can
replace the API: ``cxnet-data fetch instagram --url answers/``. Pictures that were saved by hand are a ``folder`` source
of the profile instead.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from html import unescape
from typing import Any

from sources.core import layouts
from sources.core.addresses import host_of, is_among, web_address
from sources.core.errors import CxnetError
from sources.core.items import Item, unparsed
from sources.core.layouts import Layout
from sources.core.source import Option, Source, Terms
from sources.core.web import Web
from sources.language.ages import age_in_text, is_child
from sources.language.captions import CT_BY_CAPTION, NO_FILM
from sources.language.labels import label_in_text
from sources.language.modalities import modality_in_text
from sources.language.views import view_in_text
from sources.language.words import rt_pcr_in_text, sex_in_text
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

PAGES = ("theradiologistpage", "radiology_case_reports")
TOKEN = "INSTAGRAM_TOKEN"  # name of the environment variable, not a token
USER = "INSTAGRAM_USER_ID"  # the requesting professional account
OFFLINE_USER = "17841400000000000"
GRAPH = "https://graph.facebook.com"
VERSIONS = ("v26.0", "v25.0", "v24.0", "v23.0", "v22.0", "v21.0")  # newest first; each lives about two years
MEDIA = "id,caption,media_type,media_url,permalink,timestamp,children{id,media_type,media_url}"
PICTURE_HOSTS = ("scontent.cdninstagram.com", ".cdninstagram.com", ".fbcdn.net")
PER_PAGE = 3  # posts per answer in an offline copy
PER_LIVE_PAGE = 25  # few answers, as the API allows about 200 per hour; albums make them large
POSTS = "business_discovery.media.data"  # where an answer has its posts
ANSWER = Layout(
    name=f"Graph API {VERSIONS[0]}, business discovery",
    seen="2026-09",
    addresses=r"^https://graph\.facebook\.com/v",
    fields={"post": f"{POSTS}[].id", "picture": f"{POSTS}[].media_url"},
    facts={"caption": f"{POSTS}[].caption", "album": f"{POSTS}[].children.data[].media_url"},
    kind=layouts.JSON,
)
FILM = re.compile(r"x-?\s?ray|cxr|radiograph", re.IGNORECASE)  # also inside tags such as #chestxray


class Instagram(Source):
    """COVID-19 films in the posts of two radiology pages."""

    name = "instagram"
    title = "Instagram, radiology pages"
    homepage = f"https://www.instagram.com/{PAGES[0]}/"
    labels = ("covid", "cap", "normal", "other")
    hosts = ("graph.facebook.com", *PICTURE_HOSTS)
    api_hosts = ("graph.facebook.com",)
    layouts = (ANSWER,)
    options = (Option("version", "a version of the Graph API such as v26.0", r"v\d{1,3}\.\d"),)
    version: str = VERSIONS[0]
    terms = Terms(
        licence="none; rights stay with the poster",
        url="https://developers.facebook.com/terms",
        token=TOKEN,
        account=USER,
        manual="Or export the films into a folder and add it to `folders` in the profile.",
    )
    has_pages = True
    names_pages_freely = True  # saved answers

    def items(self, web: Web) -> Iterator[Item]:
        """Every picture of both pages, newest post first."""
        headers = authorization(web, TOKEN)
        user = web.token(USER) or OFFLINE_USER
        count = PER_PAGE if web.offline else PER_LIVE_PAGE
        versions = tuple(dict.fromkeys((self.version, *VERSIONS)))
        for page in PAGES:
            yield from _page_posts(web, page, partial(_addresses, user, page, count, versions), headers)

    def page_items(self, web: Web, url: str) -> Iterator[Item]:
        """The pictures in saved answers (a file, or a folder of them).

        Raises:
            CxnetError: ``url`` is a web page, which programs may not read, or not a saved answer with posts.
        """
        answers = saved_answers(url)
        if not any(_posts(answer) for answer in answers):
            raise CxnetError(f"{url} contains no post ({POSTS}); give answers of the Graph API's business discovery.")
        for answer in answers:
            yield from parse(answer, string(_discovery(answer).get("username")) or PAGES[0])


def posts_address(user: str, page: str, cursor: str | None, count: int = PER_PAGE, version: str = VERSIONS[0]) -> str:
    """The address of an answer with ``count`` posts of ``page``, after ``cursor``."""
    after = f".after({cursor})" if cursor else ""
    media = f"media{after}.limit({count}){{{MEDIA}}}"
    return f"{GRAPH}/{version}/{user}?fields=business_discovery.username({page}){{id,username,{media}}}"


def next_cursor(answer: Any) -> str | None:
    """Where the next posts begin; None at the end."""
    cursors = mapping(mapping(mapping(_discovery(answer).get("media")).get("paging")).get("cursors"))
    cursor = cursors.get("after")
    return cursor if isinstance(cursor, str) and re.fullmatch(r"[\w=-]{1,400}", cursor) else None


def parse(answer: Any, page: str) -> Iterator[Item]:
    """Yield one item per picture in an answer, whatever it is."""
    for post in _posts(answer):
        if string(post.get("id")):
            pictures = mappings(mapping(post.get("children")).get("data"))
            for place, picture in enumerate(pictures or [post]):
                yield _item(post, picture, place, page)


def _addresses(user: str, page: str, count: int, versions: Sequence[str], cursor: str | None) -> list[str]:
    """The address of the answer at a cursor in each version of the API."""
    return [posts_address(user, page, cursor, count, version) for version in versions]


def _page_posts(
    web: Web, page: str, addresses: Callable[[str | None], Sequence[str]], headers: Mapping[str, str]
) -> Iterator[Item]:
    for _, answer in listing_answers(web, addresses, next_cursor, headers, lambda answer: not _posts(answer)):
        if not _posts(answer):
            yield unparsed(f"https://www.instagram.com/{page}/", POSTS)
        yield from parse(answer, page)


def _item(post: Mapping[str, Any], picture: Mapping[str, Any], place: int, page: str) -> Item:
    caption = unescape(string(post.get("caption")))
    page_url = web_address(string(post.get("permalink"))) or f"https://www.instagram.com/{page}/"
    url = web_address(string(picture.get("media_url")))
    age, rt_pcr = age_in_text(caption), rt_pcr_in_text(caption)
    modality = modality_in_text(caption)
    post_id = string(post.get("id"))
    return Item(
        item_id=string(picture.get("id")) or f"{post_id}-{place + 1}",
        url=url or page_url,
        page_url=page_url,
        label=label_in_text(caption, rt_pcr),
        finding=caption[:280] or None,
        view="CT" if modality == "CT" else view_in_text(caption),
        modality=modality,
        study_id=post_id,
        age=age,
        sex=sex_in_text(caption),
        pediatric=is_child(age, caption),
        rt_pcr=rt_pcr,
        attribution=f"@{page} on Instagram",
        skip=_skip(picture, url, caption, modality),
    )


def _skip(picture: Mapping[str, Any], url: str | None, caption: str, modality: str | None) -> str | None:
    if picture.get("media_type") == "VIDEO":
        return VIDEO
    if modality == "CT":
        return CT_BY_CAPTION
    if not FILM.search(caption):
        return NO_FILM
    return None if url and is_among(host_of(url) or "", PICTURE_HOSTS) else NO_ADDRESS


def _posts(answer: Any) -> list[Mapping[str, Any]]:
    return mappings(mapping(_discovery(answer).get("media")).get("data"))


def _discovery(answer: Any) -> Mapping[str, Any]:
    return mapping(mapping(answer).get("business_discovery"))


SOURCE = Instagram()
