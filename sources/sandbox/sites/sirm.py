"""SIRM: category pages, posts with three styles of pictures, scaled copies with the size in their names.

Half of the posts have moved to the archive; some of their pages still name the old addresses of their pictures. The
pager changes with every page: marked as ``next``, an arrow, or numbers alone.

Traps: a news post in the category, the icon of the PDF button in the post, pictures with and without links and
captions, a case without a picture, one case at an Italian and an English address.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from sources.cases.sirm_listing import CATEGORY, SITE, SITES
from sources.sandbox.film import Film
from sources.sandbox.markup import grouped, page, text
from sources.sandbox.packing import mirror_path, numbered

POSTS_PER_PAGE = 10
MENU = '<ul><li><a href="/eventi/">Eventi<i class="td-icon-menu-right"></i></a></li></ul>'
NEWS = "/2020/03/06/covid-19-dati-e-statistiche/"
ICONS = '<a class="pdfprnt-button" href="?print=pdf"><img src="/wp-content/plugins/pdf-print/images/pdf.png"></a>'
SEXES = {"F": "femminile", "M": "maschile"}
SWABS = {"positive": "Tampone per SARS-CoV-2 positivo.", "negative": "Tampone per SARS-CoV-2 negativo."}
CAPTIONS = {
    "PA": "RX torace in proiezione PA",
    "AP": "RX torace in proiezione AP",
    "AP_SUPINE": "RX torace AP, paziente supino",
    "L": "RX torace in proiezione laterale",
    "CT": "TC torace, scansione assiale",
    "OTHER": "Ecografia polmonare",
}


def render(films: Sequence[Film], rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yield (mirror path, content) of the category, the posts (one without a picture) and the pictures."""
    numbers = numbered(film.patient_id for film in films)
    cases = grouped(films, lambda film: film.patient_id)
    posts = [_post(numbers[case[0].patient_id]) for case in cases]
    empty = _post(len(cases) + 1)
    yield from _category([*posts, NEWS, empty, *(_english(post) for post in posts[:1])])
    yield mirror_path(SITE + NEWS), _post_page("COVID-19: dati e statistiche", "<p>Numeri.</p>")
    yield mirror_path(SITE + empty), _post_page(f"COVID-19: caso {len(cases) + 1}", "<p>Senza immagini.</p>")
    for place, (case, post) in enumerate(zip(cases, posts, strict=True)):
        site = SITES[place % 2]
        body = _body(case, int(rng.integers(3)), SITE if rng.random() < 0.3 else site)
        yield mirror_path(site + post), _post_page(_title(numbers[case[0].patient_id]), body)
        if post == posts[0]:
            yield mirror_path(site + _english(post)), _post_page(_title(1), body)
        for film in case:
            yield mirror_path(site + _upload(film)), film.data


def _category(posts: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    pages = [posts[start : start + POSTS_PER_PAGE] for start in range(0, len(posts), POSTS_PER_PAGE)]
    for index, part in enumerate(pages, start=1):
        entries = "".join(_entry(post, position) for position, post in enumerate(part))
        body = MENU + entries + _pager(index, len(pages))
        yield mirror_path(_category_url(index)), page("COVID-19", body, "it")


def _pager(index: int, count: int) -> str:
    """The links to other pages, in one of three styles."""
    if index == count:
        return f'<div class="page-nav"><span class="current">{index}</span></div>'
    following = _category_url(index + 1)
    if index % 3 == 1:
        arrow = f'<a href="{following}"><i class="td-icon-menu-right"></i></a>'
        return f'<div class="page-nav">{arrow}<span class="pages">Pagina {index} di {count}</span></div>'
    if index % 3 == 2:
        return f'<div class="page-nav"><span class="current">{index}</span><a href="{following}">{index + 1}</a></div>'
    return f'<a href="{following}" class="next">&rsaquo;</a>'


def _category_url(index: int) -> str:
    return CATEGORY if index == 1 else f"{CATEGORY}page/{index}/"


def _entry(post: str, position: int) -> str:
    link = (SITE if position % 2 else "") + post
    thumbnail = f'<a href="{link}"><img class="entry-thumb" src="/wp-content/uploads/2020/03/covid-218x150.png"></a>'
    return f'<div class="td_module_10">{thumbnail}<h3 class="entry-title"><a href="{link}">COVID-19</a></h3></div>'


def _post(number: int) -> str:
    return f"/2020/03/{1 + number % 28:02d}/covid-19-caso-{number}/"


def _english(post: str) -> str:
    return "/en" + post.replace("caso", "case")


def _title(number: int) -> str:
    return f"COVID-19: caso {number}"


def _post_page(title: str, body: str) -> bytes:
    head = f'<h1 class="entry-title">{text(title)}</h1>'
    logo = '<img class="td-retina-data" src="/wp-content/uploads/2019/01/logo-sirm.png">'
    return page(title, f'{logo}<article>{head}<div class="td-post-content">{ICONS}{body}</div></article>', "it")


def _body(case: Sequence[Film], style: int, site: str) -> str:
    """The text of a case with its pictures in one of three styles: block, gallery, or bare after its caption."""
    first = case[0]
    pictures = "".join((_block, _gallery, _bare)[style](film, site) for film in case)
    swab = SWABS.get(first.rt_pcr or "", "Tampone in corso.")
    return f"<p>{_person(first)}</p><p>Febbre da 3 giorni.</p>{pictures}<p>{swab}</p>"


def _person(film: Film) -> str:
    facts = [f"di sesso {SEXES[film.stated_sex]}"] if film.stated_sex else []
    if film.stated_age is not None:
        age = film.stated_age
        facts += [f"{age:g} anni" if age >= 1 else f"{round(age * 12)} mesi di vita"]
    return f"Paziente {', '.join(facts)}."


def _block(film: Film, site: str) -> str:
    return f'<figure class="wp-block-image">{_image(film, site)}<figcaption>{_caption(film)}</figcaption></figure>'


def _gallery(film: Film, site: str) -> str:
    link = f'<a href="{site}{_upload(film)}">{_image(film, site)}</a>'
    caption = f'<dd class="wp-caption-text gallery-caption">{_caption(film)}</dd>'
    return f'<div class="gallery"><dl class="gallery-item"><dt>{link}</dt>{caption}</dl></div>'


def _bare(film: Film, site: str) -> str:
    return f'<p>{_caption(film)}</p><p><a href="{_upload(film)}">{_image(film, site)}</a></p>'


def _image(film: Film, site: str) -> str:
    """The scaled copy, with the full size in its ``srcset``."""
    full, scaled = site + _upload(film), _upload(film, "-300x251")
    return f'<img src="{scaled}" srcset="{site}{scaled} 300w, {full} 1206w" alt="">'


def _caption(film: Film) -> str:
    day = "" if film.offset_days is None else f" &#8211; giorno {film.offset_days}"
    return CAPTIONS.get(film.stated_view or "", "Torace") + day


def _upload(film: Film, size: str = "") -> str:
    return f"/wp-content/uploads/2020/03/{film.film_id}{size}.{film.extension.lstrip('.')}"
