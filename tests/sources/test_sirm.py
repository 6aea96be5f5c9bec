import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sites import Mirror, Pages, by_bytes, film, list_items, skips

from sources.cases.sirm_listing import (
    ARCHIVE,
    CATEGORY,
    CATEGORY_PATH,
    REST,
    REST_PATH,
    next_hits,
    pages_named,
    parse_hits,
    parse_rest,
)
from sources.core.errors import CxnetError, WebError
from sources.core.items import LABELS, VIEWS, Item
from sources.reading.html import soup
from sources.sandbox.sites.sirm import render
from sources.sirm import Sirm, parse_case, rt_pcr

CASE = "https://www.sirm.org/2020/03/08/covid-19-caso-14/"
UPLOADS = "https://www.sirm.org/wp-content/uploads/2020/03"
SRCSET = f'srcset="{UPLOADS}/a-300x251.jpeg 300w, {UPLOADS}/a.jpeg 1206w"'
BLOCK = '<figure><img src="/wp-content/uploads/2020/03/a-300x251.jpeg" alt=""><figcaption>{}</figcaption></figure>'
ICONS = '<p><a href="?print=pdf"><img src="/wp-content/plugins/pdf-print/images/pdf.png"></a></p>'


FILM = BLOCK.format("RX torace")


def case_page(pictures=FILM, prose="<p>Donna di 75 anni.</p>", title="COVID-19: caso 14"):
    logo = '<img src="/wp-content/uploads/2019/01/logo-sirm.png">'
    return (
        f'{logo}<h1 class="entry-title">{title}</h1><div class="td-post-content">{ICONS}{prose}{pictures}</div>{logo}'
    )


def only(url=CASE, **facts):
    (item,) = parse_case(case_page(**facts), url)
    return item


def test_a_picture_is_read_as_a_whole():
    prose = "<p>Paziente di sesso femminile, 75 anni.</p><p>Febbre da 3 giorni. Tampone per COVID-19: positivo.</p>"
    assert only(prose=prose, pictures=BLOCK.format("RX torace in proiezione PA &#8211; giorno 3")) == Item(
        item_id="2020/03/a.jpeg",
        url=f"{UPLOADS}/a.jpeg",
        alternates=(f"{UPLOADS}/a-300x251.jpeg", f"{ARCHIVE}/wp-content/uploads/2020/03/a.jpeg"),
        page_url=CASE,
        label="covid",
        finding="COVID-19",
        view="PA",
        modality="X-ray",
        patient_id="caso-14",
        age=75.0,
        sex="F",
        pediatric=False,
        offset_days=3.0,
        rt_pcr="positive",
        attribution="SIRM, COVID-19: caso 14",
    )


@pytest.mark.parametrize(
    "pictures",
    [
        f'<figure><img src="{UPLOADS}/a-300x251.jpeg" {SRCSET}><figcaption>RX torace</figcaption></figure>',
        f'<dl class="gallery-item"><dt><a href="{UPLOADS}/a.jpeg"><img src="{UPLOADS}/a-300x251.jpeg"></a></dt>'
        '<dd class="wp-caption-text">RX torace</dd></dl>',
        f'<p>RX torace</p><p><a href="{UPLOADS}/a.jpeg"><img src="{UPLOADS}/a-300x251.jpeg"></a></p>',
        f'<img src="data:," data-src="{UPLOADS}/a-scaled.jpeg" alt="RX torace">',
        f'<div class="wp-caption"><img src="{UPLOADS}/a.jpeg"><p class="wp-caption-text">RX torace</p></div>',
    ],
    ids=["block with srcset", "gallery", "bare with words before", "late and scaled", "classic caption"],
)
def test_every_style_of_picture_gives_the_full_size_and_its_words(pictures):
    item = only(pictures=pictures)
    assert (item.url, item.item_id, item.modality) == (f"{UPLOADS}/a.jpeg", "2020/03/a.jpeg", "X-ray")


