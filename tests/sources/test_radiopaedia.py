import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sites import Mirror, Pages, by_bytes, film, list_items, skips

from sources.cases.radiopaedia_cases import label
from sources.cases.radiopaedia_pages import next_hits, parse_case, parse_hits
from sources.cases.radiopaedia_pictures import parse_fullscreen, parse_stacks, parse_viewer
from sources.core.items import LABELS, VIEWS, Item
from sources.radiopaedia import Radiopaedia
from sources.radiopaedia_normal import RadiopaediaNormal
from sources.reading.html import soup
from sources.sandbox.sites.radiopaedia import render

CASE = "https://radiopaedia.org/cases/c"
STACKS = "https://radiopaedia.org/studies/7/stacks?lang=us"
PICTURE = "https://prod-images-static.radiopaedia.org/images/1/abc"
OLD = '<div class="case-study" data-study-id="7" data-study-stacks-url="/studies/7/stacks?lang=us">{}</div>'
NEW = (
    '<div class="case-study"><div class="main-study-desc" id="study-7"></div>{}'
    '<a class="view-fullscreen-link" href="/cases/5/studies/7?lang=us">full</a></div>'
)
FRONTAL = {"id": 1, "public_filename": f"{PICTURE}.jpg", "plane_projection": "Frontal"}


def case_page(study=OLD, findings="", title="COVID-19 pneumonia", certainty="Diagnosis certain", rows="", patient=""):
    facts = f'<div class="study-modality"><span>X-ray</span></div><div class="study-findings">{findings}</div>'
    about = (
        '<div class="row"><div class="col-sm-3"><strong>Citation:</strong></div><div class="col-sm-8">'
        f"Jane Doe. {title}. Case study, Radiopaedia.org</div></div>"
        '<div class="row"><div class="col-sm-3"><strong>rID:</strong></div><div class="col-sm-8">123</div></div>'
    )
    return (
        f'<h1 class="header-title">{title}</h1><span class="diagnostic-certainty-title">{certainty}</span>'
        f'<div id="citation-info">{about}{rows}</div><div id="case-patient-data">{patient}</div>{study.format(facts)}'
        '<aside><a href="/cases/x"><img src="https://prod-images-static.radiopaedia.org/images/9/f_thumb.jpeg"></a></aside>'
    )


def row(name, value):
    return (
        f'<div class="row"><div class="col-sm-3"><strong>{name}</strong></div><div class="col-sm-8">{value}</div></div>'
    )


def items(page=None, images=(FRONTAL,), modality="X-ray", source=None, pages=None):
    stacks = json.dumps([{"modality": modality, "images": list(images)}])
    web = Pages({f"{CASE}?lang=us": page or case_page(), STACKS: stacks} | (pages or {}))
    return list((source or Radiopaedia()).page_items(web, CASE))


def only(**facts):
    (item,) = items(**facts)
    return item


def test_a_case_is_read_as_a_whole():
    age = '<div class="data-item"><strong>Age:</strong> 70 years\n</div>'
    patient = age + '<div class="data-item"><strong>Gender:</strong> Male</div>'
    item = only(page=case_page(findings="<p>Day 4 &ndash; Chest radiograph (AP supine)</p>", patient=patient))
    assert item == Item(
        item_id="1",
        url=f"{PICTURE}.jpg",
        alternates=(f"{PICTURE}_jumbo.jpeg", f"{PICTURE}_big_gallery.jpeg"),
        page_url=CASE,
        label="covid",
        finding="COVID-19 pneumonia",
        view="AP_SUPINE",
        modality="X-ray",
        patient_id="123",
        study_id="7",
        age=70.0,
        sex="M",
        pediatric=False,
        offset_days=4.0,
        licence="CC-BY-NC-SA-3.0",
        attribution="Case courtesy of Jane Doe, Radiopaedia.org, rID: 123",
    )


def test_what_the_page_does_not_state_stays_none():
    item = only(page=OLD.format(""), modality=None)
    assert (item.label, item.finding, item.age, item.sex, item.patient_id) == (None, None, None, None, None)
    assert (item.pediatric, item.offset_days, item.rt_pcr, item.view, item.modality) == (
        None,
        None,
        None,
        "unknown",
        None,
    )
    assert item.attribution == "Radiopaedia.org"


