"""Peer-reviewed papers: Europe PMC's search -> open full texts (JATS) -> figures, one row per panel.

The catalog lists the papers by DOI and PMCID; an offline copy may contain Europe PMC's search instead. A figure's file
comes from the supplementary files that Europe PMC serves, else from its folder of figures, else from PMC's open-access
package (which NCBI withdraws). PMC's own pages are never read. A publisher's page is read only for an article under a
Creative Commons license whose publisher does not forbid it. Every other article is a row with the reason.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote

from sources.core.addresses import host_of, is_among
from sources.core.errors import RefusedTextError, WebError
from sources.core.items import Item, once, unparsed
from sources.core.limits import API_ANSWERS
from sources.core.source import Source, Terms
from sources.core.web import Web
from sources.reading.ages import age_in_text, is_child
from sources.reading.catalogs import catalog
from sources.reading.europepmc import REST, SEARCH, Article, next_cursor, parse_answer, search_address
from sources.reading.figures import ArticleFiles, FigureFile, optional
from sources.reading.html import attribute, lost, outermost, picture_addresses, soup, words_of
from sources.reading.jats import Figure, FullText, parse_jats
from sources.reading.labels import label_in_text
from sources.reading.licences import creative_commons, is_free
from sources.reading.panels import LETTERS, Box, panel_texts
from sources.reading.tables import distinct
from sources.reading.views import CT_BY_CAPTION, NO_FILM, caption_facts, modalities_in_text
from sources.reading.words import day_in_text, rt_pcr_in_text, sex_in_text

OPEN_PUBLISHERS = (  # their terms, as far as known, do not forbid programs
    *("biomedcentral.com", "springernature.com", "nature.com", "thno.org", "cureus.com", "jkms.org", "kjronline.org"),
)
OPEN_HOSTS = tuple(f"{dot}{host}" for host in OPEN_PUBLISHERS for dot in ("", "."))
CLOSED_HOSTS = (  # read in an offline copy only
    *("www.sciencedirect.com", "ars.els-cdn.com", "pubs.rsna.org", "www.heartrhythmcasereports.com"),
)
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
        *OPEN_HOSTS,
        *CLOSED_HOSTS,
    )
    terms = Terms(licence="per article", url="https://europepmc.org/Copyright")
    has_pages = True
    names_pages_freely = True  # DOIs and PMCIDs, alone or in any address

    def items(self, web: Web) -> Iterator[Item]:
        """Every figure of every article in the list; a panel of a composite figure is a row of its own."""
        articles = _searched(web) if web.offline else None
        if articles is None:
            yield from once(item for url in catalog("papers") for item in self.page_items(web, url))
        else:
            yield from once(item for article in articles for item in read_article(web, article))

    def page_items(self, web: Web, url: str) -> Iterator[Item]:
        """The figures of the article that ``url`` names: a DOI, a PMCID, or an address that contains one."""
        address = search_address(url)
        if address is None:
            yield _unread(url, url, "the address contains no DOI, PMCID or PubMed id")
            return
        try:
            articles = parse_answer(web.get(address).json())
        except WebError as error:
            yield lost(url, error)
            return
        if not articles:
            yield _unread(url, url, "Europe PMC does not know the article")
        for article in articles[:1]:
            yield from read_article(web, article)


@dataclass(frozen=True)
class Caption:
    """The part of a figure's caption that is about one picture.

    Attributes:
        text: all of it, including what the caption says about all panels.
        view_text: the part that states modality and view.
    """

    text: str
    view_text: str


def read_article(web: Web, article: Article) -> Iterator[Item]:
    """The figures of an article; one row with the reason if there is no way to them."""
    if article.is_retracted:
        yield _unread(article.name, article.page_url, "the article was retracted")
        return
    files = ArticleFiles(web, article.pmcid)
    try:
        text = _full_text(web, article, files)
    except RefusedTextError as error:
        yield _unread(article.name, article.page_url, f"parse: {error}")
        return
    except WebError as error:
        yield lost(article.page_url, error)
        return
    if text is None:
        host = host_of(article.page_url) or "its publisher"
        reason = f"no open full text at Europe PMC, and programs may not read the pages of {host}"
        yield _unread(article.name, article.page_url, reason)
    elif not text.figures:
        yield unparsed(article.page_url, "fig graphic" if article.pmcid else "figure img")
    else:
        yield from _figure_items(_with_text_facts(article, text), text.figures, files)


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
    return FullText(tuple(figures), next((name for link in links if (name := creative_commons(link))), None))


def label_of_figure(words: str, article: Article) -> tuple[str | None, str]:
    """(label of a picture, the words that decided it).

    The caption decides, by the rules for findings; "normal" counts only for people who are called healthy. If a caption
    mentions no disease, the title of a case report decides: such a report is about one disease.
    """
    label = label_in_text(words, rt_pcr_in_text(words))
    if label == "normal" and not HEALTHY.search(words):
        label = None
    if label is None and article.is_case_report and not COVID.search(words) and not HEALTHY.search(words):
        title_label = label_in_text(article.title)
        if title_label in ("covid", "cap") and rt_pcr_in_text(words) != "negative":
            return title_label, f"{article.title}: {words}"
    return label, words


def _searched(web: Web) -> list[Article] | None:
    """The articles of the search in an offline copy; None if the copy has no search."""
    articles: list[Article] = []
    cursor: str | None = "*"
    for _ in range(API_ANSWERS):
        if cursor is None:
            break
        try:
            answer = web.get(SEARCH + quote(cursor, safe="")).json()
        except WebError as error:
            if articles or not error.is_gone:
                raise
            return None
        articles += parse_answer(answer)
        cursor = next_cursor(answer, cursor)
    return articles


def _full_text(web: Web, article: Article, files: ArticleFiles) -> FullText | None:
    """The text of an article: Europe PMC's, else the one in PMC's package, else the publisher's page.

    Raises:
        RefusedTextError: the text is refused.
        WebError: the publisher's page cannot be fetched.
    """
    if article.pmcid:
        page = optional(lambda: web.get(f"{REST}/{article.pmcid}/fullTextXML"))
        content = page.content if page is not None else files.packed_text()
        if content is not None:
            return parse_jats(content)
    if not _may_read_page(web, article):
        return None
    page = web.get(article.page_url)
    return parse_page(page.text, article.page_url)


def _may_read_page(web: Web, article: Article) -> bool:
    host = host_of(article.page_url) or ""
    if web.offline:
        return is_among(host, Papers.hosts)
    return is_among(host, OPEN_HOSTS) and (article.licence or "").startswith("cc")


def _figure_items(article: Article, figures: tuple[Figure, ...], files: ArticleFiles) -> Iterator[Item]:
    """Rows of all figures; a figure without a film is a row that is not fetched."""
    entries = [figure for place, figure in {figure.places: figure for figure in figures}.items() if place]
    for name, figure in distinct(entries, key=_file_name, tie=lambda figure: figure.label):
        item_id = f"{article.name}/{name}"
        named = modalities_in_text(figure.caption)
        if "X-ray" not in named:
            whole = Caption(figure.caption, figure.caption)
            item = _item(article, figure, item_id, whole, files.expected(figure))
            yield replace(item, skip=CT_BY_CAPTION if named == {"CT"} else NO_FILM)
        else:
            yield from _panel_items(article, figure, item_id, files.find(figure))


def _panel_items(article: Article, figure: Figure, item_id: str, file: FigureFile) -> Iterator[Item]:
    """One row for a figure of one picture, else one for each of its panels."""
    if not file.panels:
        yield _item(article, figure, item_id, Caption(figure.caption, figure.caption), file)
    captions = _panel_captions(figure.caption, file.panels)
    for letter, box, caption in zip(LETTERS, file.panels, captions, strict=False):
        item = _item(article, figure, f"{item_id}#{letter}", caption, file)
        yield replace(item, box=box, panel=letter)


def _panel_captions(caption: str, panels: tuple[Box, ...]) -> list[Caption]:
    """The caption of each panel; if the caption does not distinguish them, the text about all of them."""
    lead, texts = panel_texts(caption)
    if len(texts) != len(panels):
        return [Caption(lead, lead)] * len(panels)
    return [Caption(f"{lead} {text}".strip(), text if modalities_in_text(text) else f"{lead} {text}") for text in texts]


def _item(article: Article, figure: Figure, item_id: str, caption: Caption, file: FigureFile) -> Item:
    label, finding = label_of_figure(caption.text, article)
    facts = caption_facts(caption.view_text)
    age, people = age_in_text(caption.text), set(PATIENT.findall(caption.text))
    licence = creative_commons(article.licence) or article.licence
    return Item(
        item_id=item_id,
        url=file.url,
        member=file.member,
        alternates=file.alternates,
        page_url=article.page_url,
        label=label,
        finding=finding[:500] or None,
        view=facts.view,
        modality=facts.modality,
        patient_id=f"{article.name}/{people.pop()}" if len(people) == 1 else None,
        study_id=article.name,
        age=age,
        sex=sex_in_text(caption.text),
        pediatric=is_child(age, caption.text),
        offset_days=day_in_text(caption.text),
        rt_pcr=rt_pcr_in_text(caption.text),
        licence=licence,
        attribution=", ".join(part for part in (_cited(article), figure.label) if part),
        redistributable=is_free(licence),
        skip=facts.skip,
    )


def _with_text_facts(article: Article, text: FullText) -> Article:
    """The article with the license and kind that its own text states, if it does."""
    is_report = article.is_case_report or text.is_case_report
    return replace(article, licence=text.licence or article.licence, is_case_report=is_report)


def _cited(article: Article) -> str:
    return f"doi:{article.doi}" if article.doi else article.name


def _file_name(figure: Figure) -> str:
    place = figure.places[0]
    return place.partition("?")[0].rstrip("/").rpartition("/")[2][-150:] if "://" in place else place


def _unread(name: str, url: str, reason: str) -> Item:
    return Item(item_id=f"article {name}", url=url, page_url=url, skip=reason)


SOURCE = Papers()
