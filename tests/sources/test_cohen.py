from urllib.parse import unquote

import pytest
from sites import by_bytes, film, list_items

from sources.cohen import TABLE, Cohen, parse
from sources.sandbox.packing import csv_table
from sources.sandbox.sites.cohen import HEADER, render

PLAIN = {
    "patientid": "2",
    "offset": "0",
    "sex": "M",
    "age": "65",
    "finding": "COVID-19",
    "view": "PA",
    "modality": "X-ray",
    "folder": "images",
    "filename": "a.jpg",
    "url": "https://www.nejm.org/doi/1",
    "license": "CC BY-NC-SA 4.0",
}


def item(**facts):
    (only,) = parse(csv_table(HEADER, [PLAIN | facts]))
    return only


def test_a_row_is_read_as_a_whole():
    read = item(doi="10.1000/x", other_notes="Credit to Radiology ASST Cremona", RT_PCR_positive="Y")
    assert (read.item_id, read.label, read.finding, read.view) == ("a.jpg", "covid", "COVID-19", "PA")
    assert (read.patient_id, read.age, read.sex, read.pediatric, read.offset_days) == ("2", 65.0, "M", False, 0.0)
    assert (read.rt_pcr, read.modality, read.page_url) == ("positive", "X-ray", "https://www.nejm.org/doi/1")
    assert read.attribution == "Credit to Radiology ASST Cremona; doi:10.1000/x"
    assert read.url.endswith("/images/a.jpg") and read.skip is None


@pytest.mark.parametrize(
    "doi, url, credited",
    [
        ("10.1056/nejmc2001272", "https://www.nejm.org/doi/full/10.1056/NEJMc2001272", "doi:10.1056/nejmc2001272"),
        ("10.1000/x", "https://papers.example/1", "doi:10.1000/x"),
        (
            "10.11909/j.issn.1671",
            "https://t.example/articles/10.1186/s41182",
            "https://t.example/articles/10.1186/s41182",
        ),
        ("?", "https://papers.example/1", "https://papers.example/1"),
        ("", "https://papers.example/1", "https://papers.example/1"),
    ],
)
def test_a_doi_that_the_address_contradicts_is_not_credited(doi, url, credited):
    assert item(doi=doi, url=url).attribution == credited


@pytest.mark.parametrize(
    "facts, label",
    [
        ({"finding": "COVID-19, ARDS"}, "covid"),
        ({"finding": "Pneumonia/Viral/COVID-19"}, "covid"),
        ({"finding": "COVID-19", "RT_PCR_positive": "N"}, None),
        ({"finding": "SARS"}, "cap"),
        ({"finding": "ARDS"}, "other"),
        ({"finding": "Pneumocystis"}, "other"),
        ({"finding": "todo"}, None),
        ({"finding": ""}, None),
        ({"finding": "No Finding"}, "normal"),
    ],
)
def test_findings_become_labels(facts, label):
    assert item(**facts).label == label


@pytest.mark.parametrize(
    "facts",
    [
        {"filename": "1-s2.0-S1341321X20301124-gr3_lrg-a.png"},
        {"url": "https://github.com/ml-workgroup/covid-19-image-repository"},
        {"url": "https://www.sirm.org/2020/03/08/covid-19-caso-13/"},
    ],
    ids=["the film shows opacities", "dated by version 1.0 of Hannover's data", "the page says COVID-19"],
)
def test_a_contradicted_no_finding_is_not_a_label(facts):
    read = item(finding="No Finding", **facts)
    assert (read.label, read.finding) == (None, "No Finding")


@pytest.mark.parametrize(
    "licence, word, free",
    [
        ("CC BY 3.0", "CC-BY-3.0", True),
        ("CC BY-NC-SA", "CC-BY-NC-SA", True),
        ("Apache 2.0", "Apache-2.0", True),
        ("CC BY-NC-ND 4.0", "CC-BY-NC-ND-4.0", False),
        ("listed as authorized for everyone", "listed as authorized for everyone", False),
        (" ", None, False),
    ],
)
def test_only_known_free_licences_allow_passing_on(licence, word, free):
    read = item(license=licence)
    assert (read.licence, read.redistributable) == (word, free)


def test_films_of_radiopaedia_are_never_passed_on():
    assert not item(url="https://radiopaedia.org/cases/x?lang=us", license="CC BY-NC-SA").redistributable
    assert item(url="https://notradiopaedia.org/cases/x", license="CC BY-NC-SA").redistributable


def test_ct_slices_are_fetched_and_volumes_are_not():
    slice_, volume = item(modality="CT", view="Coronal"), item(modality="CT", folder="volumes", filename="a.nii.gz")
    assert (slice_.view, slice_.skip) == ("CT", None)
    assert (volume.view, volume.skip) == ("CT", "CT volume, not an image")


def test_names_with_spaces_are_quoted_and_odd_values_stay_unknown():
    read = item(filename="day 3.PNG", offset="?", view="?", age="", sex="", patientid="313b", url="see paper")
    assert read.url.endswith("/images/day%203.PNG")
    assert (read.offset_days, read.view, read.age, read.sex, read.pediatric) == (None, "unknown", None, None, None)
    assert (read.patient_id, read.page_url) == ("313b", TABLE)


def test_a_file_that_two_rows_name_is_two_items():
    rows = [PLAIN | {"patientid": "285"}, PLAIN | {"patientid": "339"}]
    first, second = parse(csv_table(HEADER, rows))
    assert (first.item_id, second.item_id) == ("a.jpg", "a.jpg#339")
    assert first.url == second.url


def test_every_film_of_the_synthetic_site_is_listed(tmp_path):
    films = [
        film(1, finding="COVID-19", offset_days=-2, rt_pcr=None),
        film(2, label="cap", finding="Streptococcus", stated_view="AP_SUPINE", stated_age=None, rt_pcr="negative"),
        film(3, view="CT", stated_view="CT", stated_sex=None),
        film(4, label="normal", finding="No Finding", stated_view=None, rt_pcr=None, offset_days=None),
    ]
    items, site = list_items(Cohen(), render, films, tmp_path)
    found = by_bytes(items, site)
    for each, view in zip(films, ["PA", "AP_SUPINE", "CT", "unknown"], strict=True):
        read = found[each.data]
        assert (read.label, read.finding, read.view) == (each.label, each.finding, view)
        assert (read.patient_id, read.age, read.sex) == (each.patient_id, each.stated_age, each.stated_sex)
        assert (read.offset_days, read.rt_pcr) == (each.offset_days, each.rt_pcr)
    assert [i.skip for i in items if i not in found.values()] == ["CT volume, not an image", None]


def test_the_published_table_has_751_rows(mirror):
    items = list(parse((mirror / TABLE.removeprefix("https://")).read_bytes()))
    assert len(items) == len({item.item_id for item in items}) == 751
    assert sum(item.skip is not None for item in items) == 21
    assert sum(item.view == "CT" and item.skip is None for item in items) == 63
    assert sum(item.label == "covid" for item in items) == 538
    no_finding = [item for item in items if item.finding == "No Finding"]
    assert len(no_finding) == 23 and sum(item.label is None for item in no_finding) == 13
    assert [item.item_id for item in items if "#" in item.item_id] == [
        *("000001-24.jpg#339", "000006-17.jpg#339", "000007-15.jpg#339", "000001-27.jpg#340", "000002-29.jpg#340")
    ]
    files = [mirror / unquote(item.url.removeprefix("https://")) for item in items]
    assert sum(file.is_file() for file in files) == 434