def test_the_layout_without_study_attributes_is_read_too():
    assert only(page=case_page(study=NEW)).study_id == "7"


def test_pictures_come_from_the_full_screen_page_where_the_stacks_are_gone():
    script = f"<script>var stackedImages = {json.dumps([{'modality': 'X-ray', 'images': [FRONTAL]}])};</script>"
    pages = {STACKS: "not json", "https://radiopaedia.org/cases/5/studies/7?lang=us": script}
    assert only(page=case_page(study=NEW), pages=pages).item_id == "1"


@pytest.mark.parametrize(
    "image, modality, view, skip",
    [
        (FRONTAL, "X-ray", "unknown", None),
        (FRONTAL | {"plane_projection": None}, "X-ray", "unknown", None),
        (FRONTAL | {"plane_projection": "Lateral"}, "X-ray", "L", "lateral view according to its metadata"),
        (FRONTAL | {"plane_projection": "Oblique"}, "X-ray", "OTHER", "oblique view according to its metadata"),
        (FRONTAL | {"plane_projection": "Axial"}, "CT", "CT", "CT according to its metadata"),
        (FRONTAL, "Ultrasound", "OTHER", "Ultrasound according to its metadata"),
    ],
)
def test_frontal_films_are_fetched_and_everything_else_is_a_row(image, modality, view, skip):
    item = only(images=[image], modality=modality)
    assert (item.view, item.skip) == (view, skip)


def test_a_study_that_also_names_a_lateral_film_still_has_the_frontal_view():
    lateral = FRONTAL | {"id": 2, "plane_projection": "Lateral"}
    found = items(page=case_page(findings="Chest radiograph (PA, lateral)"), images=[FRONTAL, lateral])
    assert [item.view for item in found] == ["PA", "L"]


def test_films_of_another_part_of_the_body_are_not_fetched():
    page = case_page(title="Normal hand", rows=row("Systems:", "Musculoskeletal"))
    assert only(page=page).skip == "not the chest according to its metadata (Musculoskeletal)"


@pytest.mark.parametrize(
    "title, certainty, tags, expected",
    [
        ("COVID-19 pneumonia", "Diagnosis certain", "", "covid"),
        ("COVID-19 pneumonia", "Diagnosis almost certain", "", "covid"),
        ("COVID-19 pneumonia", "Diagnosis possible", "", None),
        ("COVID-19 pneumonia", "Diagnosis probable", "", None),
        ("Suspected COVID-19", "", "", None),
        ("Influenza A pneumonia", "", "", "cap"),
        ("SARS", "", "", "cap"),
        ("Pneumocystis pneumonia", "", "", "other"),
        ("ARDS", "", "", "other"),
        ("Normal chest x-ray", "", "", "normal"),
        ("Chest radiograph", "", "teaching, normal chest", "normal"),
        ("Normal pressure hydrocephalus", "", "", "other"),
        ("Rib fracture", "", "normal variant", "other"),
        ("COVID-19 pneumonia", "", "normal", "covid"),
        ("", "", "", None),
    ],
)
def test_title_and_certainty_decide_the_label(title, certainty, tags, expected):
    assert label(title, certainty, tags) == expected


def test_a_film_from_before_the_illness_has_no_label():
    heading = '<div class="study-desc"><h2>X-ray, 3 months prior</h2></div>'
    page = case_page(study=OLD.replace("{}", heading + "{}"))
    assert (only(page=page).label, only(page=page).finding) == (None, "COVID-19 pneumonia")


def test_only_films_whose_case_is_called_normal_are_normal():
    normal = RadiopaediaNormal()
    assert only(page=case_page(title="Normal chest x-ray"), source=normal).label == "normal"
    assert only(page=case_page(title="Normal chest CT"), modality="CT", source=normal).label is None
    assert only(page=case_page(), source=normal).label is None
    assert only(page=case_page(title="Normal chest child"), source=normal).pediatric is True


