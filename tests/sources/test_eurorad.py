from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sites import Mirror, Pages, by_bytes, film, list_items, skips

from sources.core.items import LABELS, VIEWS, Item
from sources.eurorad import SEARCH, Eurorad, next_hits, parse_case, parse_hits
from sources.reading.html import soup
from sources.sandbox.sites.eurorad import render

CASE = "https://www.eurorad.org/case/17000"
FILES = "https://www.eurorad.org/sites/default/files"
TEASER = f"{FILES}/styles/figure_image_teaser_large/public/figure_image"


def figure(caption="Chest X-ray, PA view", name="1a", image=None):
    image = image or f'<img typeof="foaf:Image" src="{TEASER}/2020-04/17000_{name}.PNG?itok=0123abcd">'
    return (
        f'<div class="figure-gallery__item"><a href="#figure-{name}">{image}</a>'
        '<div class="figure-gallery__item__label">'
        f'<strong>Figure {name}</strong><span class="mb-1 d-block">{caption}</span>'
        "<span>&copy; Jane Doe</span></div></div>"
    )


def section(name, words):
    return f'<div class="row"><div class="col-12 col-md-3">{name}</div><div class="col-12 col-md-9">{words}</div></div>'


def case_page(*figures, person="65 years, male", finding="COVID-19 pneumonia", licence="by-nc-sa/4.0/", technique=""):
    rows = section("FINAL DIAGNOSIS", finding) + technique
    terms = f'<a rel="license" href="https://creativecommons.org/licenses/{licence}">licence</a>'
    aside = (
        '<aside class="case-teaser"><a href="/case/1"><img src="/sites/default/files/figure_image/o.jpg"></a></aside>'
    )
    return f'<h1>Title</h1><p class="color-grey">{person}</p>{rows}{terms}{"".join(figures)}{aside}'


def items(*figures, url=CASE, **facts):
    return list(Eurorad().page_items(Pages({url: case_page(*figures, **facts)}), url))


def only(*figures, **facts):
    (item,) = items(*(figures or [figure()]), **facts)
    return item


def test_a_figure_is_read_as_a_whole():
    assert only(figure("Chest X-ray, AP view, day 5")) == Item(
        item_id="2020-04/17000_1a.PNG",
        url=f"{FILES}/styles/figure_image/public/figure_image/2020-04/17000_1a.PNG?itok=0123abcd",
        alternates=(
            f"{FILES}/figure_image/2020-04/17000_1a.PNG",
            f"{TEASER}/2020-04/17000_1a.PNG?itok=0123abcd",
        ),
        page_url=CASE,
        label="covid",
        finding="COVID-19 pneumonia",
        view="AP",
        modality="X-ray",
        patient_id="17000",
        age=65.0,
        sex="M",
        pediatric=False,
        offset_days=5.0,
        licence="CC-BY-NC-SA-4.0",
        attribution="Eurorad case 17000, © Jane Doe",
        redistributable=True,
    )


@pytest.mark.parametrize(
    "person, age, sex",
    [
        ("65 years, male", 65.0, "M"),
        ("male", None, "M"),
        ("3 months, female", 0.25, "F"),
        ("65 years", 65.0, None),
        ("65 years, male; 40 years, female", None, None),
        ("", None, None),
    ],
)
def test_age_and_sex_are_read_if_they_are_stated(person, age, sex):
    assert (only(person=person).age, only(person=person).sex) == (age, sex)


@pytest.mark.parametrize(
    "finding, label",
    [
        ("COVID-19 pneumonia", "covid"),
        ("Suspected COVID-19 pneumonia", None),
        ("COVID-19 ruled out; bacterial pneumonia", "cap"),
        ("Klebsiella pneumonia", "cap"),
        ("Lipoid pneumonia", "other"),
        ("Pulmonary tuberculosis", "other"),
        ("Unknown", None),
    ],
)
def test_the_final_diagnosis_decides_the_label(finding, label):
    assert (only(finding=finding).label, only(finding=finding).finding) == (label, finding)


@pytest.mark.parametrize(
    "caption, view, skip",
    [
        ("Chest X-ray, PA view", "PA", None),
        ("Chest X-ray", "unknown", None),
        ("Chest X-ray, lateral view", "L", None),
        ("Chest CT, axial plane", "CT", "CT according to its caption"),
        ("Ultrasound of the chest", "OTHER", "not an X-ray according to its caption"),
        ("", "unknown", None),
    ],
)
def test_modality_and_view_come_from_the_caption(caption, view, skip):
    assert (only(figure(caption)).view, only(figure(caption)).skip) == (view, skip)


