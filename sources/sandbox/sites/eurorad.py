"""Eurorad: search pages with a pager past the end, case pages, and figures with three styles of addresses.

Traps: pictures that load late, cards of other cases beside the figures, cases with several patients, a page without a
figure, upper-case extensions, full sizes that exist at one of two addresses or not at all.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from sources.eurorad import SITE
from sources.sandbox.film import Film
from sources.sandbox.markup import PIXEL, grouped, hex_name, page, text, years
from sources.sandbox.packing import mirror_path

CASES_PER_PAGE = 9
SEXES = {"F": "female", "M": "male"}
CAPTIONS = {
    "PA": "Chest X-ray, PA view",
    "AP": "Chest X-ray, AP view",
    "AP_SUPINE": "Chest X-ray, supine AP view",
    "L": "Chest X-ray, lateral view",
    "CT": "Chest CT, axial plane",
    "OTHER": "Lung ultrasound",
}
LICENSE = '<a rel="license" href="https://creativecommons.org/licenses/by-nc-sa/4.0/">Creative Commons</a>'
FIRST_CASE = 16_000
WITHOUT_FIGURE = 9_999


def render(films: Sequence[Film], rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yield (mirror path, content) of the search pages, the cases and the figures; some cases have two patients."""
    cases = _cases(films, rng)
    numbers = range(FIRST_CASE, FIRST_CASE + len(cases))
    yield from _search([*numbers, WITHOUT_FIGURE])
    yield mirror_path(f"{SITE}/case/{WITHOUT_FIGURE}"), _case_page(WITHOUT_FIGURE, [])
    for case, identity in zip(cases, numbers, strict=True):
        yield mirror_path(f"{SITE}/case/{identity}"), _case_page(identity, case)
        for place, film in enumerate(case):
            yield mirror_path(str(rng.choice(_addresses(identity, place, film)))), film.data


def _cases(films: Sequence[Film], rng: np.random.Generator) -> list[list[Film]]:
    """One case per patient and finding; about one in six joins the case before it, if that has the same finding."""
    cases: list[list[Film]] = []
    for person in grouped(films, lambda film: (film.patient_id, film.finding)):
        is_joined = bool(cases) and cases[-1][0].finding == person[0].finding and rng.random() < 1 / 6
        if is_joined and len(_patients(cases[-1])) == 1:
            cases[-1].extend(person)
        else:
            cases.append(person)
    return cases


def _patients(case: Sequence[Film]) -> list[str]:
    return list(dict.fromkeys(film.patient_id for film in case))


def _search(numbers: Sequence[int]) -> Iterator[tuple[str, bytes]]:
    """Every page links to a next one, even the last; the page past the end reads "No case found"."""
    pages = [numbers[start : start + CASES_PER_PAGE] for start in range(0, len(numbers), CASES_PER_PAGE)]
    for index, cases in enumerate([*pages, []]):
        cards = "".join(_card(identity) for identity in cases)
        following = text(_search_url(index + 1))
        pager = f'<div class="pagination"><a href="{following}" title="Go to next page">&rsaquo;</a></div>'
        yield mirror_path(SITE + _search_url(index)), page("Search", cards + pager if cases else "<p>No case found</p>")


def _search_url(index: int) -> str:
    return f"/advanced-search?search=COVID&sort_by=published_at&sort_order=DESC&page={index}"


def _card(identity: int) -> str:
    host = SITE if identity % 2 else ""
    picture = f'<a href="/case/{identity}"><img src="/sites/default/files/styles/case_teaser/public/teaser.png"></a>'
    link = f'<a href="{host}/case/{identity}">Case {identity}</a>'
    return f'<div class="col-12 col-md-6 col-lg-4 mb-4"><div class="card">{picture}{link}</div></div>'


def _case_page(identity: int, case: Sequence[Film]) -> bytes:
    finding = case[0].finding if case else "Drawn case"
    title = f'<span class="d-block text-uppercase font-size-3">Case {identity}</span><h1 class="mb-3">Drawn</h1>'
    rows = _row("CLINICAL HISTORY", "Drawn.") + _row("FINAL DIAGNOSIS", text(finding)) + _row("LICENSE", LICENSE)
    figures = "".join(_figure(identity, place, film, case) for place, film in enumerate(case))
    gallery = f'<div class="figure-gallery">{figures}</div>' if case else ""
    other = f'<a href="/case/{identity + 1}"><img src="/sites/default/files/figure_image/other.jpg"></a>'
    aside = f'<aside><div class="case-teaser">{other}</div></aside>'
    return page(f"Case {identity}", f"<main>{title}{_person(case)}{rows}{gallery}{aside}</main>")


def _row(name: str, value: str) -> str:
    return f'<div class="row"><div class="col-12 col-md-3">{name}</div><div class="col-12 col-md-9">{value}</div></div>'


def _person(case: Sequence[Film]) -> str:
    """Age and sex of the first patient, as far as they are stated."""
    facts = [years(case[0].stated_age), SEXES.get(case[0].stated_sex or "", "")] if case else []
    words = ", ".join(word for word in facts if word)
    return f'<p class="color-grey">{words}</p>' if words else ""


def _figure(identity: int, place: int, film: Film, case: Sequence[Film]) -> str:
    """One figure; every other one loads late."""
    teaser = text(_addresses(identity, place, film)[-1].removeprefix(SITE if place % 3 == 0 else ""))
    source = f'data-src="{teaser}" src="{PIXEL}"' if place % 2 else f'src="{teaser}" srcset="{teaser} 1x"'
    name = f"{place + 1}a"
    return (
        f'<div class="figure-gallery__item"><a href="#figure-{name}"><img {source} typeof="foaf:Image"></a>'
        f'<div class="figure-gallery__item__label"><strong>Figure {name}</strong>'
        f'<span class="mb-1 d-block">{_caption(film, case)}</span><span class="d-block">&copy; Drawn</span></div></div>'
    )


def _caption(film: Film, case: Sequence[Film]) -> str:
    """What the figure shows; in a case with several patients, also whose it is."""
    patients = _patients(case)
    whose = f"Patient {patients.index(film.patient_id) + 1}: " if len(patients) > 1 else ""
    aged = [f"aged {film.stated_age:g}"] if whose and film.stated_age is not None else []
    sex = [SEXES[film.stated_sex]] if whose and film.stated_sex else []
    day = [] if film.offset_days is None else [f"day {film.offset_days}"]
    return whose + ", ".join([*aged, *sex, CAPTIONS.get(film.stated_view or "", "Image of the chest"), *day])


def _addresses(identity: int, place: int, film: Film) -> list[str]:
    """Possible addresses of a figure: the full style, the file as uploaded, the teaser."""
    extension = film.extension.lstrip(".")
    file = f"2020-04/{identity}_{place + 1}_1.{extension.upper() if place % 4 == 3 else extension}"
    token = f"?itok={hex_name(film.film_id, 8)}"
    styles = f"{SITE}/sites/default/files/styles"
    return [
        f"{styles}/figure_image/public/figure_image/{file}{token}",
        f"{SITE}/sites/default/files/figure_image/{file}",
        f"{styles}/figure_image_teaser_large/public/figure_image/{file}{token}",
    ]
