import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sites import Site, by_bytes, film, list_items

from sources.core.errors import WebError
from sources.cxnet import FOLDER, KNOWN_NAMES, LISTING, TABLE, Cxnet, names_in_tree, parse
from sources.sandbox.packing import csv_table, mirror_path
from sources.sandbox.sites.cxnet import HEADER, render

ROW = {
    "filename": "481p-.jpg",
    "patient_id": "168",
    "sex": "male",
    "age": "7",
    "view": "AP",
    "label": "COVID-19",
    "pcr_test": "positive",
    "admission_offset": "4",
    "url": "https://example.org/1",
}


def only(names=(), **facts):
    (item,) = parse(csv_table(HEADER, [ROW | facts], encoding="utf-8-sig"), names)
    return item


def test_a_row_is_read_as_a_whole():
    item = only(["481p-.jpg"])
    assert (item.item_id, item.alternates, item.page_url) == ("481p-", (), "https://example.org/1")
    assert item.url.endswith(f"/{FOLDER}/481p-.jpg")
    assert (item.label, item.finding, item.view) == ("covid", "COVID-19, no abnormality seen", "AP")
    assert (item.patient_id, item.sex, item.age, item.pediatric) == ("168", "M", 7.0, True)
    assert (item.offset_days, item.rt_pcr, item.redistributable) == (4.0, "positive", False)


@pytest.mark.parametrize(
    "name, age, finding, pediatric",
    [
        ("280-.jpg", "50", "COVID-19, no abnormality seen", False),
        ("446p.jpg", "", "COVID-19", True),
        ("300.jpg", "", "COVID-19", None),
        ("300.jpg", "12", "COVID-19", True),
    ],
)
def test_suffixes_mark_children_and_films_without_a_sign(name, age, finding, pediatric):
    item = only(filename=name, age=age)
    assert (item.finding, item.pediatric, item.label) == (finding, pediatric, "covid")


def test_a_negative_test_beside_the_label_stays_visible():
    item = only(pcr_test="negative")
    assert (item.label, item.rt_pcr) == ("covid", "negative")


def test_the_day_since_the_first_symptoms_replaces_a_missing_day_of_admission():
    assert only(admission_offset="", symptom_offset="9").offset_days == 9.0


def test_a_film_without_a_row_is_covid_by_its_folder_and_nothing_else_is_known():
    item, _ = parse(csv_table(HEADER, [ROW]), ["180-.jpeg"])
    assert (item.item_id, item.label, item.finding) == ("180-", "covid", "COVID-19, no abnormality seen")
    assert (item.patient_id, item.age, item.sex, item.view, item.page_url) == (None, None, None, "unknown", TABLE)


def test_a_row_that_spells_its_file_otherwise_finds_it():
    assert only(["422.JPG"], filename="422.jpg").url.endswith("/422.JPG")
    unlisted = only(filename="422.jpg")
    assert unlisted.url.endswith("/422.jpg")
    assert [url.rpartition(".")[2] for url in unlisted.alternates] == ["jpeg", "png", "PNG", "JPG", "jfif", "webp"]


def test_names_come_from_the_tree_listing():
    tree = [{"path": f"{FOLDER}/001.jpeg"}, {"path": f"{FOLDER}/readme.md"}, {"path": "001.jpg"}, {"path": 3}, None]
    assert names_in_tree({"tree": tree}) == ["001.jpeg"]


@pytest.mark.parametrize("answer", [None, [], {"message": "API rate limit exceeded"}, {"tree": [{}]}, {"tree": "x"}])
def test_an_answer_without_films_is_not_a_listing(answer):
    with pytest.raises(ValueError, match="lists no film"):
        names_in_tree(answer)


@given(
    st.recursive(
        st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_answer_is_names_or_a_value_error(answer):
    with pytest.raises(ValueError):
        names_in_tree({"tree": answer})


def test_every_film_of_the_synthetic_site_is_listed(tmp_path):
    films = [
        film(1, finding="COVID-19, no abnormality seen"),
        film(2, stated_age=6.0, stated_sex=None, extension="png", rt_pcr="negative"),
        film(3, stated_age=None, stated_sex=None, stated_view=None, offset_days=None, rt_pcr=None),
    ]
    items, site = list_items(Cxnet(), render, films, tmp_path)
    found = by_bytes(items, site)
    for each in films:
        read = found[each.data]
        assert (read.label, read.finding, read.age, read.sex) == (
            *("covid", each.finding, each.stated_age, each.stated_sex),
        )
        assert (read.offset_days, read.rt_pcr) == (each.offset_days, each.rt_pcr)
    assert [found[each.data].item_id for each in films] == ["260-", "261p", "001"]
    assert [found[each.data].patient_id for each in films] == ["patient001", "patient002", None]
    assert len(json.loads(site.files[mirror_path(LISTING)])["tree"]) == 1 + len(films)


def test_the_published_table_and_the_shipped_names_find_every_film_of_the_mirror(mirror):
    names = KNOWN_NAMES.read_text().split()[1:]
    items = list(parse((mirror / mirror_path(TABLE)).read_bytes(), names))
    assert len(items) == len({item.item_id for item in items}) == 598
    assert sum(item.rt_pcr == "negative" for item in items) == 23
    assert sum(item.finding.endswith("no abnormality seen") for item in items) == 34
    assert (
        sum(any((mirror / mirror_path(url)).is_file() for url in (item.url, *item.alternates)) for item in items) == 180
    )


def test_without_the_listing_the_table_and_the_shipped_names_serve(tmp_path):
    class Offline(Site):
        def get(self, url):
            if url == LISTING:
                raise WebError(url, "HTTP 404", 404)
            return super().get(url)

    site = Offline({mirror_path(TABLE): csv_table(HEADER, [ROW | {"filename": "900.jpg"}])}, tmp_path)
    ids = [item.item_id for item in Cxnet().items(site)]
    assert len(ids) == 1 + len(KNOWN_NAMES.read_text().split()[1:]) and ids[-1] == "900"