@pytest.mark.parametrize(
    "technique",
    [
        section("Imaging Technique", "CT"),
        section("IMAGING TECHNIQUE:", "CT, CT-High Resolution"),
        "<div><strong>Area of Interest</strong> Thorax</div><div><strong>Imaging Technique</strong> CT</div>",
        "<div><b>Imaging Technique</b><span>CT</span></div>",
        "<dl><dt>Imaging technique</dt><dd>CT</dd></dl>",
    ],
)
def test_a_case_without_radiography_shows_no_film_unless_a_caption_says_so(technique):
    found = items(figure("Ground glass (arrow)", "1"), figure("Chest X-ray, PA view", "2"), technique=technique)
    assert [item.view for item in found] == ["CT", "PA"]
    assert found[0].skip.startswith("not an X-ray according to the imaging technique of its case (CT")
    assert found[1].skip is None


def test_the_letter_of_a_figure_chooses_its_view_and_day():
    caption = "PA (a) and lateral (b) chest radiograph"
    found = items(figure(caption, "4a"), figure(caption, "4b"))
    assert [(item.view, item.skip) for item in found] == [("PA", None), ("L", None)]
    days = items(figure("Chest X-ray on day 1 (a) and day 9 (b)", "1a"), figure("Day 2", "2"))
    assert [item.offset_days for item in days] == [1.0, 2.0]


def test_an_address_with_a_double_slash_and_capitals_is_kept_and_has_the_usual_id():
    image = f'<img typeof="foaf:Image" src="{TEASER}/2020-07//16866_2_1.JPG?itok=0123abcd">'
    item = only(figure(image=image))
    assert item.url == f"{FILES}/styles/figure_image/public/figure_image/2020-07//16866_2_1.JPG?itok=0123abcd"
    assert item.item_id == "2020-07/16866_2_1.JPG"


def test_a_teaching_case_is_a_case_and_is_read_once():
    card = '<div class="col-12 col-md-6 col-lg-4 mb-4"><a href="{}"></a></div>'
    links = ["/case/99001", "/case/99002/teaching-case", "/case/99002", "/case/99001/teaching-case", "/case/7/pdf"]
    page = "".join(card.format(link) for link in links)
    teaching = "https://www.eurorad.org/case/99002/teaching-case"
    assert parse_hits(soup(page), SEARCH) == ["https://www.eurorad.org/case/99001", teaching]
    (item,) = Eurorad().page_items(Pages({teaching: case_page(figure())}), teaching)
    assert (item.patient_id, item.page_url) == ("99002", teaching)


def test_a_late_picture_is_found_behind_its_data_address():
    image = (
        '<img typeof="foaf:Image" src="data:image/gif;base64,AA" data-src="/sites/default/files/figure_image/a.jpg">'
    )
    assert only(figure(image=image)).url == f"{FILES}/figure_image/a.jpg"


def test_thumbnails_of_other_cases_are_no_figures():
    assert [item.item_id for item in items(figure())] == ["2020-04/17000_1a.PNG"]


def test_captions_that_name_patients_split_the_case():
    found = items(
        figure("Patient 1: aged 61, male. Chest X-ray, PA view", "1a"),
        figure("Patient 2: Chest X-ray, AP view", "1b"),
        figure("Chest X-ray", "2a"),
    )
    assert [item.patient_id for item in found] == ["17000-1", "17000-2", "17000"]
    assert [(item.age, item.sex) for item in found] == [(61.0, "M"), (None, None), (None, None)]


def test_a_case_that_is_known_to_hold_six_patients_has_one_per_figure():
    url = "https://www.eurorad.org/case/16745"
    figures = [figure("Chest X-ray", f"{number}{part}") for number in range(2, 8) for part in "ab"]
    found = items(*figures, url=url)
    assert [item.patient_id for item in found] == [f"16745-{number}" for number in range(2, 8) for _ in "ab"]
    assert {(item.age, item.sex, item.pediatric) for item in found} == {(None, None, None)}
    assert {item.patient_id for item in items(*figures[:4], url=url)} == {"16745"}


@pytest.mark.parametrize(
    "licence, word, free",
    [("by-nc-sa/4.0/", "CC-BY-NC-SA-4.0", True), ("by-nc-nd/4.0/", "CC-BY-NC-ND-4.0", False), ("odd", None, False)],
)
def test_the_licence_is_the_one_on_the_page(licence, word, free):
    assert (only(licence=licence).licence, only(licence=licence).redistributable) == (word, free)


