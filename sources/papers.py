"""Peer-reviewed papers: Europe PMC's search -> open full texts (JATS) -> figures, one row per panel.

The list is the catalogue's DOIs and PMCIDs. Where an offline copy answers, it is the search that the copy holds. A
figure's file comes from the supplementary files that Europe PMC serves, else from its folder of figures, else from the
open-access package of PMC (NCBI withdraws those). PMC's own pages are never read, a publisher's page only for articles
under a Creative Commons licence where the publisher does not forbid it; every other article is a row with the reason.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote, urlsplit

from sources.core.errors import RefusedTextError, WebError
from sources.core.items import Item, unparsed
from sources.core.source import Source, Terms
from sources.core.web import Web
from sources.reading.captions import panel_texts
from sources.reading.catalogs import catalogue
from sources.reading.europepmc import REST, SEARCH, Article, next_cursor, parse_answer, question
from sources.reading.figures import Found, Shelf, optional
from sources.reading.html import attribute, lost, once, outermost, picture_addresses, soup, words_of
from sources.reading.jats import Figure, FullText, licence_word, parse_jats
from sources.reading.panels import LETTERS, Box
from sources.reading.tables import distinct
from sources.reading.words import (
    age_in_text,
    day_in_text,
    is_child,
    label_in_text,
    modalities_in_text,
    rt_pcr_in_text,
    sex_in_text,
    view_in_text,
)

OPEN_PUBLISHERS = (  # no terms against programs are known of them
    *("biomedcentral.com", "springernature.com", "nature.com", "thno.org", "cureus.com", "jkms.org", "kjronline.org"),
)
CLOSED_PUBLISHERS = (  # read in an offline copy alone
    *("www.sciencedirect.com", "ars.els-cdn.com", "pubs.rsna.org", "www.heartrhythmcasereports.com"),
)
FREE = ("by", "by-sa", "by-nc", "by-nc-sa", "zero")  # with them bytes, and panels cut from them, may be passed on
MOST_ANSWERS = 100
HEALTHY = re.compile(r"\b(?:healthy|volunteers?|controls?)\b", re.IGNORECASE)
COVID = re.compile(r"covid|sars-?\s?cov|coronavirus", re.IGNORECASE)
PATIENT = re.compile(r"\b(?:patient|case)\s+(?:no\.?\s*|#\s*)?(\d{1,2})\b", re.IGNORECASE)


class Papers(Source):
    """Chest films in the figures of peer-reviewed papers."""

    name = "papers"
    title = "Peer-reviewed papers (Europe PMC)"
    homepage = "https://europepmc.org"
    labels = ("covid", "cap", "normal", "other")
    hosts = (
        *("www.ebi.ac.uk", "europepmc.org", "www.ncbi.nlm.nih.gov", "ftp.ncbi.nlm.nih.gov"),
        *(f"{dot}{host}" for host in OPEN_PUBLISHERS for dot in ("", ".")),
        *CLOSED_PUBLISHERS,
    )
    terms = Terms(licence="per article", url="https://europepmc.org/Copyright")
    names_pages_freely = True  # DOIs and PMCIDs, in whatever address they stand
    has_pages = True

    def items(self, web: Web) -> Iterator[Item]:
        """Every figure of every article of the list; a panel of a composite figure is a row of its own."""
        listed = _searched(web) if web.offline else None
        if listed is None:
            yield from once(item for url in catalogue("papers") for item in self.page_items(web, url))
        else:
            yield from once(item for article in listed for item in read_article(web, article))

    def page_items(self, web: Web, url: str) -> Iterator[Item]:
        """The figures of the article that ``url`` names: a DOI, a PMCID, or an address with one of them."""
        asked = question(url)
        if asked is None:
            yield _unread(url, url, "the address names no DOI, PMCID or PubMed id")
            return
        try:
            found = parse_answer(web.get(asked).json())
        except WebError as error:
            yield lost(url, error)
            return
        if not found:
            yield _unread(url, url, "Europe PMC does not know the article")
        for article in found[:1]:
            yield from read_article(web, article)


@dataclass(frozen=True)
class Words:
    """What a caption says of one picture.

    Attributes:
        own: of this picture, with what the caption says of all; ``seen``: the part that tells modality and view.
    """

    own: str
    seen: str


def read_article(web: Web, article: Article) -> Iterator[Item]:
    """The figures of an article; one row with the reason where there is no way to them."""
    if article.is_retracted:
        yield _unread(article.name, article.page_url, "the article was retracted")
        return
    shelf = Shelf(web, article.pmcid)
    try:
        text = _full_text(web, article, shelf)
    except RefusedTextError as error:
        yield _unread(article.name, article.page_url, f"parse: {error}")
        return
    except WebError as error:
        yield lost(article.page_url, error)
        return
    if text is None:
        host = urlsplit(article.page_url).hostname or "its publisher"
        reason = f"no open full text at Europe PMC, and the pages of {host} are not read by programs"
        yield _unread(article.name, article.page_url, reason)
    elif not text.figures:
        yield unparsed(article.page_url, "fig graphic" if article.pmcid else "figure img")
    else:
        yield from _figure_items(_with_licence(article, text), text.figures, shelf)


def parse_page(content: str, base: str) -> FullText:
    """The figures of a publisher's page: pictures with a caption."""
    tree = soup(content)
    figures = []
    for block in outermost(tree, "figure"):
        image = block.select_one("img")
        addresses = picture_addresses(image, base) if image is not None else []
        large = [re.sub(r"/lw\d{2,4}/", "/full/", address) for address in addresses if "springernature" in address]
        label = words_of(block.select_one("figcaption b, figcaption strong"))
        if addresses and (caption := words_of(block)):
            figures.append(Figure(label.rstrip(" ."), caption, tuple(dict.fromkeys([*large, *addresses]))))
    links = (attribute(link, "href") for link in tree.select('a[rel~="license"], a[href*="creativecommons.org"]'))
    return FullText(tuple(figures), next((word for link in links if (word := licence_word(link))), None))


