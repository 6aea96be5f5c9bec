"""Eurorad: search pages with a pager past the end, case pages, and figures with three styles of addresses.

Half of the cases are teaching cases as of 2026: they name their imaging techniques, captions omit the modality of CT,
two films share a caption with letters, and addresses of files have a double slash.

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
SHARED = {"PA": "PA view", "AP": "AP view", "AP_SUPINE": "supine AP view", "L": "lateral view"}  # of two films
LICENSE = '<a rel="license" href="https://creativecommons.org/licenses/by-nc-sa/4.0/">Creative Commons</a>'
FIRST_CASE = 16_000
WITHOUT_FIGURE = 9_999


def render(films: Sequence[Film], rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yield (mirror path, content) of the search pages, the cases and the figures; some cases have two patients."""
    cases = _cases(films, rng)
    numbers = range(FIRST_CASE, FIRST_CASE + len(cases))
    yield from _search([*numbers, WITHOUT_FIGURE])
    yield mirror_path(SITE + _case_path(WITHOUT_FIGURE)), _case_page(WITHOUT_FIGURE, [])
    for case, identity in zip(cases, numbers, strict=True):
        yield mirror_path(SITE + _case_path(identity)), _case_page(identity, case)
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


def _is_new(identity: int) -> bool:
    return identity // 2 % 2 == 1


def _case_path(identity: int) -> str:
    return f"/case/{identity}/teaching-case" if _is_new(identity) else f"/case/{identity}"


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
    path = _case_path(identity)
    picture = f'<a href="{path}"><img src="/sites/default/files/styles/case_teaser/public/teaser.png"></a>'
    link = f'<a href="{host}{path}">Case {identity}</a>'
    return f'<div class="col-12 col-md-6 col-lg-4 mb-4"><div class="card">{picture}{link}</div></div>'


def _case_page(identity: int, case: Sequence[Film]) -> bytes:
    finding = case[0].finding if case else "Drawn case"
    title = f'<span class="d-block text-uppercase font-size-3">Case {identity}</span><h1 class="mb-3">Drawn</h1>'
    rows = _row("CLINICAL HISTORY", "Drawn.") + _row("FINAL DIAGNOSIS", text(finding)) + _row("LICENSE", LICENSE)
    if _is_new(identity) and case:
        rows += _row("IMAGING TECHNIQUE", _technique(case))
    labels = _new_labels(case) if _is_new(identity) else _labels(case)
    figures = "".join(_figure(identity, place, film, labels[place]) for place, film in enumerate(case))
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


def _technique(case: Sequence[Film]) -> str:
    is_ct = [film.stated_view == "CT" for film in case]
    return "CT" if all(is_ct) else "Digital radiography, CT" if any(is_ct) else "Conventional radiography"


def _labels(case: Sequence[Film]) -> list[tuple[str, str]]:
    """(name, caption) of each figure."""
    return [(f"{place + 1}a", _caption(film, case)) for place, film in enumerate(case)]


def _new_labels(case: Sequence[Film]) -> list[tuple[str, str]]:
    """As :func:`_labels`; a caption of CT omits the modality, and two films share a caption that has letters."""
    labels = _labels(case)
    is_only_ct = all(film.stated_view == "CT" for film in case)
    for place, film in enumerate(case):
        if film.stated_view == "CT":
            words = "Ground glass (arrow)" if is_only_ct else "Coronal reformat, lung window"
            labels[place] = labels[place][0], labels[place][1].replace(CAPTIONS["CT"], words)
    pair = case[:2]
    if len(pair) == 2 and len(_patients(case)) == 1 and all(film.stated_view in SHARED for film in pair):
        caption = " and ".join(_part(film, letter) for film, letter in zip(pair, "ab", strict=True))
        labels[:2] = [(f"1{letter}", f"{caption} of chest radiographs") for letter in "ab"]
    return labels


def _part(film: Film, letter: str) -> str:
    """What a shared caption says about one of its films."""
    day = "" if film.offset_days is None else f" on day {film.offset_days}"
    return f"{SHARED[film.stated_view or '']}{day} ({letter})"


def _figure(identity: int, place: int, film: Film, label: tuple[str, str]) -> str:
    """One figure; every other one loads late."""
    name, caption = label
    teaser = text(_addresses(identity, place, film)[-1].removeprefix(SITE if place % 3 == 0 else ""))
    source = f'data-src="{teaser}" src="{PIXEL}"' if place % 2 else f'src="{teaser}" srcset="{teaser} 1x"'
    return (
        f'<div class="figure-gallery__item"><a href="#figure-{name}"><img {source} typeof="foaf:Image"></a>'
        f'<div class="figure-gallery__item__label"><strong>Figure {name}</strong>'
        f'<span class="mb-1 d-block">{caption}</span><span class="d-block">&copy; Drawn</span></div></div>'
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
    folder = "2020-07//" if _is_new(identity) else "2020-04/"
    file = f"{folder}{identity}_{place + 1}_1.{extension.upper() if place % 4 == 3 else extension}"
    token = f"?itok={hex_name(film.film_id, 8)}"
    styles = f"{SITE}/sites/default/files/styles"
    return [
        f"{styles}/figure_image/public/figure_image/{file}{token}",
        f"{SITE}/sites/default/files/figure_image/{file}",
        f"{styles}/figure_image_teaser_large/public/figure_image/{file}{token}",
    ]
