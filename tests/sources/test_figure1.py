from urllib.parse import unquote

import pytest
from sites import by_bytes, film, list_items

from sources.figure1 import COLUMNS, TABLE, Figure1, parse, patient
from sources.sandbox.sites.figure1 import render

HEADER = ",".join([*COLUMNS, "notes"]).encode() + b"\n"


@pytest.mark.parametrize(
    "written, number",
    [("COVID-00003a", "COVID-00003"), ("COVID-00003b", "COVID-00003"), ("COVID-00004", "COVID-00004")],
)
def test_letters_count_the_films_of_one_patient(written, number):
    assert patient(written) == number


def test_a_row_is_read_as_a_whole():
    (item,) = parse(HEADER + b"COVID-00002,13,M,50+,COVID-19,AP erect,X-ray,fever 38\xb0\n")
    assert (item.item_id, item.label, item.view) == ("COVID-00002", "covid", "AP")
    assert (item.age, item.sex, item.offset_days, item.redistributable) == (50.0, "M", 13.0, False)
    assert item.url.endswith("/images/COVID-00002.jpg")
    assert [url.rpartition(".")[2] for url in item.alternates] == ["png"]


@pytest.mark.parametrize(
    "finding, label", [("", None), ("No finding", "normal"), ("Pneumonia", "cap"), ("COVID-19", "covid")]
)
def test_findings_become_labels(finding, label):
    (item,) = parse(HEADER + f"COVID-00002,,,mid 50s,{finding},,X-ray,\n".encode())
    assert (item.label, item.finding, item.age) == (label, finding or None, None)


def test_every_film_of_the_synthetic_site_is_listed(tmp_path):
    films = [
        film(1, patient_id="a"),
        film(2, patient_id="b", extension="png", stated_view="AP", stated_age=None),
        film(3, patient_id="a", label="normal", finding="No finding", stated_sex=None, offset_days=None),
    ]
    items, site = list_items(Figure1(), render, films, tmp_path)
    found = by_bytes(items, site)
    for each, name in zip(films, ["COVID-00001a", "COVID-00002", "COVID-00001b"], strict=True):
        read = found[each.data]
        assert (read.item_id, read.patient_id) == (name, name[:11])
        assert (read.label, read.finding, read.view) == (each.label, each.finding, each.stated_view)
        assert (read.age, read.sex, read.offset_days) == (
            each.stated_age,
            each.stated_sex,
            each.offset_days,
        )


def test_the_published_table_has_55_films_of_48_patients(mirror):
    items = list(parse((mirror / TABLE.removeprefix("https://")).read_bytes()))
    assert len(items) == 55 and len({item.patient_id for item in items}) == 48
    assert [sum(item.label == label for item in items) for label in ("covid", None, "normal", "cap")] == [35, 15, 3, 2]
    addresses = [[item.url, *item.alternates] for item in items]
    there = [any((mirror / unquote(url.removeprefix("https://"))).is_file() for url in urls) for urls in addresses]
    assert sum(there) == 51
