"""Peer-reviewed papers: Europe PMC's search -> open full text (JATS) -> figures, one row per panel.

Order of access: the full text and the figures that Europe PMC serves; the open-access package of PMC only where a
figure is not there (NCBI withdraws those packages); the publisher's page only for articles under a Creative Commons
licence and publishers that do not forbid it. PMC's own pages are never read. Other articles are rows with the reason.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from bs4 import Tag

from sources.base import Item, Terms, unparsed
from sources.errors import CxnetError
from sources.html import absolute, attribute, is_gone, lost, once, picture_addresses, soup, words_of
from sources.panels import LETTERS, Box, decode, panel_texts, split
from sources.words import age_in_text, day_in_text, is_child, label_of, modality_in_text, sex_in_text, view_in_text

if TYPE_CHECKING:
    from sources.web import Web

REST = "https://www.ebi.ac.uk/europepmc/webservices/rest"
QUERY = 'COVID-19+AND+"chest+radiograph"'
SEARCH = f"{REST}/search?query={QUERY}&format=json&resultType=core&pageSize=10&cursorMark={{cursor}}"
BINARY = "https://europepmc.org/articles/{pmcid}/bin/{name}"
PACKAGES = "https://www.ncbi.nlm.nih.gov/pmc/utils/oa/oa.fcgi?id={pmcid}"
EXTENSIONS = ("jpg", "png", "jpeg", "gif", "tif")
OPEN_PUBLISHERS = (
    *("biomedcentral.com", "nature.com", "thno.org", "cureus.com", "jkms.org", "kjronline.org"),
    "frontiersin.org",
)
MOST_PAGES = 300
PMCID = re.compile(r"PMC\d{1,9}")
DOI = re.compile(r"10\.\d{4,9}/[^\s\"<>?#]{1,200}")
NAME = re.compile(r"[\w.()-]{1,150}")
FILM = re.compile(r"x-?\s?rays?\b|\bCXRs?\b|radiogra(?:ph|m)", re.IGNORECASE)
CT = re.compile(r"\bCT\b|tomograph", re.IGNORECASE)


@dataclass(frozen=True)
class Article:
    """What the search says of an article: its names, licence word and page, None where it is silent."""

    pmcid: str | None
    doi: str | None
    licence: str | None
    page_url: str

    @property
    def name(self) -> str:
        return self.pmcid or f"doi:{self.doi}"

    @property
    def may_be_passed_on(self) -> bool:
        """Under a Creative Commons licence that allows derived pictures (panels are cut)."""
        return bool(self.licence and self.licence.startswith(("cc by", "cc0")) and "nd" not in self.licence)


@dataclass(frozen=True)
class Figure:
    """A figure in an article: name of its file (or its address on a page), and the caption."""

    place: str
    caption: str


class Papers:
    """Figures of peer-reviewed COVID-19 papers."""

    name = "papers"
    title = "Peer-reviewed papers (Europe PMC)"
    homepage = "https://europepmc.org"
    labels = ("covid", "cap", "normal")
    hosts = (
        *("www.ebi.ac.uk", "europepmc.org", "www.ncbi.nlm.nih.gov", "ftp.ncbi.nlm.nih.gov"),
        *(f"{dot}{host}" for host in OPEN_PUBLISHERS for dot in (".", "")),
    )
    terms = Terms(licence="per article", url="https://europepmc.org/Copyright")
    optional = False

    def items(self, web: "Web") -> Iterator[Item]:
        """Every figure that may show a chest film, in the search's order."""
        cursor: str | None = "*"
        for _ in range(MOST_PAGES):
            if cursor is None:
                return
            found = web.get(SEARCH.format(cursor=quote(cursor, safe=""))).json()
            for article in articles(found):
                yield from once(read_article(web, article))
            cursor = next_cursor(found, cursor)

    def page_items(self, web: "Web", url: str) -> Iterator[Item]:
        """The figures of the article that ``url`` names: an address or text with its PMCID or DOI.

        Raises:
            CxnetError: it names neither, or the search cannot be asked.
        """
        name = PMCID.search(url) or DOI.search(url)
        if name is None:
            raise CxnetError(
                f"{url} names neither a PMCID nor a DOI; give an address such as https://doi.org/10.1148/..."
            )
        query = f"PMCID:{name[0]}" if name[0].startswith("PMC") else f'DOI:"{name[0]}"'
        question = f"{REST}/search?query={quote(query, safe='')}&format=json&resultType=core"
        found = list(articles(web.get(question).json()))
        if not found:
            yield unparsed(question, "resultList.result[]")
        for article in found[:1]:
            yield from once(read_article(web, article))