@pytest.mark.parametrize(
    "caption, view, skip",
    [
        ("RX torace a letto, AP", "AP", None),
        ("RX torace AP, paziente supino", "AP_SUPINE", None),
        ("RX torace in proiezione laterale", "L", None),
        ("RX torace", "unknown", None),
        ("TC torace, scansione assiale", "CT", "CT according to its caption"),
        ("HRCT", "CT", "CT according to its caption"),
        ("Ecografia polmonare", "OTHER", "not an X-ray according to its caption"),
        ("", "unknown", None),
    ],
)
def test_modality_and_view_come_from_the_words_around(caption, view, skip):
    item = only(pictures=BLOCK.format(caption))
    assert (item.view, item.skip) == (view, skip)


@pytest.mark.parametrize(
    "prose, result, label",
    [
        ("Tampone per SARS-CoV-2 positivo.", "positive", "covid"),
        ("Primo tampone negativo. Secondo tampone: positivo.", "positive", "covid"),
        ("RT-PCR negativa.", "negative", None),
        ("Tampone in corso.", None, "covid"),
        ("Quadro positivo per polmonite.", None, "covid"),
    ],
)
def test_a_case_with_negative_swabs_only_has_no_label(prose, result, label):
    assert rt_pcr(prose) == result
    assert only(prose=f"<p>{prose}</p>").label == label


def test_what_the_page_does_not_state_stays_none():
    item = only(url="https://www.sirm.org/x/", prose="", title="")
    assert (item.label, item.finding, item.age, item.sex, item.pediatric) == (None, None, None, None, None)
    assert (item.patient_id, item.licence, item.redistributable) == (None, None, False)


@pytest.mark.parametrize(
    "url, prose",
    [
        (CASE, "<p>Due pazienti: uomo di 50 anni.</p>"),
        ("https://www.sirm.org/2020/05/14/covid-19-caso-85/", "<p>Donna di 47 anni.</p>"),
    ],
    ids=["the prose says so", "known of this case"],
)
def test_age_and_sex_of_a_case_with_two_patients_are_unknown(url, prose):
    item = only(url=url, prose=prose)
    assert (item.age, item.sex, item.pediatric) == (None, None, None)


def test_icons_and_pictures_outside_the_post_are_none_of_the_case():
    (row,) = parse_case(case_page(pictures=""), CASE)
    assert row.skip.startswith(f"parse: no image found at {CASE} (selector div.td-post-content img")


def link(href):
    return f'<h3 class="entry-title"><a href="{href}">post</a></h3>'


def test_news_are_no_cases_and_every_spelling_of_a_case_is():
    page = "".join(
        link(href)
        for href in (
            "/2020/03/03/covid19-caso-2/",
            "https://sirm.org/2020/03/03/covid19-caso-2",
            "/en/2020/03/31/covid-19-case-5/",
            "/2020/03/06/covid-19-dati-e-statistiche/",
        )
    )
    assert parse_hits(soup(page), CATEGORY) == [
        "https://www.sirm.org/2020/03/03/covid19-caso-2/",
        "https://www.sirm.org/en/2020/03/31/covid-19-case-5/",
    ]


def test_the_rest_search_lists_the_cases_where_the_category_does_not():
    first = json.dumps([{"link": CASE}, {"link": "https://www.sirm.org/2020/01/01/congresso/"}, {"no": 1}])
    rest = {REST.format(page=1): first, CASE: case_page()}
    for category in ({CATEGORY: "<p>new theme</p>"}, {}):
        web = Pages(category | rest)
        assert [item.page_url for item in Sirm().items(web)] == [CASE]
        assert web.requests.count(REST.format(page=2)) == 1


ARROW = '<div class="page-nav"><a href="{}page/2/"><i class="td-icon-menu-right"></i></a></div>'
NUMBERS = (
    '<div class="page-nav"><span class="current">1</span><a href="{0}page/2/">2</a><a href="{0}page/3/">3</a></div>'
)
MENU = '<li><a href="/eventi/">Eventi<i class="td-icon-menu-right"></i></a></li>'