def test_a_page_without_a_study_is_a_row_that_names_the_selector():
    assert only(page="<h1>redesigned</h1>").skip == f"parse: no image found at {CASE} (selector div.case-study)"


def test_a_study_without_a_picture_and_a_page_that_is_gone_are_rows():
    assert only(images=[]).skip == f"parse: no image found at {STACKS} (selector stacks[].images[])"
    assert only(pages={STACKS: "[]"}).study_id == "7"
    (gone,) = Radiopaedia().page_items(Pages({}), f"{CASE}?lang=gb")
    assert (gone.page_url, gone.skip) == (CASE, "page is gone: HTTP 404")


VIEWER = "https://radiopaedia.org/studies/7/annotated_viewer_json?lang=us"
PAGE_OF_2025 = (
    '<html><head><meta name="dc.identifier" content="rID-123"><meta name="author" content="Jane Doe">'
    '<meta name="keywords" content="{keywords}"></head><body><h1 class="header-title">COVID-19 pneumonia</h1>'
    '<div id="case-patient-data"><div class="data-item"><strong>Age:</strong> 40 years</div></div>'
    '{study}<aside><a href="/cases/other/studies/9">x</a><a href="/cases/y"></a></aside></body></html>'
)
BLOCK = '<div id="study-7"><a href="/studies/7?lang=us">Study</a><div class="study-findings"><p>AP</p></div></div>'


def viewer(frames=1, files=None, modality="X-ray", plane="Frontal", **facts):
    names = [{"original": f"{name}.jpg", "big_gallery": f"{name}_big_gallery.jpeg"} for name in "abc"]
    series = {
        "perspective": plane,
        "frames": [{"id": 60 + number, "width": 9} for number in range(frames)],
        "encodings": {"thumbnailed_files": names[:frames] if files is None else files},
    }
    study = {"id": 7, "modality": modality, "caption": "Day 3", "findings": "<p>Words.</p>", "series": [series]}
    return json.dumps({"study": study | facts})


def new_items(answer=None, study=BLOCK, keywords="Chest", more=None):
    page = PAGE_OF_2025.format(study=study, keywords=keywords)
    web = Pages({f"{CASE}?lang=us": page, VIEWER: viewer() if answer is None else answer} | (more or {}))
    return list(Radiopaedia().page_items(web, CASE)), web.requests


def test_a_case_of_2025_is_read_as_a_whole_from_its_page_and_the_viewer():
    found, requests = new_items()
    assert found == [
        Item(
            item_id="60",
            url="https://prod-images-static.radiopaedia.org/images/60/a.jpg",
            alternates=(
                "https://prod-images-static.radiopaedia.org/images/60/a_big_gallery.jpeg",
                "https://prod-images-static.radiopaedia.org/images/60/a_jumbo.jpeg",
            ),
            page_url=CASE,
            label="covid",
            finding="COVID-19 pneumonia",
            view="AP",
            modality="X-ray",
            patient_id="123",
            study_id="7",
            age=40.0,
            pediatric=False,
            offset_days=3.0,
            licence="CC-BY-NC-SA-3.0",
            attribution="Case courtesy of Jane Doe, Radiopaedia.org, rID: 123",
        )
    ]
    assert requests == [f"{CASE}?lang=us", VIEWER]


@pytest.mark.parametrize(
    "study",
    [
        BLOCK,
        '<div id="study-7"></div>',
        '<a href="/studies/7?lang=us">Study</a><a href="/studies/7">again</a>',
        '<a href="https://radiopaedia.org/cases/c/studies/7?lang=us">Study</a>',
        '<div class="case-study" id="study-7"></div>',
    ],
)
def test_a_study_of_2025_is_a_block_or_a_mere_link(study):
    found, _ = new_items(study=study)
    assert [(item.study_id, item.item_id) for item in found] == [("7", "60")]


def test_a_ct_of_2025_is_listed_frame_by_frame_and_not_fetched():
    found, _ = new_items(viewer(frames=3, modality="CT", plane="Axial"))
    assert [(item.item_id, item.view, item.skip) for item in found] == [
        (number, "CT", "CT according to its metadata") for number in ("60", "61", "62")
    ]