def articles(found: Any) -> Iterator[Article]:
    """The articles in an answer of the search, whatever it is."""
    results = _mapping(_mapping(found).get("resultList")).get("result")
    for result in results if isinstance(results, list) else ():
        entry = _mapping(result)
        pmcid, doi = _text(entry.get("pmcid")), _text(entry.get("doi"))
        pmcid = pmcid if pmcid and PMCID.fullmatch(pmcid) else None
        doi = doi if doi and DOI.fullmatch(doi) else None
        if pmcid or doi:
            yield Article(pmcid, doi, (_text(entry.get("license")) or "").lower() or None, _page_of(entry, pmcid, doi))


def next_cursor(found: Any, cursor: str) -> str | None:
    """The cursor of the answer that follows; None at the end, or where it does not move."""
    following = _text(_mapping(found).get("nextCursorMark"))
    return following if following and following != cursor and len(following) < 400 else None


def read_article(web: "Web", article: Article) -> Iterator[Item]:
    """The items of an article's figures; one row with a reason where there is no way to them."""
    try:
        if article.pmcid:
            text = web.get(f"{REST}/{article.pmcid}/fullTextXML").text
            yield from _figure_items(web, article, jats_figures(text))
        elif _may_read_page(article):
            page = web.get(article.page_url)
            yield from _figure_items(web, article, page_figures(page.text, page.url))
        else:
            reason = "no open full text at Europe PMC; the publisher's page is not read"
            yield Item(item_id=f"article {article.name}", url=article.page_url, page_url=article.page_url, skip=reason)
    except CxnetError as error:
        if not hasattr(error, "status"):
            raise
        yield lost(article.page_url, error)


def jats_figures(text: str) -> list[Figure]:
    """The figures of a full text in JATS, in its order."""
    found = []
    for figure in soup(text).find_all("fig", limit=200):
        told = figure.find("caption") if isinstance(figure, Tag) else None
        caption = words_of(told) if isinstance(told, Tag) else ""
        for graphic in figure.find_all("graphic", limit=20) if isinstance(figure, Tag) else ():
            name = attribute(graphic, "xlink:href").rpartition("/")[2]
            if NAME.fullmatch(name):
                found.append(Figure(name, caption))
    return found


def page_figures(text: str, base: str) -> list[Figure]:
    """The figures of a publisher's page: pictures with a caption."""
    found = []
    for figure in soup(text).find_all("figure", limit=200):
        told = figure.find("figcaption")
        caption = words_of(told) if isinstance(told, Tag) else ""
        image = figure.find("img")
        addresses = picture_addresses(image, base) if isinstance(image, Tag) else []
        if caption and addresses:
            found.append(Figure(addresses[0], caption))
    return found


def _figure_items(web: "Web", article: Article, figures: list[Figure]) -> Iterator[Item]:
    if not figures:
        yield unparsed(article.page_url, "fig graphic")
    for figure in figures:
        is_film = FILM.search(figure.caption)
        if not is_film:
            reason = "CT by its caption" if CT.search(figure.caption) else "the caption tells of no chest film"
            yield _item(article, figure, None, None, figure.caption, (_first_address(article, figure), None), reason)
            continue
        place, boxes = _fetched(web, article, figure)
        texts = panel_texts(figure.caption)
        for letter, box in zip(LETTERS, boxes, strict=False):
            whole = len(boxes) == 1
            text = figure.caption if whole else texts.get(letter, figure.caption)
            not_wanted = "CT by its caption" if CT.search(text) and not FILM.search(text) else None
            yield _item(article, figure, None if whole else letter, None if whole else box, text, place, not_wanted)


