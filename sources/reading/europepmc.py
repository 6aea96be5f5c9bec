"""Europe PMC's search (https://europepmc.org/RestfulWebService): articles by DOI, PMCID or PubMed id."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from sources.core.addresses import web_address

REST = "https://www.ebi.ac.uk/europepmc/webservices/rest"
SEARCH = f'{REST}/search?query=COVID-19+AND+"chest+radiograph"&format=json&resultType=core&pageSize=10&cursorMark='
PMCID = re.compile(r"\bPMC\d{1,9}\b", re.IGNORECASE)
DOI = re.compile(r"\b10\.\d{4,9}/[^\s\"<>?#]{1,200}")
PUBMED = re.compile(r"(?:/(?:med|pubmed)/|pubmed\.ncbi\.nlm\.nih\.gov/)(\d{1,9})\b", re.IGNORECASE)
AFTER_DOI = re.compile(r"/(?:full|fulltext|pdf|epdf|abstract|html|meta|figures(?:/\d+)?)$")


@dataclass(frozen=True)
class Article:
    """What the search says of an article.

    Attributes:
        name: its PMCID, else DOI, else PubMed id.
        page_url: its page at Europe PMC, or where else it can be read; ``pmcid`` is None without a full text there.
        licence: the search's word ("cc by-nc"), or None.
        is_case_report, is_retracted: by the types of the publication.
    """

    name: str
    pmcid: str | None
    doi: str | None
    page_url: str
    title: str = ""
    licence: str | None = None
    is_case_report: bool = False
    is_retracted: bool = False


def question(text: str) -> str | None:
    """Address of the search for the article that ``text`` names: a DOI, a PMCID, or an address with one of them."""
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


def parse_answer(found: Any) -> list[Article]:
    """The articles in an answer of the search, whatever it is; an entry without any identifier is left out."""
    results = _mapping(_mapping(found).get("resultList")).get("result")
    return [article for result in _list(results) if (article := _article(_mapping(result)))]


def next_cursor(found: Any, cursor: str) -> str | None:
    """The cursor of the answer that follows; None at the end, where it is absent or stands still."""
    following = _text(_mapping(found).get("nextCursorMark"))
    return following if following and following != cursor and re.fullmatch(r"[\w=+/-]{1,400}", following) else None


def _article(entry: Mapping[str, Any]) -> Article | None:
    pmcid = _only(PMCID, _text(entry.get("pmcid")))
    doi = _only(DOI, _text(entry.get("doi")))
    identity = _text(entry.get("id"))
    name = pmcid or (f"doi:{doi}" if doi else f"{_text(entry.get('source'))}:{identity[:100]}" if identity else None)
    if name is None:
        return None
    kinds = {_text(kind).lower() for kind in _list(_mapping(entry.get("pubTypeList")).get("pubType"))}
    return Article(
        name=name,
        pmcid=pmcid,
        doi=doi,
        page_url=f"https://europepmc.org/article/PMC/{pmcid}" if pmcid else _page(entry, doi),
        title=_text(entry.get("title"))[:500],
        licence=_text(entry.get("license")).lower() or None,
        is_case_report=bool(kinds & {"case-report", "case reports"}),
        is_retracted="retracted publication" in kinds,
    )


def _page(entry: Mapping[str, Any], doi: str | None) -> str:
    links = [_mapping(link) for link in _list(_mapping(entry.get("fullTextUrlList")).get("fullTextUrl"))]
    told = (web_address(_text(link.get("url"))) for link in links if link.get("documentStyle") == "html")
    source, identity = _text(entry.get("source")) or "MED", _text(entry.get("id"))
    fallback = f"https://doi.org/{doi}" if doi else f"https://europepmc.org/article/{quote(f'{source}/{identity}')}"
    return next((address for address in told if address), fallback)


def _only(pattern: re.Pattern[str], text: str) -> str | None:
    return text if pattern.fullmatch(text) else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""
