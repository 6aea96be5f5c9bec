"""Peer-reviewed papers: Europe PMC's search -> open full texts (JATS) -> figures, one row per panel.

The catalog lists the papers by DOI and PMCID; an offline copy may contain Europe PMC's search instead. Text and figures
come from PMC's open bucket, else from Europe PMC's full text and supplementary files. PMC's own pages are never read. A
publisher's page is read only for an article under a Creative Commons license whose publisher does not forbid it. Every
other article is a row with the reason.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote

from sources.articles.europepmc import (
    SEARCH,
    SEARCH_ANSWER,
    Article,
    by_pmcid,
    is_empty,
    next_cursor,
    parse_answer,
    search_address,
)
from sources.articles.figures import JATS, SUPPLEMENTARY_FILES, ArticleFiles, FigureFile, Files
from sources.articles.jats import Figure, FullText, parse_jats
from sources.articles.pmc_bucket import LISTING, METADATA, BucketArticle
from sources.core.addresses import host_of, is_among
from sources.core.errors import RefusedTextError, WebError
from sources.core.items import Item, once, unparsed
from sources.core.limits import API_ANSWERS
from sources.core.source import Source, Terms
from sources.core.web import Web
from sources.language.ages import age_in_text, is_child
from sources.language.captions import SEVERAL, Picture, read_caption
from sources.language.emphasis import marked, unmarked
from sources.language.labels import label_of_picture
from sources.language.panel_letters import LETTERS
from sources.language.words import day_in_text, rt_pcr_in_text, sex_in_text
from sources.reading.catalogs import catalog
from sources.reading.html import attribute, lost, outermost, picture_addresses, soup, words_of
from sources.reading.licences import creative_commons, is_free
from sources.reading.tables import distinct

OPEN_PUBLISHERS = (  # their terms, as far as known, do not forbid programs
    *("biomedcentral.com", "springernature.com", "nature.com", "thno.org", "cureus.com", "jkms.org", "kjronline.org"),
)
OPEN_HOSTS = tuple(f"{dot}{host}" for host in OPEN_PUBLISHERS for dot in ("", "."))
CLOSED_HOSTS = (  # read in an offline copy only
    *("www.sciencedirect.com", "ars.els-cdn.com", "pubs.rsna.org", "www.heartrhythmcasereports.com"),
    "www.ncbi.nlm.nih.gov",
)
RETRACTED = "the article was retracted"
EMPTY_ANSWER = "Europe PMC's answer is empty: it is busy or does not have the article; fetch again later"
PATIENT = re.compile(r"\b(?:patient|case)\s+(?:no\.?\s*|#\s*)?(\d{1,2})\b", re.IGNORECASE)


WHOLE = (0, 0, 0, 0)  # stands for the box of a picture that is a file of its own


class Papers(Source):
    """Chest films in the figures of peer-reviewed papers."""

    name = "papers"
    title = "Peer-reviewed papers (Europe PMC)"
    homepage = "https://europepmc.org"
    labels = ("covid", "cap", "normal", "other")
    hosts = ("www.ebi.ac.uk", "pmc-oa-opendata.s3.amazonaws.com", "europepmc.org", *OPEN_HOSTS, *CLOSED_HOSTS)
    api_hosts = ("www.ebi.ac.uk/europepmc/webservices/rest", "pmc-oa-opendata.s3.amazonaws.com")
    layouts = (SEARCH_ANSWER, LISTING, METADATA, JATS, SUPPLEMENTARY_FILES)
    terms = Terms(licence="per article", url="https://europepmc.org/Copyright")
    has_pages = True
    names_pages_freely = True  # DOIs and PMCIDs, alone or in any address

    def items(self, web: Web) -> Iterator[Item]:
        """Every figure of every article in the list; a panel of a composite figure is a row of its own."""
        articles = _searched(web) if web.offline else None
        if articles is None:
            yield from once(self._cataloged(web))
        else:
            yield from once(item for article in articles for item in read_article(web, article))

    def page_items(self, web: Web, url: str) -> Iterator[Item]:
        """The figures of the article that ``url`` names: a DOI, a PMCID, or an address that contains one."""
        article = _article(web, url)
        yield from [article] if isinstance(article, Item) else read_article(web, article)

    def _cataloged(self, web: Web) -> Iterator[Item]:
        """The figures of the articles in the catalog; what Europe PMC did not find is requested again in the end."""
        again = []
        for url in catalog("papers"):
            article = _article(web, url)
            if isinstance(article, Item) and search_address(url) and not web.offline:
                again.append(url)
            else:
                yield from [article] if isinstance(article, Item) else read_article(web, article)
        for url in again:
            yield from self.page_items(web, url)


def read_article(web: Web, article: Article) -> Iterator[Item]:
    """The figures of an article; one row with the reason if there is no way to them."""
    files = ArticleFiles(web, article.pmcid)
    if article.is_retracted or (files.bucket and files.bucket.is_retracted):
        yield _unread(article.name, article.page_url, RETRACTED)
        return
    try:
        text = _full_text(web, article, files)
    except RefusedTextError as error:
        yield _unread(article.name, article.page_url, f"parse: {error}")
        return
    except WebError as error:
        yield lost(article.page_url, error)
        return
    if text is None:
        yield _unread(article.name, article.page_url, _no_text(article))
    elif not text.figures:
        yield unparsed(article.page_url, "fig graphic" if article.pmcid else "figure img")
    else:
        yield from figure_items(_with_text_facts(article, text, files.bucket), text.figures, files)


def parse_page(content: str, base: str) -> FullText:
    """The figures of a publisher's page: pictures with a caption."""
    tree = soup(content)
    figures = []
    for block in outermost(tree, "figure"):
        image = block.select_one("img")
        addresses = picture_addresses(image, base) if image is not None else []
        large = [re.sub(r"/lw\d{2,4}/", "/full/", address) for address in addresses if "springernature" in address]
        label = words_of(block.select_one("figcaption b, figcaption strong"))
        for letter in block.select("b, strong, i, em"):
            letter.string = marked(letter.name, letter.get_text())
        caption, emphasized = unmarked(words_of(block))
        if addresses and caption:
            figures.append(Figure(label.rstrip(" ."), caption, tuple(dict.fromkeys([*large, *addresses])), emphasized))
    links = (attribute(link, "href") for link in tree.select('a[rel~="license"], a[href*="creativecommons.org"]'))
    return FullText(tuple(figures), next((name for link in links if (name := creative_commons(link))), None))


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