@pytest.mark.parametrize(
    ("pager", "following"),
    [
        (MENU + ARROW, 2),
        (MENU + NUMBERS, 2),
        ('<a class="next" href="{}page/2/">', 2),
        ('<link rel="next" href="{}page/2/">', 2),
        ('<div class="page-nav"><span class="current">3</span><a href="{0}page/2/">2</a></div>', None),
        (MENU, None),
        ("", None),
    ],
)
@pytest.mark.parametrize("category", [CATEGORY, CATEGORY_PATH, f"{ARCHIVE}{CATEGORY_PATH}"])
def test_the_next_page_is_marked_behind_an_arrow_or_the_next_number(pager, following, category):
    page = soup(pager.format(category))
    expected = f"page/{following}/" if following else ""
    assert (next_hits(page, CATEGORY) or "").endswith(expected)
    assert (next_hits(page, CATEGORY) is None) is (following is None)


@pytest.mark.parametrize(
    ("pager", "count"),
    [
        ('<div class="page-nav"><span class="pages">Pagina 1 di 7</span></div>', 7),
        ('<div class="page-nav"><span class="pages">Page 2 of 12</span></div>', 12),
        (f'<a href="{CATEGORY}page/3/">3</a><a href="{CATEGORY}page/9/" class="last">9</a>', 9),
        ('<a href="/category/other/page/99/">99</a>', 1),
        ("", 1),
    ],
)
def test_the_pager_names_a_number_of_pages(pager, count):
    assert pages_named(soup(pager), CATEGORY) == count


def test_a_list_that_ends_early_says_so_and_the_other_lists_are_asked():
    other = "https://www.sirm.org/2020/03/09/covid-19-caso-15/"
    third = f"{ARCHIVE}/2020/03/09/covid-19-caso-16/"
    pages = {
        CATEGORY: link(CASE) + ARROW.format(CATEGORY) + '<a href="/category/senza-categoria/covid-19/page/7/">7</a>',
        REST.format(page=1): json.dumps([{"link": CASE}, {"link": other}]),
        f"{ARCHIVE}{REST_PATH.format(page=1)}": json.dumps(
            [{"link": CASE.replace("www", "archivio")}, {"link": third}]
        ),
    }
    pages |= {
        case: case_page(BLOCK.format("RX").replace("a-300", f"{n}-300")) for n, case in enumerate([CASE, other, third])
    }
    *films, gap = Sirm().items(Pages(pages))
    assert [item.page_url for item in films] == [CASE, other, third]
    assert (gap.item_id, gap.skip) == (
        f"page {CATEGORY}",
        "the list names 7 pages and shows 1: cases may be missing (3 known)",
    )


def test_a_busy_page_in_the_middle_of_a_list_loses_no_case_before_it():
    pages = {CATEGORY: link(CASE) + ARROW.format(CATEGORY), CASE: case_page()}
    pages[f"{CATEGORY}page/2/"] = WebError(f"{CATEGORY}page/2/", "HTTP 503 (5 tries)", 503)
    film, gap = Sirm().items(Pages(pages))
    assert film.page_url == CASE and gap.skip.startswith("the list names 2 pages and shows 1")


def test_the_archive_lists_the_cases_where_the_site_does_not():
    archived = CASE.replace("www.", "archivio.")
    for first in ({}, {CATEGORY: "<p>new theme</p>"}):
        web = Pages(first | {f"{ARCHIVE}{CATEGORY_PATH}": link(archived), archived: case_page()})
        (item,) = Sirm().items(web)
        assert (item.page_url, item.patient_id, item.label) == (archived, "caso-14", "covid")
        assert CASE not in web.requests


def test_a_case_that_moved_is_found_in_the_archive_with_pictures_at_their_old_address():
    archived = CASE.replace("www.", "archivio.")
    old = case_page(FILM.replace("/wp-content", "https://www.sirm.org/wp-content"))
    for gone_ in ({}, {CASE: "<h1>Home</h1>"}):
        (item,) = Sirm().page_items(Pages(gone_ | {archived: old}), CASE)
        assert (item.page_url, item.item_id) == (archived, "2020/03/a.jpeg")
        assert item.url == f"{UPLOADS}/a.jpeg"
        assert item.alternates[-1] == f"{ARCHIVE}/wp-content/uploads/2020/03/a.jpeg"


