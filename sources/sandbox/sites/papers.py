"""Draws Europe PMC: the search's answers, full texts in JATS, figures, packages of PMC.

Traps: an article without open full text, one without figures, a figure of a CT, a cursor that stands still at the end.
"""

import json
from collections.abc import Iterator, Sequence

import numpy as np

from sources.papers import BINARY, PACKAGES, REST, SEARCH
from sources.sandbox.film import Film
from sources.sandbox.sites.markup import grouped, number, text
from sources.sandbox.sites.packing import mirror_path, tar_gz

ARTICLES_PER_PAGE = 10
SEXES = {"F": "woman", "M": "man"}
VIEWS = {"PA": ", PA view", "AP": ", AP view", "L": ", lateral view"}
PACKED = 5  # every so manieth article has its figures in the package alone


def render(films: Sequence[Film], rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yield (mirror path, content) of the answers, the full texts, the figures and the packages."""
    articles = grouped(films, lambda film: film.patient_id)
    results = [_result(_pmcid(article)) for article in articles]
    results += [{"doi": "10.9999/closed.1", "isOpenAccess": "N"}, _result("PMC9999999")]
    yield mirror_path(f"{REST}/PMC9999999/fullTextXML"), _jats([])
    pages = [results[start : start + ARTICLES_PER_PAGE] for start in range(0, len(results), ARTICLES_PER_PAGE)]
    for place, page in enumerate(pages):
        cursor = "%2A" if place == 0 else f"page{place}"
        following = f"page{min(place + 1, len(pages) - 1)}"
        answer = {"hitCount": len(results), "nextCursorMark": following, "resultList": {"result": page}}
        yield mirror_path(SEARCH.format(cursor=cursor)), json.dumps(answer, indent=1).encode()
    for place, article in enumerate(articles):
        yield from _article(article, is_packed=place % PACKED == PACKED - 1)


def _article(films: Sequence[Film], is_packed: bool) -> Iterator[tuple[str, bytes]]:
    pmcid = _pmcid(films)
    figures = [(f"fig{place + 1}", _caption(film)) for place, film in enumerate(films)]
    yield mirror_path(f"{REST}/{pmcid}/fullTextXML"), _jats([*figures, ("fig99", "Axial chest CT (COVID-19).")])
    if is_packed:
        members = {f"{pmcid}/fig{place + 1}.jpg": film.data for place, film in enumerate(films)}
        address = f"https://ftp.ncbi.nlm.nih.gov/pub/pmc/oa_package/{pmcid[-2:]}/{pmcid}.tar.gz"
        yield mirror_path(address), tar_gz({f"{pmcid}/{pmcid}.nxml": b"<article/>", **members})
        link = f'<link format="tgz" href="{address.replace("https", "ftp", 1)}"/>'
        yield mirror_path(PACKAGES.format(pmcid=pmcid)), f"<OA><records><record>{link}</record></records></OA>".encode()
        return
    for place, film in enumerate(films):
        name = f"fig{place + 1}.{film.extension.lstrip('.')}"
        yield mirror_path(BINARY.format(pmcid=pmcid, name=name)), film.data


def _result(pmcid: str) -> dict[str, object]:
    return {"pmcid": pmcid, "doi": f"10.9999/{pmcid.lower()}", "isOpenAccess": "Y", "license": "cc by"}


def _jats(figures: Sequence[tuple[str, str]]) -> bytes:
    body = "".join(
        f'<fig id="{name}"><label>{name}</label><caption><p>{text(caption)}</p></caption>'
        f'<graphic xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="{name}"/></fig>'
        for name, caption in figures
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<article><body><sec>{body}</sec></body></article>'.encode()


def _caption(film: Film) -> str:
    what = "Chest CT" if film.stated_view == "CT" else f"Chest X-ray{VIEWS.get(film.stated_view or '', '')}"
    age = f"{film.stated_age:.0f}-year-old " if film.stated_age else ""
    who = f" of a {age}{SEXES[film.stated_sex]}" if film.stated_sex else ""
    return f"{what}{who}, day {film.offset_days} ({film.finding})."


def _pmcid(films: Sequence[Film]) -> str:
    return f"PMC{number(films[0].patient_id, 7)}"