def _article(web: Web, url: str) -> Article | Item:
    """The article that an address names, or the row with the reason why it is not known."""
    address = search_address(url)
    if address is None:
        return _unread(url, url, "the address contains no DOI, PMCID or PubMed id")
    known = by_pmcid(url)  # its text and files can be found without the search
    try:
        articles = parse_answer(web.get(address, suspect=is_empty).json())
    except WebError as error:
        return known or lost(url, error)
    return articles[0] if articles else known or _unread(url, url, EMPTY_ANSWER)


def _full_text(web: Web, article: Article, files: ArticleFiles) -> FullText | None:
    """The text of an article: PMC's or Europe PMC's, else the publisher's page.

    Raises:
        RefusedTextError: the text is refused.
        WebError: the publisher's page cannot be fetched.
    """
    content = files.text()
    if content is not None:
        return parse_jats(content)
    if not article.is_described or not _may_read_page(web, article):
        return None
    page = web.get(article.page_url)
    return parse_page(page.text, article.page_url)


def _no_text(article: Article) -> str:
    if not article.is_described:
        return EMPTY_ANSWER
    host = host_of(article.page_url) or "its publisher"
    return f"no open full text at Europe PMC, and programs may not read the pages of {host}"


def _may_read_page(web: Web, article: Article) -> bool:
    host = host_of(article.page_url) or ""
    if web.offline:
        return is_among(host, Papers.hosts)
    return is_among(host, OPEN_HOSTS) and (article.licence or "").startswith("cc")


def figure_items(article: Article, figures: tuple[Figure, ...], files: Files) -> Iterator[Item]:
    """Rows of all figures; a figure without a film is a row that is not fetched."""
    entries = [figure for place, figure in {figure.places: figure for figure in figures}.items() if place]
    for name, figure in distinct(entries, key=_file_name, tie=lambda figure: figure.label):
        item_id = f"{article.name}/{name}"
        pictures = read_caption(figure.caption, title=article.title, emphasized=figure.emphasized)
        if pictures[0].skip in (None, SEVERAL):
            yield from _panel_items(article, figure, item_id, files.find(figure))
        else:
            yield _item(article, figure, item_id, pictures[0], files.expected(figure))


def _panel_items(article: Article, figure: Figure, item_id: str, file: FigureFile) -> Iterator[Item]:
    """One row for a figure of one picture, else one for each of its panels."""
    boxes = file.panels or (WHOLE,) * figure.parts
    pictures = read_caption(figure.caption, boxes, article.title, figure.emphasized)
    if not file.panels:
        yield _item(article, figure, item_id, pictures[figure.part], file)
    for letter, box, picture in zip(LETTERS, file.panels, pictures, strict=False):
        item = _item(article, figure, f"{item_id}#{letter}", picture, file)
        yield replace(item, box=box, panel=letter)


def _item(article: Article, figure: Figure, item_id: str, picture: Picture, file: FigureFile) -> Item:
    words, texts = picture.words, (picture.own, f"{picture.own} {picture.base}", picture.words)
    label = label_of_picture(texts, article.title, article.is_case_report)
    age = next((age for text in texts if (age := age_in_text(text)) is not None), None)
    people = set(PATIENT.findall(words))
    licence = creative_commons(article.licence) or article.licence
    return Item(
        item_id=item_id,
        url=file.url,
        member=file.member,
        alternates=file.alternates,
        page_url=article.page_url,
        label=label.label,
        finding=label.words[:500] or None,
        view=picture.view,
        modality=picture.modality,
        patient_id=f"{article.name}/{people.pop()}" if len(people) == 1 else None,
        study_id=article.name,
        age=age,
        sex=next((sex for text in texts if (sex := sex_in_text(text))), None),
        pediatric=is_child(age, words),
        offset_days=day_in_text(words),
        rt_pcr=rt_pcr_in_text(words),
        licence=licence,
        attribution=", ".join(part for part in (_cited(article), figure.label) if part),
        redistributable=is_free(licence),
        skip=picture.skip or file.missing,
    )


def _with_text_facts(article: Article, text: FullText, bucket: BucketArticle | None) -> Article:
    """The article with what its own text states, else PMC, about license and title."""
    return replace(
        article,
        licence=text.licence or (bucket.licence if bucket else None) or article.licence,
        title=article.title or text.title or (bucket.title if bucket else ""),
        doi=article.doi or (bucket.doi if bucket else None),
        is_case_report=article.is_case_report or text.is_case_report,
    )


def _cited(article: Article) -> str:
    return f"doi:{article.doi}" if article.doi else article.name


def _file_name(figure: Figure) -> str:
    place = figure.places[0]
    return place.partition("?")[0].rstrip("/").rpartition("/")[2][-150:] if "://" in place else place


def _unread(name: str, url: str, reason: str) -> Item:
    return Item(item_id=f"article {name}", url=url, page_url=url, skip=reason)


SOURCE = Papers()