def test_a_case_on_neither_host_is_one_row():
    (row,) = Sirm().page_items(Pages({}), CASE)
    assert (row.url, row.skip) == (CASE, "page is gone: HTTP 404")


def test_words_of_a_section_without_its_modality_rule_out_a_film():
    assert only(pictures=BLOCK.format("Ricostruzione coronale, finestra polmonare")).view == "CT"


def test_a_listing_without_cases_is_a_row_and_one_that_is_gone_an_error():
    (row,) = Sirm().items(Pages({CATEGORY: "<p>new theme</p>"}))
    assert row.skip == f"parse: no image found at {CATEGORY} (selector h3.entry-title a[href])"
    with pytest.raises(CxnetError):
        list(Sirm().items(Pages({})))


def test_the_english_twin_of_a_case_shows_no_picture_twice():
    twin = "https://www.sirm.org/en/2020/03/08/covid-19-case-14/"
    web = Pages({CATEGORY: link(CASE) + link(twin), CASE: case_page(), twin: case_page()})
    assert [item.page_url for item in Sirm().items(web)] == [CASE]


@given(st.binary(max_size=300), st.text(max_size=120))
def test_any_bytes_are_rows(content, words):
    text = content.decode("utf-8", "replace")
    assert isinstance(parse_rest(text), list)
    for page in (text, case_page(pictures=BLOCK.format(words), prose=words, title=words)):
        found = list(Sirm().page_items(Pages({CASE: page}), CASE))
        assert found and len({item.item_id for item in found}) == len(found)
        assert all(item.view in VIEWS and item.label in (None, *LABELS) for item in found)


PILE = case_page(f"<figure>{'<img src=/wp-content/uploads/2020/03/a.jpg>' * 10_000}</figure>", "<p><div>" * 5_000)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        case_page(BLOCK.format("RX") * 10_000),
        case_page(prose="tampone " * 100_000),
        "[" * 500_000,
        "<p>" * 300_000,
        PILE,
    ],
)
def test_monstrous_pages_take_bounded_time(text):
    list(parse_case(text, CASE))
    assert parse_rest(text) == []


def test_every_film_of_the_synthetic_site_is_listed(tmp_path):
    originals = []
    for n in range(48):
        view = ["PA", "AP", "AP_SUPINE", None, "L", "CT"][n % 6]
        stated = {"stated_age": None if n // 2 % 5 == 0 else 20.0 + n // 2, "stated_sex": (None, "F", "M")[n // 2 % 3]}
        swab = {"rt_pcr": (None, "positive", "negative")[n // 2 % 3], "offset_days": None if n % 4 == 0 else n % 9}
        originals.append(replace(film(n), stated_view=view, patient_id=f"p{n // 2}", **stated, **swab))
    found_items, site = list_items(Sirm(), render, originals, tmp_path)
    found = by_bytes(found_items, site)
    for each in originals:
        read = found[each.data]
        assert (read.finding, read.view) == ("COVID-19", each.stated_view or "unknown")
        assert (read.label, read.rt_pcr) == (None if each.rt_pcr == "negative" else "covid", each.rt_pcr)
        assert (read.age, read.sex, read.offset_days) == (each.stated_age, each.stated_sex, each.offset_days)
        assert (read.skip, read.redistributable) == (
            "CT according to its caption" if each.stated_view == "CT" else None,
            False,
        )
    people = {(each.patient_id, found[each.data].patient_id) for each in originals}
    assert len(people) == len({each.patient_id for each in originals})
    assert sum(str(item.skip).startswith("parse: no image found") for item in found_items) == 1
    assert len(found_items) == len(originals) + 1


def test_the_offline_copy_lists_48_pictures_of_29_cases(mirror):
    copy = Mirror(mirror)
    listed = list(Sirm().items(copy))
    assert len({item.page_url for item in listed}) == 29
    assert Counter(item.label for item in listed) == {"covid": 47, None: 1}
    assert skips(listed) == {
        "fetch": 40,
        "CT according to its caption": 7,
        "parse": 1,
    }
    assert sum(copy.holds(item) for item in listed if item.skip is None) == 39
    assert sum(item.age is not None for item in listed) == 43
