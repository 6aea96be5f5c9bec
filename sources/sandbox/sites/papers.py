"""Europe PMC and PMC's open bucket: search answers, full texts in JATS, figures in each place that may hold them.

The places are those of today (the bucket, supplementary files, a publisher's page) and of before August 2026 (Europe
PMC's folder of figures). Traps: an article without open full text, one without figures, two retracted ones, figures
with CT or a chart, a cursor that repeats at the end, a supplementary archive without figures, thumbnails beside the
figures, a list of files in two answers, an older version of an article.
"""

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from sources.articles.europepmc import REST, SEARCH
from sources.articles.figures import FOLDER, SUPPLEMENT
from sources.articles.pmc_bucket import BUCKET, listing_address
from sources.sandbox.film import Film
from sources.sandbox.markup import PIXEL, grouped, number, page, text
from sources.sandbox.packing import mirror_path, zip_archive

ARTICLES_PER_ANSWER = 10
SEXES = {"F": "woman", "M": "man"}
VIEWS = {"PA": ", PA view", "AP": ", AP view", "AP_SUPINE": ", supine AP view", "L": ", lateral view"}
PUBLISHER = "https://sandbox.biomedcentral.com"
EMPTY, CLOSED, RETRACTED, WITHDRAWN = "PMC9999999", "10.9999/closed.1", "PMC9999998", "PMC9999997"
THUMBNAIL = b64decode(PIXEL.partition(",")[2])
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

Files = Iterator[tuple[str, bytes]]


def render(films: Sequence[Film], rng: np.random.Generator) -> Files:
    """Yield (mirror path, content) of the answers, the full texts, the figures and the archives."""
    articles = grouped(films, lambda film: film.patient_id)
    homes = [(_in_folder, _supplementary, _in_bucket, _published)[place % 4] for place in range(len(articles))]
    results = [_result(_pmcid(article), home is _published) for article, home in zip(articles, homes, strict=True)]
    yield from _answers([*results, *_traps()])
    yield mirror_path(f"{REST}/{EMPTY}/fullTextXML"), _jats([])
    yield from _bucket_folder(f"{WITHDRAWN}.1", {"fig1.jpg": THUMBNAIL}, _jats([]), is_retracted=True)
    for article, home in zip(articles, homes, strict=True):
        yield from home(_pmcid(article), article)


def _answers(results: Sequence[dict[str, object]]) -> Files:
    """Every answer names the next cursor; the last one repeats its own."""
    pages = [results[start : start + ARTICLES_PER_ANSWER] for start in range(0, len(results), ARTICLES_PER_ANSWER)]
    cursors = ["%2A", *(f"answer{place}" for place in range(1, len(pages)))]
    for cursor, following, entries in zip(cursors, [*cursors[1:], cursors[-1]], pages, strict=True):
        counts = {"hitCount": len(results), "nextCursorMark": following.replace("%2A", "*")}
        answer = counts | {"resultList": {"result": list(entries)}}
        yield mirror_path(SEARCH + cursor), json.dumps(answer, indent=1).encode()


def _result(pmcid: str, is_published: bool) -> dict[str, object]:
    doi = f"10.9999/{pmcid.lower()}"
    result: dict[str, object] = {"id": pmcid, "source": "MED", "doi": doi, "title": "Drawn", "license": "cc by"}
    if is_published:
        links = [{"documentStyle": "pdf", "url": "/a.pdf"}, {"documentStyle": "html", "url": _article_page(pmcid)}]
        return result | {"fullTextUrlList": {"fullTextUrl": links}}
    return result | {"pmcid": pmcid}


def _traps() -> list[dict[str, object]]:
    closed = {"documentStyle": "html", "url": "https://closed.example.org/article/1"}
    return [
        {"doi": CLOSED, "title": "Drawn", "fullTextUrlList": {"fullTextUrl": [closed]}},
        {"pmcid": RETRACTED, "pubTypeList": {"pubType": ["Retracted Publication"]}},
        {"pmcid": EMPTY, "title": "Drawn"},
        {"pmcid": WITHDRAWN, "title": "Drawn"},
        {"title": "an entry that names no article"},
    ]


def _in_folder(pmcid: str, films: Sequence[Film]) -> Files:
    """Each figure in Europe PMC's folder; the archive of supplementary files holds none."""
    yield mirror_path(f"{REST}/{pmcid}/fullTextXML"), _jats(films)
    yield mirror_path(SUPPLEMENT.format(pmcid=pmcid)), zip_archive({"table1.docx": b"drawn"})
    for name, film in zip(_names(films), films, strict=True):
        yield mirror_path(FOLDER.format(pmcid=pmcid, name=name)), film.data


def _supplementary(pmcid: str, films: Sequence[Film]) -> Files:
    """All figures in the archive of supplementary files."""
    yield mirror_path(f"{REST}/{pmcid}/fullTextXML"), _jats(films)
    yield mirror_path(SUPPLEMENT.format(pmcid=pmcid)), zip_archive(_with_thumbnails(films))


