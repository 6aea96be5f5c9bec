"""Radiopaedia: search pages, case pages in three layouts, stacks and the viewer's answers, pictures in three sizes.

Half of the cases have the layout of 2025, the others those of 2020 and 2023.

Traps: articles among the hits, thumbnails of other cases, pictures that load late, hits with ``?lang=us`` and ``gb``, a
case without a study, one without a file, one that is gone, originals that are gone while a scaled copy remains.
"""

import json
from collections.abc import Iterator, Sequence

import numpy as np

from sources.cases.radiopaedia_pages import SITE
from sources.radiopaedia import Radiopaedia
from sources.radiopaedia_normal import RadiopaediaNormal
from sources.sandbox.film import Film
from sources.sandbox.markup import PIXEL, grouped, hex_name, number, page, text, years
from sources.sandbox.packing import mirror_path

PICTURES = "https://prod-images-static.radiopaedia.org/images"
HITS_PER_PAGE = 20
WORDS = {"PA": "PA", "AP": "AP", "AP_SUPINE": "AP supine"}
SEXES = {"F": "Female", "M": "Male"}
QUERIES = {Radiopaedia.name: Radiopaedia.query, RadiopaediaNormal.name: RadiopaediaNormal.query}
FRONTAL = ("PA", "AP", "AP_SUPINE")
LAYOUTS = (2020, 2023, 2025, 2025)  # of case pages; one in two is the newest


def render(films: Sequence[Film], rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yield (mirror path, content) of the search pages of each source among ``films``, the cases and the pictures."""
    for part in grouped(films, lambda film: film.source):
        query = QUERIES.get(part[0].source, Radiopaedia.query)
        cases = grouped(part, lambda film: (film.patient_id, film.finding, film.stated_age, film.stated_sex))
        slugs = [_slug(case[0]) for case in cases]
        odd = {name: f"{query[:6]}-{name}" for name in ("without-study", "without-file", "gone")}
        yield from _search(query, [*slugs, *odd.values()])
        yield _page(odd["without-study"], "Withdrawn", _about("Withdrawn", 10_000))
        yield _new_page(odd["without-file"], "Withdrawn", 10_001, _new_study(10_002))
        yield mirror_path(_viewer_url(10_002)), json.dumps(_viewer(10_002, "X-ray", "", [_frame(10_003, "")])).encode()
        for position, case in enumerate(cases):
            layout = LAYOUTS[int(rng.integers(len(LAYOUTS)))]
            yield from _case(case, slugs[position], slugs[position - 1], layout)
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


def _case(case: Sequence[Film], slug: str, other: str, layout: int) -> Iterator[tuple[str, bytes]]:
    first, studies = case[0], grouped(case, _study_key)
    related = f'<a href="/cases/{other}"><img src="{PICTURES}/1/{hex_name(other, 30)}_thumb.jpeg"></a>'
    aside = f'<aside class="related-cases">{related}</aside>'
    if layout == 2025:
        blocks = "".join(_new_study(_study_id(study[0])) for study in studies)
        yield _new_page(slug, first.finding, _rid(first), f"{_patient(first)}{blocks}{aside}")
    else:
        blocks = "".join(_study(study, _rid(first), layout) for study in studies)
        yield _page(slug, first.finding, f"{_about(first.finding, _rid(first))}{_patient(first)}{blocks}{aside}")
    for study in studies:
        yield _pictures_of(study, _rid(first), layout)


def _pictures_of(study: Sequence[Film], rid: int, layout: int) -> tuple[str, bytes]:
    """Where a study's pictures are listed: its stacks, its full-screen page, or the viewer's answer."""
    number_ = _study_id(study[0])
    if layout == 2025:
        frames = [_frame(number(film.film_id, 8), _file(film), _plane(film)) for film in study]
        answer = _viewer(number_, _modality(study[0]), _findings(study), frames)
        return mirror_path(_viewer_url(number_)), json.dumps(answer).encode()
    if layout == 2020:
        return mirror_path(f"{SITE}/studies/{number_}/stacks?lang=us"), json.dumps(_stacks(study)).encode()
    script = f"<script>var stackedImages = {json.dumps(_stacks(study))};</script>"
    return mirror_path(f"{SITE}{_fullscreen(study, rid)}"), page("Study", script)


def _page(slug: str, title: str, body: str) -> tuple[str, bytes]:
    """A case page of 2020 or 2023."""
    certainty = '<span class="diagnostic-certainty-title">Diagnosis certain</span>'
    head = f'<h1 class="header-title">{text(title)}</h1>{certainty}'
    return mirror_path(f"{SITE}/cases/{slug}?lang=us"), page(title, head + body)


def _new_page(slug: str, title: str, rid: int, body: str) -> tuple[str, bytes]:
    """A case page of 2025, which states number, author and system in its head."""
    facts = {"dc.identifier": f"rID-{rid}", "author": "A. Drawn", "keywords": "Chest"}
    head = f'<h1 class="header-title">{text(title)}</h1>'
    return mirror_path(f"{SITE}/cases/{slug}?lang=us"), page(title, head + body, facts=facts)


def _new_study(number_: int) -> str:
    viewer = '<div data-react-class="CaseViewer"></div>'
    return f'<div id="study-{number_}"><a href="/studies/{number_}?lang=us">Study</a>{viewer}</div>'


def _viewer_url(number_: int) -> str:
    return f"{SITE}/studies/{number_}/annotated_viewer_json?lang=us"


def _viewer(number_: int, modality: str, findings: str, frames: Sequence[dict[str, object]]) -> dict[str, object]:
    return {"study": {"id": number_, "modality": modality, "findings": findings, "series": list(frames)}}


def _frame(identity: int, file: str, plane: str | None = None) -> dict[str, object]:
    """A series of one frame; without ``file`` its files are not ready."""
    files = [{"original": file, "gallery": f"{file.partition('.')[0]}_gallery.jpeg"}] if file else []
    frames = [{"id": identity, "width": 1200, "height": 1000}]
    return {"perspective": plane or "", "frames": frames, "encodings": {"thumbnailed_files": files}}


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


def _study(study: Sequence[Film], rid: int, layout: int) -> str:
    """One study; the layout of 2020 has its number and the address of its stacks, that of 2023 the number in an id."""
    number_, modality = _study_id(study[0]), _modality(study[0])
    stacks = f' data-study-id="{number_}" data-study-stacks-url="/studies/{number_}/stacks?lang=us"'
    old = stacks if layout == 2020 else ""
    return (
        f'<div class="well case-section case-study"{old}><div class="main-study-desc" id="study-{number_}">'
        f'<div class="study-desc"><h2>{modality}</h2></div><div class="study-modality"><span>{modality}</span></div>'
        f'<div class="sub-section study-findings body">{_findings(study)}</div></div>'
        f'<img id="offline-workflow-study-large-image" src="{PIXEL}">'
        f'<a class="view-fullscreen-link" href="{_fullscreen(study, rid)}">Full screen case</a></div>'
    )


def _findings(study: Sequence[Film]) -> str:
    day = "" if study[0].offset_days is None else f"Day {study[0].offset_days} &ndash; "
    views = ", ".join(dict.fromkeys(_view_word(film) for film in study))
    return f"<p>{day}Drawn study ({views}).</p>"


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


def _file(film: Film) -> str:
    return f"{hex_name(film.film_id, 30)}.{film.extension.lstrip('.')}"


def _original(film: Film) -> str:
    return f"{_stem(film)}.{film.extension.lstrip('.')}"


def _scaled(film: Film) -> str:
    return f"{_stem(film)}_big_gallery.jpeg"