@pytest.mark.parametrize("files", [[], None, [{}], [{"original": "../../x.jpg"}], [None], "x"])
def test_a_frame_without_a_file_is_a_row_that_says_so(files):
    answer = json.loads(viewer())
    answer["study"]["series"][0]["encodings"]["thumbnailed_files"] = files
    (item,), _ = new_items(json.dumps(answer))
    assert (item.item_id, item.skip) == ("60", "the API gives no address for the picture")


def test_a_frame_whose_original_is_not_named_has_its_next_size():
    (item,), _ = new_items(viewer(files=[{"original": None, "big_gallery": "b_big_gallery.jpeg"}]))
    assert (item.url.rpartition("/")[2], item.skip) == ("b_big_gallery.jpeg", None)


def test_the_keywords_of_2025_may_name_another_part_of_the_body():
    (item,), _ = new_items(keywords="Musculoskeletal, teaching", study=BLOCK)
    assert item.skip is None, "the title names the lungs"
    (other,), _ = new_items(keywords="anything else")
    assert other.skip is None


def test_stacks_follow_where_the_viewer_is_gone_and_the_other_way_round():
    stacks = json.dumps([{"modality": "X-ray", "images": [FRONTAL]}])
    (item,), requests = new_items("[]", more={STACKS: stacks})
    assert item.item_id == "1" and requests[1:] == [VIEWER, STACKS]
    assert only(pages={STACKS: "[]", VIEWER: viewer()}).item_id == "60"


def test_a_study_of_2025_without_a_picture_is_a_row_that_names_the_selector():
    (row,), _ = new_items("{}")
    assert row.skip == f"parse: no image found at {VIEWER} (selector study.series[].frames[])"
    assert (row.study_id, row.patient_id) == ("7", "123")


def test_a_film_of_2025_from_before_the_illness_has_no_label():
    (item,), _ = new_items(viewer(caption="2 months prior"))
    assert item.label is None


def test_hits_are_cases_and_never_articles_or_thumbnails():
    url = "https://radiopaedia.org/search?page=1"
    article = '<a class="search-result search-result-article" href="/articles/x">'
    hit = '<a class="search-result search-result-case" href="/cases/a?lang=us"><img src="/t_thumb.jpeg"></a>'
    following = '<a class="next_page" rel="next" href="/search?page=2">'
    tree = soup(article + hit + following)
    assert parse_hits(tree, url) == ["https://radiopaedia.org/cases/a?lang=us"]
    assert next_hits(tree, url) == "https://radiopaedia.org/search?page=2"
    assert next_hits(soup(article + following), url) is None


def test_both_sources_need_acceptance_and_pass_nothing_on():
    for source in (Radiopaedia(), RadiopaediaNormal()):
        assert source.terms.needs_acceptance
        assert not source.terms.machine_learning and not source.terms.redistributable
        assert "by hand" in source.terms.manual
    assert not only().redistributable


