"""Radiopaedia: search pages, case pages in both layouts, stacks as JSON, pictures in three sizes.

Traps: articles among the hits, thumbnails of other cases, pictures that load late, hits with ``?lang=us`` and ``gb``, a
case without a study, a case that is gone, originals that are gone while a scaled copy remains.
"""

import json
from collections.abc import Iterator, Sequence

import numpy as np

from sources.radiopaedia import Radiopaedia
from sources.radiopaedia_normal import RadiopaediaNormal
from sources.reading.radiopaedia_pages import SITE
from sources.sandbox.film import Film
from sources.sandbox.markup import PIXEL, grouped, hex_name, number, page, text, years
from sources.sandbox.packing import mirror_path

PICTURES = "https://prod-images-static.radiopaedia.org/images"
HITS_PER_PAGE = 20
WORDS = {"PA": "PA", "AP": "AP", "AP_SUPINE": "AP supine"}
SEXES = {"F": "Female", "M": "Male"}
QUERIES = {Radiopaedia.name: Radiopaedia.query, RadiopaediaNormal.name: RadiopaediaNormal.query}
FRONTAL = ("PA", "AP", "AP_SUPINE")


def render(films: Sequence[Film], rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yield (mirror path, content) of the search pages of each source among ``films``, the cases and the pictures."""
    for part in grouped(films, lambda film: film.source):
        query = QUERIES.get(part[0].source, Radiopaedia.query)
        cases = grouped(part, lambda film: (film.patient_id, film.finding, film.stated_age, film.stated_sex))
        slugs = [_slug(case[0]) for case in cases]
        yield from _search(query, [*slugs, f"{query[:6]}-without-study", f"{query[:6]}-gone"])
        yield from _case_page(f"{query[:6]}-without-study", "Withdrawn", _about("Withdrawn", 10_000), [])
        for position, case in enumerate(cases):
            yield from _case(case, slugs[position], slugs[position - 1], is_old=bool(rng.random() < 0.5))
            for film in case:
                yield from _picture(film, has_original=bool(rng.random() < 0.8))


def _search(query: str, slugs: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    pages = [slugs[start : start + HITS_PER_PAGE] for start in range(0, len(slugs), HITS_PER_PAGE)]
    for index, hits in enumerate([*pages, []], start=1):
        listed = "".join(_hit(slug, position) for position, slug in enumerate(hits))
        article = '<a class="search-result search-result-article" href="/articles/chest?lang=us"><h4>Article</h4></a>'
        following = f'<a class="next_page" rel="next" href="{text(_search_url(query, index + 1))}">Next</a>'
        pager = f'<div class="pagination" role="navigation">{following if index < len(pages) else ""}</div>'
        nothing = "" if hits else "<p>No results were found with these refinement filters applied.</p>"
        yield mirror_path(SITE + _search_url(query, index)), page("Search", article + listed + nothing + pager)


def _search_url(query: str, index: int) -> str:
    return f"/search?lang=us&page={index}&q={query}&scope=cases"


def _hit(slug: str, position: int) -> str:
    host = SITE if position % 3 == 0 else ""
    language = "gb" if position % 5 == 4 else "us"
    thumbnail = f'<img class="media-object centered-image" src="{PICTURES}/1/{hex_name(slug, 30)}_thumb.jpeg">'
    title = f'<h4 class="search-result-title-text">{slug}</h4><span class="published">Published 5 Apr 2020</span>'
    link = f"{host}/cases/{slug}?lang={language}"
    return f'<a class="search-result search-result-case" href="{link}">{thumbnail}{title}</a>'


def _case(case: Sequence[Film], slug: str, other: str, is_old: bool) -> Iterator[tuple[str, bytes]]:
    first = case[0]
    rid = _rid(first)
    studies = grouped(case, _study_key)
    blocks = [_study(study, rid, is_old) for study in studies]
    related = f'<a href="/cases/{other}"><img src="{PICTURES}/1/{hex_name(other, 30)}_thumb.jpeg"></a>'
    patient = _patient(first)
    aside = f'<aside class="related-cases">{related}</aside>'
    yield from _case_page(slug, first.finding, _about(first.finding, rid), [patient, *blocks, aside])
    for study in studies:
        path = f"{SITE}/studies/{_study_id(study[0])}/stacks?lang=us"
        if is_old:
            yield mirror_path(path), json.dumps(_stacks(study)).encode()
        else:
            script = f"<script>var stackedImages = {json.dumps(_stacks(study))};</script>"
            yield mirror_path(f"{SITE}{_fullscreen(study, rid)}"), page("Study", script)


def _case_page(slug: str, title: str, about: str, blocks: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    certainty = '<span class="diagnostic-certainty-title">Diagnosis certain</span>'
    head = f'<h1 class="header-title">{text(title)}</h1>{certainty}{about}'
    yield mirror_path(f"{SITE}/cases/{slug}?lang=us"), page(title, head + "".join(blocks))


def _about(title: str, rid: int) -> str:
    rows = {"Citation:": f"Drawn A. {title}. Case study, Radiopaedia.org", "rID:": rid, "Systems:": "Chest"}
    cells = "".join(
        f'<div class="row"><div class="col-sm-3"><strong>{name}</strong></div>'
        f'<div class="col-sm-8">{text(value)}</div></div>'
        for name, value in rows.items()
    )
    return f'<div id="citation-info">{cells}</div>'


def _patient(film: Film) -> str:
    entries = {"Age": years(film.stated_age), "Gender": SEXES.get(film.stated_sex or "", "")}
    facts = "".join(
        f'<div class="data-item"><strong>{name}:</strong> {value}\n</div>' for name, value in entries.items() if value
    )
    return f'<div class="case-section" id="case-patient-data"><h2>Patient Data</h2>{facts}</div>' if facts else ""


def _study(study: Sequence[Film], rid: int, is_old: bool) -> str:
    """One study; the old layout has its number and the address of its stacks, the new one the number in an id."""
    first = study[0]
    number_ = _study_id(first)
    old = f' data-study-id="{number_}" data-study-stacks-url="/studies/{number_}/stacks?lang=us"' if is_old else ""
    modality = _modality(first)
    day = "" if first.offset_days is None else f"Day {first.offset_days} &ndash; "
    views = ", ".join(dict.fromkeys(_view_word(film) for film in study))
    return (
        f'<div class="well case-section case-study"{old}><div class="main-study-desc" id="study-{number_}">'
        f'<div class="study-desc"><h2>{modality}</h2></div><div class="study-modality"><span>{modality}</span></div>'
        f'<div class="sub-section study-findings body"><p>{day}Drawn study ({views}).</p></div></div>'
        f'<img id="offline-workflow-study-large-image" src="{PIXEL}">'
        f'<a class="view-fullscreen-link" href="{_fullscreen(study, rid)}">Full screen case</a></div>'
    )


def _stacks(study: Sequence[Film]) -> list[dict[str, object]]:
    images = [
        {
            "id": number(film.film_id, 8),
            "fullscreen_filename": _scaled(film),
            "public_filename": _original(film),
            "plane_projection": _plane(film),
            "position": position,
            "content_type": "image/jpeg",
        }
        for position, film in enumerate(study, start=1)
    ]
    return [{"modality": _modality(study[0]), "images": images}]


def _picture(film: Film, has_original: bool) -> Iterator[tuple[str, bytes]]:
    """The film as the original, or, if that is gone, as the copy for the full screen."""
    yield mirror_path(_original(film) if has_original else _scaled(film)), film.data


def _plane(film: Film) -> str | None:
    """The site's word for the view, which does not distinguish frontal views."""
    if film.stated_view is None:
        return "Frontal" if film.view in FRONTAL else None
    return {"L": "Lateral", "CT": "Axial"}.get(film.stated_view, "Frontal" if film.stated_view in FRONTAL else None)


def _modality(film: Film) -> str:
    return {"CT": "CT", "OTHER": "Ultrasound"}.get(film.stated_view or "", "X-ray")


def _view_word(film: Film) -> str:
    return "lateral" if film.stated_view == "L" else WORDS.get(film.stated_view or "", "view not stated")


def _study_key(film: Film) -> tuple[object, ...]:
    """Films with equal keys share a block, whose text names one day and one view."""
    return film.study_id, film.offset_days, film.stated_view


def _study_id(film: Film) -> int:
    return number(f"{film.source} {_study_key(film)}", 8)


def _rid(film: Film) -> int:
    return number(f"{film.source} {film.patient_id}", 8)


def _slug(film: Film) -> str:
    key = f"{film.source} {film.patient_id} {film.finding} {film.stated_age} {film.stated_sex}"
    return f"drawn-{hex_name(key, 10)}"


def _fullscreen(study: Sequence[Film], rid: int) -> str:
    return f"/cases/{rid}/studies/{_study_id(study[0])}?lang=us"


def _stem(film: Film) -> str:
    return f"{PICTURES}/{number(film.film_id, 8)}/{hex_name(film.film_id, 30)}"


def _original(film: Film) -> str:
    return f"{_stem(film)}.{film.extension.lstrip('.')}"


def _scaled(film: Film) -> str:
    return f"{_stem(film)}_big_gallery.jpeg"