def label_of_figure(words: str, article: Article) -> tuple[str | None, str]:
    """(label of a picture, the words that told it).

    The caption decides, by the rules for findings; "normal" counts only of people said to be healthy. Where a caption
    speaks of no disease, the title of a case report does: such a report is about one disease.
    """
    label = label_in_text(words, rt_pcr_in_text(words))
    if label == "normal" and not HEALTHY.search(words):
        label = None
    if label is None and article.is_case_report and not COVID.search(words) and not HEALTHY.search(words):
        told = label_in_text(article.title)
        if told in ("covid", "cap") and rt_pcr_in_text(words) != "negative":
            return told, f"{article.title}: {words}"
    return label, words


def _searched(web: Web) -> list[Article] | None:
    """The articles of the search that an offline copy holds; None where it holds none."""
    found: list[Article] = []
    cursor: str | None = "*"
    for _ in range(MOST_ANSWERS):
        if cursor is None:
            break
        try:
            answer = web.get(SEARCH + quote(cursor, safe="")).json()
        except WebError as error:
            if found or not error.is_gone:
                raise
            return None
        found += parse_answer(answer)
        cursor = next_cursor(answer, cursor)
    return found


def _full_text(web: Web, article: Article, shelf: Shelf) -> FullText | None:
    """The text of an article: Europe PMC's, else the one in PMC's package, else the publisher's page.

    Raises:
        RefusedTextError: the text is refused.
        WebError: the page is gone.
    """
    if article.pmcid:
        page = optional(lambda: web.get(f"{REST}/{article.pmcid}/fullTextXML"))
        content = page.content if page is not None else shelf.packed_text()
        if content is not None:
            return parse_jats(content)
    if not _may_read_page(web, article):
        return None
    page = web.get(article.page_url)
    return parse_page(page.text, article.page_url)


def _may_read_page(web: Web, article: Article) -> bool:
    host = urlsplit(article.page_url).hostname or ""
    if web.offline:
        return any(host == name or (name.startswith(".") and host.endswith(name)) for name in Papers.hosts)
    is_open = any(host == name or host.endswith(f".{name}") for name in OPEN_PUBLISHERS)
    return is_open and (article.licence or "").startswith("cc")


