from urllib.parse import unquote

import pytest
from sites import by_bytes, film, list_items

from sources.core.errors import CxnetError
from sources.hannover import MISDATED_IN_VERSION_1, TABLE, Hannover, label, parse
from sources.sandbox.sites.hannover import render

HEADER = "patient_id,image_id,sex,age,size,weight,admission_offset,modality,projection"


def table(*rows):
    return "\n".join([HEADER, *rows, ""]).encode()


@pytest.mark.parametrize(
    "admission_offset, expected",
    [
        (15.0, "normal"),  # more than 14 days before admission
        (14.0, "covid"),  # strict
        (0.0, "covid"),
        (-400.0, "covid"),  # one-sided: any day after admission
        (None, "covid"),
    ],
)
def test_only_films_more_than_14_days_before_admission_are_normal(admission_offset, expected):
    assert label(admission_offset) == expected


def test_a_row_is_read_as_a_whole():
    (item,) = parse(table("09ec853d,2168a917,m,,,,-21,DX,pa"))
    assert (item.item_id, item.patient_id, item.sex, item.age) == ("2168a917", "09ec853d", "M", None)
    assert (item.view, item.modality, item.label, item.offset_days) == ("PA", "DX", "covid", 21.0)
    assert (item.licence, item.redistributable, item.skip) == ("CC-BY-3.0", True, None)
    assert item.url.endswith("/png/2168a917.png")


def test_an_unknown_date_stays_unknown():
    (item,) = parse(table("p,i,f,,,,,CR,ap"))
    assert (item.offset_days, item.label) == (None, "covid")


def test_version_1_of_the_data_is_refused():
    with pytest.raises(CxnetError, match=r"version 1\.0 .*f6575117"):
        list(parse(table("1c642000,f6575117,f,,,,28,DX,pa")))


def test_a_row_without_an_image_is_a_row_with_that_reason():
    (item,) = parse(table("p,,f,,,,0,CR,ap"))
    assert item.skip == "the table names no image"


def test_every_film_of_the_synthetic_site_is_listed(tmp_path):
    films = [
        film(1, patient_id="a", offset_days=0, stated_age=None),
        film(2, patient_id="a", offset_days=None, stated_age=None, stated_view="AP", view="AP"),
        film(3, patient_id="b", label="normal", offset_days=-20, stated_age=None, stated_sex=None),
    ]
    items, site = list_items(Hannover(), render, films, tmp_path)
    found = by_bytes(items, site)
    assert [(i.label, i.view, i.sex, i.offset_days) for i in (found[f.data] for f in films)] == [
        ("covid", "PA", "F", 0.0),
        ("covid", "AP", "F", None),
        ("normal", "PA", None, -20.0),
    ]
    assert found[films[0].data].patient_id == found[films[1].data].patient_id != found[films[2].data].patient_id


def test_the_published_table_has_243_films_two_of_them_normal(mirror):
    items = list(parse((mirror / TABLE.removeprefix("https://")).read_bytes()))
    assert len(items) == 243
    assert len({item.patient_id for item in items}) == 71
    assert {item.item_id for item in items if item.label == "normal"} == {"2c35005f", "ada8c494"}
    assert sum(item.view == "PA" for item in items) == 49 and sum(item.view == "AP" for item in items) == 194
    assert sum((mirror / unquote(item.url.removeprefix("https://"))).is_file() for item in items) == 120
    dates = {item.item_id: item.offset_days for item in items}
    assert all(dates.get(film_id, 0.0) >= 0 for film_id in MISDATED_IN_VERSION_1)  # corrected: none before admission