KEYS = [
    *("modality", "images", "id", "public_filename", "plane_projection", "study", "series", "frames", "encodings"),
    *("thumbnailed_files", "original", "perspective", "caption", "findings"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=12,
)


@given(JSON, st.text(max_size=200), st.sampled_from([OLD, NEW]))
def test_any_stacks_and_any_page_are_rows(stacks, markup, study):
    web = Pages({f"{CASE}?lang=us": case_page(study=study, findings=markup) + markup, STACKS: json.dumps(stacks)})
    found = list(Radiopaedia().page_items(web, CASE))
    assert found and len({item.item_id for item in found}) == len(found)
    assert all(item.view in VIEWS and item.label in (None, *LABELS) for item in found)


@given(JSON, st.text(max_size=200))
def test_any_answer_of_the_viewer_is_rows(answer, markup):
    for content in (answer, {"study": answer}, {"study": {"series": answer}}):
        found, _ = new_items(json.dumps(content), study=BLOCK + markup)
        assert found and len({item.item_id for item in found}) == len(found)
        assert all(item.view in VIEWS and item.label in (None, *LABELS) for item in found)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_page(content):
    text = content.decode("utf-8", "replace")
    assert parse_case(text, CASE).page_url == CASE
    assert isinstance(parse_stacks(text), list)
    assert isinstance(parse_fullscreen("var stackedImages = " + text), list)
    assert isinstance(parse_viewer(text).pictures, list)
    parse_hits(soup(text), CASE)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text", ["[" * 500_000, '{"a":' * 200_000, "9" * 500_000, "<div class='case-study'>" * 100_000]
)
def test_monstrous_answers_take_bounded_time(text):
    assert parse_stacks(text) == parse_viewer(text).pictures == []
    assert parse_fullscreen(f"var stackedImages = {text}") == []
    parse_case(text, CASE)


def films(source, count=45):
    originals = []
    for n in range(count):
        view = ["PA", "AP", "AP_SUPINE", None, "L", "CT"][n % 6]
        facts = {"stated_view": view, "view": view or "PA", "patient_id": f"p{n // 2}", "study_id": f"s{n}"}
        stated = {"stated_age": None if n // 2 % 5 == 0 else 30.0 + n // 2, "stated_sex": (None, "F", "M")[n // 2 % 3]}
        when = {"offset_days": None if n % 7 == 0 else n % 9, "rt_pcr": None}
        originals.append(replace(film(n), source=source, **facts, **stated, **when))
    return originals


@pytest.mark.parametrize(
    "source, finding, expected", [(Radiopaedia(), "COVID-19", "covid"), (RadiopaediaNormal(), "Normal chest", "normal")]
)
def test_every_film_of_the_synthetic_site_is_listed(source, finding, expected, tmp_path):
    originals = [replace(each, finding=finding) for each in films(source.name)]
    found_items, site = list_items(source, render, originals, tmp_path)
    found = by_bytes(found_items, site)
    for each in originals:
        read = found[each.data]
        is_film = each.stated_view != "CT"
        assert (read.finding, read.view) == (finding, each.stated_view or "unknown")
        assert read.label == (expected if is_film or expected == "covid" else None)
        assert (read.age, read.sex, read.offset_days) == (each.stated_age, each.stated_sex, each.offset_days)
        assert (read.skip is None) == (each.stated_view not in ("L", "CT"))
    people = {(each.patient_id, found[each.data].patient_id) for each in originals}
    assert len(people) == len({each.patient_id for each in originals})
    assert sum(item.skip == "the API gives no address for the picture" for item in found_items) == 1
    rest = [item.skip for item in found_items if item not in found.values()]
    assert len(rest) == 2 and rest[0].startswith("parse: no image found") and rest[1] == "page is gone: HTTP 404"


def test_the_offline_copy_lists_96_pictures_of_49_cases(mirror):
    copy = Mirror(mirror)
    listed = list(Radiopaedia().items(copy))
    assert len(listed) == len({item.item_id for item in listed}) == 96
    assert Counter(item.label for item in listed) == {"covid": 90, "cap": 4, "other": 1, None: 1}
    views = Counter(item.view for item in listed if item.skip is None)
    assert views == {
        "PA": 30,
        "AP": 24,
        "AP_SUPINE": 6,
        "unknown": 14,
    }
    assert skips(listed) == {
        "fetch": 74,
        "CT according to its metadata": 15,
        "lateral view according to its metadata": 6,
        "parse": 1,
    }
    assert len({item.page_url for item in listed}) == 49
    assert sum(copy.holds(item) for item in listed if item.skip is None) == 73


def test_the_offline_copy_lists_the_normal_films_of_six_cases(mirror):
    copy = Mirror(mirror)
    listed = list(RadiopaediaNormal().items(copy))
    wanted = [(item.page_url.rpartition("/")[2], item.label) for item in listed if item.skip is None]
    assert wanted == [
        ("normal-chest-x-ray", "normal"),
        ("covid-19-pneumonia-58", None),
        ("normal-chest-child", "normal"),
        ("normal-chest-6-year-old-3", "normal"),
    ]
    assert sum(copy.holds(item) for item in listed if item.skip is None) == 3
    assert len({item.page_url for item in listed}) == 6