def _figure_items(article: Article, figures: tuple[Figure, ...], shelf: Shelf) -> Iterator[Item]:
    """Rows of all figures; a figure without a film is a row that is not fetched."""
    entries = [figure for place, figure in {figure.places: figure for figure in figures}.items() if place]
    for name, figure in distinct(entries, key=_file_name, tie=lambda figure: figure.label):
        identity = f"{article.name}/{name}"
        named = modalities_in_text(figure.caption)
        if "X-ray" not in named:
            reason = "CT by its caption" if named == {"CT"} else "the caption tells of no chest film"
            whole = Words(figure.caption, figure.caption)
            yield replace(_item(article, figure, identity, whole, shelf.guess(figure)), skip=reason)
        else:
            yield from _panel_items(article, figure, identity, shelf.find(figure))


def _panel_items(article: Article, figure: Figure, identity: str, found: Found) -> Iterator[Item]:
    """One row for a figure of one picture, else one for each of its panels."""
    if not found.panels:
        yield _item(article, figure, identity, Words(figure.caption, figure.caption), found)
    for letter, box, words in zip(LETTERS, found.panels, _words_of_panels(figure.caption, found.panels), strict=False):
        item = _item(article, figure, f"{identity}#{letter}", words, found)
        yield replace(item, box=box, panel=letter)


def _words_of_panels(caption: str, panels: tuple[Box, ...]) -> list[Words]:
    """What the caption says of each panel; where it does not tell them apart, what it says of all."""
    lead, texts = panel_texts(caption)
    if len(texts) != len(panels):
        return [Words(lead, lead)] * len(panels)
    return [Words(f"{lead} {text}".strip(), text if modalities_in_text(text) else f"{lead} {text}") for text in texts]


def _item(article: Article, figure: Figure, identity: str, words: Words, found: Found) -> Item:
    label, finding = label_of_figure(words.own, article)
    named = modalities_in_text(words.seen)
    modality = next(iter(named)) if len(named) == 1 else None
    age, people = age_in_text(words.own), set(PATIENT.findall(words.own))
    licence, is_free = licence_of(article.licence)
    return Item(
        item_id=identity,
        url=found.url,
        member=found.member,
        alternates=found.alternates,
        page_url=article.page_url,
        label=label,
        finding=finding[:500] or None,
        view={"CT": "CT", "other": "OTHER"}.get(modality or "", view_in_text(words.seen)),
        modality=modality,
        patient_id=f"{article.name}/{people.pop()}" if len(people) == 1 else None,
        study_id=article.name,
        age=age,
        sex=sex_in_text(words.own),
        pediatric=is_child(age, words.own),
        offset_days=day_in_text(words.own),
        rt_pcr=rt_pcr_in_text(words.own),
        licence=licence,
        attribution=", ".join(part for part in (_cited(article), figure.label) if part),
        redistributable=is_free,
        skip=None if modality in (None, "X-ray") else f"{modality if modality == 'CT' else 'no X-ray'} by its caption",
    )


def licence_of(word: str | None) -> tuple[str | None, bool]:
    """(SPDX-like word, may bytes be passed on) of a licence: the search's ``cc by-nc``, or ``by-nc/4.0`` of a text."""
    kind, _, version = re.sub(r"^cc[\s-]*(?=0|by)", "", (word or "").lower().strip()).partition("/")
    kind = "zero" if kind in ("0", "zero") else kind
    if not re.fullmatch(r"by(?:-nc)?(?:-sa|-nd)?|zero", kind):
        return word or None, False
    name = "CC0" if kind == "zero" else f"CC-{kind.upper()}"
    return f"{name}-{version}" if version else name, kind in FREE


def _with_licence(article: Article, text: FullText) -> Article:
    """The article with what its own text says of licence and kind, where it says so."""
    is_report = article.is_case_report or text.is_case_report
    return replace(article, licence=text.licence or article.licence, is_case_report=is_report)


def _cited(article: Article) -> str:
    return f"doi:{article.doi}" if article.doi else article.name


def _file_name(figure: Figure) -> str:
    place = figure.places[0]
    return place.partition("?")[0].rstrip("/").rpartition("/")[2][-150:] if "://" in place else place


def _unread(name: str, url: str, reason: str) -> Item:
    return Item(item_id=f"article {name}", url=url, page_url=url, skip=reason)


SOURCES = (Papers(),)