def _fetched(web: "Web", article: Article, figure: Figure) -> tuple[tuple[str, str | None], list[Box]]:
    """((address, member of an archive), panels) of a figure; where it cannot be had, its address and one panel."""
    for address in _addresses(article, figure):
        try:
            gray = decode(web.archive(address).read_bytes())
        except CxnetError as error:
            if not is_gone(error):
                break
            continue
        return (address, None), [(0, 0, 0, 0)] if gray is None else split(gray)
    packed = _in_package(web, article, figure)
    return packed or (_first_address(article, figure), None), [(0, 0, 0, 0)]


def _in_package(web: "Web", article: Article, figure: Figure) -> tuple[str, str | None] | None:
    """The figure inside PMC's open-access package of the article."""
    if article.pmcid is None:
        return None
    try:
        answer = web.get(PACKAGES.format(pmcid=article.pmcid)).text
    except CxnetError:
        return None
    for link in soup(answer).find_all("link", limit=20):
        address = attribute(link, "href").replace("ftp://", "https://")
        if attribute(link, "format") == "tgz" and urlsplit(address).hostname == "ftp.ncbi.nlm.nih.gov":
            return address, f"{article.pmcid}/{_with_extension(figure.place, 'jpg')}"
    return None


def _addresses(article: Article, figure: Figure) -> list[str]:
    if "://" in figure.place:
        return [figure.place]
    if "." in figure.place[-5:]:
        return [BINARY.format(pmcid=article.pmcid, name=figure.place)]
    return [BINARY.format(pmcid=article.pmcid, name=f"{figure.place}.{extension}") for extension in EXTENSIONS]


def _first_address(article: Article, figure: Figure) -> str:
    return _addresses(article, figure)[0]


def _with_extension(name: str, extension: str) -> str:
    return name if "." in name[-5:] else f"{name}.{extension}"


def _item(
    article: Article,
    figure: Figure,
    panel: str | None,
    box: Box | None,
    text: str,
    place: tuple[str, str | None],
    skip: str | None,
) -> Item:
    age = age_in_text(text)
    label = label_of(figure.caption)
    name = figure.place.rpartition("/")[2] if "://" in figure.place else figure.place
    return Item(
        item_id=f"{article.name}/{name}" + (f"#{panel}" if panel else ""),
        url=place[0],
        member=place[1],
        page_url=article.page_url,
        label=label if label != "other" else None,
        finding=figure.caption[:280] or None,
        view=view_in_text(text),
        modality="CT" if CT.search(text) and not FILM.search(text) else modality_in_text(text),
        study_id=article.name,
        age=age,
        sex=sex_in_text(text),
        pediatric=is_child(age, text),
        offset_days=day_in_text(text),
        licence=_licence(article.licence),
        attribution=f"doi:{article.doi}" if article.doi else article.pmcid,
        redistributable=article.may_be_passed_on,
        skip=skip,
        box=box,
        panel=panel,
    )


def _licence(word: str | None) -> str | None:
    """``cc by-nc`` -> ``CC BY-NC``."""
    return word.upper() if word else None


def _may_read_page(article: Article) -> bool:
    host = urlsplit(article.page_url).hostname or ""
    is_open = any(host == name or host.endswith(f".{name}") for name in OPEN_PUBLISHERS)
    return bool(is_open and article.licence and article.licence.startswith("cc"))


def _page_of(entry: Mapping[str, Any], pmcid: str | None, doi: str | None) -> str:
    if pmcid:
        return f"https://europepmc.org/article/PMC/{pmcid}"
    links = _mapping(entry.get("fullTextUrlList")).get("fullTextUrl")
    pages = [_mapping(link) for link in links] if isinstance(links, list) else []
    told = [
        absolute("https://doi.org/", _text(page.get("url")) or "")
        for page in pages
        if page.get("documentStyle") == "html"
    ]
    for address in told:
        if address:
            return address
    return f"https://doi.org/{doi}"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


SOURCES = (Papers(),)