def _in_bucket(pmcid: str, films: Sequence[Film]) -> Files:
    """Text and figures in PMC's bucket alone; its older version has no figures."""
    yield mirror_path(f"{BUCKET}/{pmcid}.1/{pmcid}.1.xml"), _jats([])
    yield from _bucket_folder(f"{pmcid}.2", _with_thumbnails(films), _jats(films))


def _bucket_folder(version: str, files: Mapping[str, bytes], article: bytes, is_retracted: bool = False) -> Files:
    """The newest version of an article in the bucket, its files listed in two answers."""
    pmcid, _, newest = version.partition(".")
    folders = "".join(
        f"<CommonPrefixes><Prefix>{pmcid}.{n}/</Prefix></CommonPrefixes>" for n in range(1, int(newest) + 1)
    )
    yield mirror_path(listing_address(f"{pmcid}.")), _listing(folders)
    contents = {f"{version}.xml": article, **files}
    keys = [
        f"<Contents><Key>{version}/{name}</Key><Size>{len(content)}</Size></Contents>"
        for name, content in contents.items()
    ]
    yield mirror_path(listing_address(f"{version}/")), _listing("".join(keys[:2]), token="2/+=")
    yield mirror_path(listing_address(f"{version}/", "2/+=")), _listing("".join(keys[2:]))
    facts = {"pmcid": pmcid, "license_code": "CC BY", "is_retracted": is_retracted, "media_urls": []}
    yield mirror_path(f"{BUCKET}/metadata/{version}.json"), json.dumps(facts).encode()
    for name, content in contents.items():
        yield mirror_path(f"{BUCKET}/{version}/{name}"), content


def _listing(entries: str, token: str | None = None) -> bytes:
    more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>"
    following = more if token else "<IsTruncated>false</IsTruncated>"
    return (
        f'<?xml version="1.0"?>\n<ListBucketResult xmlns="{NAMESPACE}">{following}{entries}</ListBucketResult>'.encode()
    )


def _with_thumbnails(films: Sequence[Film]) -> dict[str, bytes]:
    """The figures by name, a thumbnail beside each."""
    names = zip(_names(films), films, strict=True)
    return {
        file: content
        for name, film in names
        for file, content in ((f"{name.rpartition('.')[0]}.gif", THUMBNAIL), (name, film.data))
    }


def _published(pmcid: str, films: Sequence[Film]) -> Files:
    """Text and figures on the page of a publisher that allows programs."""
    figures = "".join(
        f'<figure><figcaption><b>Fig. {place}</b></figcaption><a href="/{pmcid}/{name}"><img src="/s/{name}"></a>'
        f"<p>{text(_caption(film))}</p></figure>"
        for place, (name, film) in enumerate(zip(_names(films), films, strict=True), 1)
    )
    logo = '<img src="/static/logo.png">'
    yield mirror_path(_article_page(pmcid)), page("Drawn", f"<header>{logo}</header><article>{figures}</article>")
    for name, film in zip(_names(films), films, strict=True):
        yield mirror_path(f"{PUBLISHER}/{pmcid}/{name}"), film.data


def _article_page(pmcid: str) -> str:
    return f"{PUBLISHER}/articles/{pmcid.lower()}"


def _names(films: Sequence[Film]) -> list[str]:
    return [f"fig{place}.{film.extension.lstrip('.')}" for place, film in enumerate(films, 1)]


def _jats(films: Sequence[Film]) -> bytes:
    """A full text with the films, an axial CT and a chart; without films, no figure at all."""
    figures = [(name.rpartition(".")[0], _caption(film)) for name, film in zip(_names(films), films, strict=True)]
    figures += [("fig98", "Axial chest CT (COVID-19)."), ("fig99", "Cases per day.")] if films else []
    body = "".join(
        f'<fig id="{name}"><label>Fig. {place}</label><caption><p>{text(caption)}</p></caption>'
        f'<graphic xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="{name}"/></fig>'
        for place, (name, caption) in enumerate(figures, 1)
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<article><body><sec>{body}</sec></body></article>'.encode()


def _caption(film: Film) -> str:
    what = "Chest CT" if film.stated_view == "CT" else f"Chest X-ray{VIEWS.get(film.stated_view or '', '')}"
    age = f" of a {film.stated_age:g}-year-old" if film.stated_age is not None else " of a" if film.stated_sex else ""
    who = f"{age} {SEXES.get(film.stated_sex or '', 'patient')}" if age else ""
    day = f", day {film.offset_days}" if film.offset_days is not None else ""
    return f"{what}{who}{day} ({film.finding})."


def _pmcid(films: Sequence[Film]) -> str:
    return f"PMC{number(films[0].patient_id, 7)}"
