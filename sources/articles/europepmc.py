"""Europe PMC's search (https://europepmc.org/RestfulWebService): articles by DOI, PMCID or PubMed id."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from sources.core.addresses import web_address
from sources.core.errors import WebError
from sources.core.layouts import JSON, Layout
from sources.core.web import Page
from sources.reading.answers import mapping, mappings, string

REST = "https://www.ebi.ac.uk/europepmc/webservices/rest"
SEARCH = f'{REST}/search?query=COVID-19+AND+"chest+radiograph"&format=json&resultType=core&pageSize=10&cursorMark='
SEARCH_ANSWER = Layout(
    "Europe PMC, answer of the search",
    seen="2026-11",
    addresses=rf"^{re.escape(REST)}/search\?",
    fields={"article": "resultList.result[].id"},
    facts={
        "pmcid": "resultList.result[].pmcid",
        "doi": "resultList.result[].doi",
        "title": "resultList.result[].title",
        "license": "resultList.result[].license",
        "kind": "resultList.result[].pubTypeList.pubType[]",
        "cursor": "nextCursorMark",
    },
    kind=JSON,
)
PMCID = re.compile(r"\bPMC\d{1,9}\b", re.IGNORECASE)
DOI = re.compile(r"\b10\.\d{4,9}/[^\s\"<>?#]{1,200}")
PUBMED = re.compile(r"(?:/(?:med|pubmed)/|pubmed\.ncbi\.nlm\.nih\.gov/)(\d{1,9})\b", re.IGNORECASE)
AFTER_DOI = re.compile(r"/(?:full|fulltext|pdf|epdf|abstract|html|meta|figures(?:/\d+)?)$")


@dataclass(frozen=True)
class Article:
    """An article as the search describes it.

    Attributes:
        name: its PMCID, else DOI, else PubMed id.
        pmcid: None if Europe PMC has no full text.
        page_url: its page at Europe PMC, or where else it can be read.
        licence: in the search's words ("cc by-nc"), or None.
        is_case_report, is_retracted: by the publication types.
        is_described: did the search describe it? Otherwise only its PMCID is known.
    """

    name: str
    pmcid: str | None
    doi: str | None
    page_url: str
    title: str = ""
    licence: str | None = None
    is_case_report: bool = False
    is_retracted: bool = False
    is_described: bool = True


def search_address(text: str) -> str | None:
    """The search for the article that ``text`` names: a DOI, a PMCID, or an address that contains one; else None."""
    words = unquote(text)
    if pmcid := PMCID.search(words):
        query = f"PMCID:{pmcid[0].upper()}"
    elif pubmed := PUBMED.search(words):
        query = f"EXT_ID:{pubmed[1]} AND SRC:MED"
    elif doi := DOI.search(words):
        query = f'DOI:"{AFTER_DOI.sub("", doi[0]).rstrip(".,;")}"'
    else:
        return None
    return f"{REST}/search?query={quote(query, safe='')}&format=json&resultType=core"


def parse_answer(answer: Any) -> list[Article]:
    """The articles in an answer of the search, whatever it is; an entry without any identifier is left out."""
    results = mapping(mapping(answer).get("resultList")).get("result")
    return [article for entry in mappings(results) if (article := _article(entry))]


def is_empty(page: Page) -> bool:
    """Is an answer of the search without articles? Under load Europe PMC gives such answers to any question."""
    try:
        return not parse_answer(page.json())
    except WebError:
        return True


def by_pmcid(text: str) -> Article | None:
    """The article whose PMCID is in ``text``, without what the search says about it; None without a PMCID."""
    match = PMCID.search(unquote(text))
    if match is None:
        return None
    pmcid = match[0].upper()
    return Article(pmcid, pmcid, None, f"https://europepmc.org/article/PMC/{pmcid}", is_described=False)


def next_cursor(answer: Any, cursor: str) -> str | None:
    """The cursor of the next answer; None at the end, where it is absent or does not move."""
    following = _words(mapping(answer).get("nextCursorMark"))
    return following if following and following != cursor and re.fullmatch(r"[\w=+/-]{1,400}", following) else None


def _article(entry: Mapping[str, Any]) -> Article | None:
    pmcid = _only(PMCID, _words(entry.get("pmcid")))
    doi = _only(DOI, _words(entry.get("doi")))
    identity = _words(entry.get("id"))
    name = pmcid or (f"doi:{doi}" if doi else f"{_words(entry.get('source'))}:{identity[:100]}" if identity else None)
    if name is None:
        return None
    types = mapping(entry.get("pubTypeList")).get("pubType")
    kinds = {_words(kind).lower() for kind in types} if isinstance(types, list) else set()
    return Article(
        name=name,
        pmcid=pmcid,
        doi=doi,
        page_url=f"https://europepmc.org/article/PMC/{pmcid}" if pmcid else _page(entry, doi),
        title=_words(entry.get("title"))[:500],
        licence=_words(entry.get("license")).lower() or None,
        is_case_report=bool(kinds & {"case-report", "case reports"}),
        is_retracted="retracted publication" in kinds,
    )


def _page(entry: Mapping[str, Any], doi: str | None) -> str:
    links = mappings(mapping(entry.get("fullTextUrlList")).get("fullTextUrl"))
    pages = (web_address(_words(link.get("url"))) for link in links if link.get("documentStyle") == "html")
    source, identity = _words(entry.get("source")) or "MED", _words(entry.get("id"))
    fallback = f"https://doi.org/{doi}" if doi else f"https://europepmc.org/article/{quote(f'{source}/{identity}')}"
    return next((page for page in pages if page), fallback)


def _only(pattern: re.Pattern[str], text: str) -> str | None:
    return text if pattern.fullmatch(text) else None


def _words(value: Any) -> str:
    """A string with single spaces; "" for anything else."""
    return " ".join(string(value).split())