def test_a_page_without_a_figure_and_a_page_that_is_gone_are_rows():
    (row,) = items()
    assert row.skip == f"parse: no image found at {CASE} (selector div.figure-gallery__item img)"
    (gone,) = Eurorad().page_items(Pages({}), CASE)
    assert gone.skip == "page is gone: HTTP 404"


def test_the_same_case_under_two_addresses_is_read_once():
    card = '<div class="col-12 col-md-6 col-lg-4 mb-4"><a href="{}"></a></div>'
    addresses = ["/case/17000", "https://www.eurorad.org/case/17000", "/case/17000/", "/case/17000?x=1", "/case/submit"]
    page = "".join(card.format(address) for address in addresses)
    assert parse_hits(soup(page), SEARCH) == [CASE]
    web = Pages({SEARCH: page, CASE: case_page(figure())})
    assert len(list(Eurorad().items(web))) == 1 and web.requests == [SEARCH, CASE]


def test_the_pager_is_not_believed_on_a_page_without_cases():
    pager = '<div class="pagination"><a href="/advanced-search?page=4" title="Go to next page">next</a></div>'
    assert next_hits(soup(f"<p>No case found</p>{pager}"), SEARCH) is None


@given(st.binary(max_size=300), st.text(max_size=120))
def test_any_bytes_are_rows(content, caption):
    for page in (content.decode("utf-8", "replace"), case_page(figure(caption), person=caption, finding=caption)):
        found = list(Eurorad().page_items(Pages({CASE: page}), CASE))
        assert found and len({item.item_id for item in found}) == len(found)
        assert all(item.view in VIEWS and item.label in (None, *LABELS) for item in found)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text", [figure() * 20_000, "<div class='figure-gallery__item'>" * 50_000, "Patient 1 " * 200_000]
)
def test_monstrous_pages_take_bounded_time(text):
    parse_case(text, CASE)


def test_every_film_of_the_synthetic_site_is_listed(tmp_path):
    originals = []
    for n in range(72):
        view = ["PA", "AP", "AP_SUPINE", None, "L", "CT"][n % 6] if n < 60 else "CT"
        person = {"patient_id": f"p{n // 3}", "stated_age": None if n // 3 % 5 == 0 else 20.0 + n // 3}
        stated = {"stated_sex": (None, "F", "M")[n // 3 % 3], "offset_days": None if n % 4 == 0 else n % 9}
        finding = "Lipoid pneumonia" if 54 <= n < 60 else "COVID-19"
        originals.append(replace(film(n), stated_view=view, finding=finding, rt_pcr=None, **person, **stated))
    found_items, site = list_items(Eurorad(), render, originals, tmp_path)
    found = by_bytes(found_items, site)
    for each in originals:
        read = found[each.data]
        assert (read.finding, read.view) == (each.finding, each.stated_view or "unknown")
        assert read.label == ("covid" if each.finding == "COVID-19" else "other")
        assert (read.age, read.sex, read.offset_days) == (each.stated_age, each.stated_sex, each.offset_days)
        assert (read.skip is None, read.redistributable) == (each.stated_view != "CT", True)
    reasons = {str(found[each.data].skip).partition(" (")[0] for each in originals}
    assert reasons == {
        "None",
        "CT according to its caption",
        "not an X-ray according to the imaging technique of its case",
    }
    teaching = {item.page_url.endswith("/teaching-case") for item in found.values()}
    assert teaching == {True, False} and any(item.item_id.startswith("2020-07/") for item in found.values())
    people = {(each.patient_id, found[each.data].patient_id) for each in originals}
    assert len(people) == len({each.patient_id for each in originals}) == len({theirs for _, theirs in people})
    assert len({read.page_url for read in found.values()}) < len(people), "no case holds two patients"
    assert sum(str(item.skip).startswith("parse: no image found") for item in found_items) == 1
    assert len(found_items) == len(originals) + 1


def test_the_offline_copy_lists_86_figures_of_29_cases(mirror):
    copy = Mirror(mirror)
    listed = list(Eurorad().items(copy))
    assert len({item.page_url for item in listed}) == 29
    assert Counter(item.label for item in listed) == {"covid": 80, "cap": 5, None: 1}
    assert skips(listed) == {
        "fetch": 48,
        "CT according to its caption": 37,
        "parse": 1,
    }
    assert sum(copy.holds(item) for item in listed if item.skip is None) == 47
    six = {item.patient_id for item in listed if (item.page_url or "").endswith("/16745")}
    assert six == {f"16745-{number}" for number in range(2, 8)}
