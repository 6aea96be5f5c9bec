import zipfile

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sites import Pages, film, gone, list_items

from sources.core.errors import CxnetError, WebError
from sources.language.ages import parse_age
from sources.language.words import parse_sex
from sources.sandbox.sites.tuberculosis import render
from sources.tuberculosis import (
    ARCHIVES,
    FOLDERS,
    Reading,
    Tuberculosis,
    is_film,
    parse,
    read_reading,
    readings,
    single_files,
)

MONTGOMERY, SHENZHEN = ARCHIVES


@pytest.mark.parametrize(
    "text, sex, age, finding",
    [
        ("Patient's Sex: F\nPatient's Age: 027Y\nnormal \n", "F", 27.0, "normal"),
        ("male 45yrs\nnormal", "M", 45.0, "normal"),
        ("femal 32yrs\nsecondary PTB", "F", 32.0, "secondary PTB"),
        ("Female, 28yrs\nnormal", "F", 28.0, "normal"),
        ("male 16month\n", "M", 1.3333, None),
        ("female 64days\nPTB in the left", "F", 0.1752, "PTB in the left"),
        ("Male,\nnormal", "M", None, "normal"),
        ("", None, None, None),
    ],
)
def test_clinical_texts_and_their_slips_are_read(text, sex, age, finding):
    reading = read_reading(text)
    assert (parse_sex(reading.sex), parse_age(reading.age), reading.finding) == (sex, age, finding)


def test_an_unknown_text_is_kept_as_the_finding():
    assert read_reading("see\n report") == Reading(None, None, "see report")


def test_a_film_is_read_as_a_whole_with_its_masks():
    members = [
        "MontgomerySet/CXR_png/MCUCXR_0001_0.png",
        "MontgomerySet/ClinicalReadings/MCUCXR_0001_0.txt",
        "MontgomerySet/ManualMask/rightMask/MCUCXR_0001_0.png",
        "MontgomerySet/ManualMask/leftMask/MCUCXR_0001_0.png",
    ]
    (item,) = parse(MONTGOMERY, members, {members[1]: "Patient's Sex: F\nPatient's Age: 017Y\nnormal"})
    assert (item.item_id, item.url, item.member) == ("MCUCXR_0001_0", MONTGOMERY, members[0])
    assert (item.label, item.finding, item.view, item.patient_id) == ("normal", "normal", "PA", "MCUCXR_0001")
    assert (item.age, item.sex, item.pediatric) == (17.0, "F", True)
    assert item.mask_urls == (f"{MONTGOMERY}#{members[3]}", f"{MONTGOMERY}#{members[2]}")


def test_names_ending_in_1_are_other():
    (item,) = parse(SHENZHEN, ["ChinaSet_AllFiles/CXR_png/CHNCXR_0400_1.png"], {})
    assert (item.label, item.finding, item.age, item.mask_urls) == ("other", None, None, ())


@pytest.mark.parametrize(
    "member",
    [
        "__MACOSX/ChinaSet_AllFiles/CXR_png/._CHNCXR_0001_0.png",
        "ChinaSet_AllFiles/mask/CHNCXR_0001_0_mask.png",
        "MontgomerySet/ManualMask/leftMask/MCUCXR_0001_0.png",
        "ChinaSet_AllFiles/CXR_png/Thumbs.db",
    ],
)
def test_masks_and_leftovers_are_no_films(member):
    assert not is_film(member)


def test_an_archive_of_something_else_is_one_clear_error():
    with pytest.raises(CxnetError, match="not one of the tuberculosis sets"):
        list(parse(SHENZHEN, ["readme.txt"], {}))


SHENZHEN_FOLDER = FOLDERS[1]


def single(**more):
    index = '<a href="CHNCXR_0001_0.png">CHNCXR_0001_0.png</a> <a href="CHNCXR_0400_1.png">x</a><a href="Thumbs.db">'
    return {
        f"{SHENZHEN_FOLDER}CXR_png/index.html": index,
        f"{SHENZHEN_FOLDER}ClinicalReadings/CHNCXR_0001_0.txt": "male 45yrs\nnormal",
    } | more


def test_without_the_zip_the_files_come_one_by_one():
    masks = {f"{SHENZHEN_FOLDER}ManualMask/leftMask/index.html": '<a href="CHNCXR_0001_0.png">'}
    first, second = single_files(Pages(single(**masks)), SHENZHEN_FOLDER, CxnetError("gone"))
    assert (first.item_id, first.url, first.member) == (
        *("CHNCXR_0001_0", f"{SHENZHEN_FOLDER}CXR_png/CHNCXR_0001_0.png", None),
    )
    assert (first.label, first.age, first.sex, first.finding) == ("normal", 45.0, "M", "normal")
    assert first.mask_urls == (f"{SHENZHEN_FOLDER}ManualMask/leftMask/CHNCXR_0001_0.png",)
    assert (second.item_id, second.label, second.age, second.mask_urls) == ("CHNCXR_0400_1", "other", None, ())


class Zips(Pages):
    """A site whose zips are gone or damaged."""

    def __init__(self, pages, zip_file=None):
        super().__init__(pages)
        self.zip_file = zip_file

    def archive(self, url):
        if self.zip_file is None:
            raise gone(url)
        return self.zip_file


def test_a_zip_that_is_gone_or_damaged_is_replaced_by_single_files(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"<html>moved</html>")
    montgomery = {f"{FOLDERS[0]}CXR_png/index.html": '<a href="MCUCXR_0001_0.png">'}
    for zip_file in (None, tmp_path / "x.zip"):
        items = list(Tuberculosis().items(Zips(montgomery | single(), zip_file)))
        assert [item.item_id for item in items] == ["MCUCXR_0001_0", "CHNCXR_0001_0", "CHNCXR_0400_1"]


def test_a_set_that_is_nowhere_is_one_sentence():
    with pytest.raises(CxnetError, match=r"NLM-MontgomeryCXRSet.zip: HTTP 404\. .*CXR_png/index.html lists no film"):
        list(Tuberculosis().items(Zips({})))


def test_texts_that_cannot_be_read_are_one_counted_warning(caplog):
    busy = WebError("https://x.org/t.txt", "HTTP 503 (5 tries)", 503)
    pages = single(**{f"{SHENZHEN_FOLDER}ClinicalReadings/CHNCXR_0400_1.txt": busy})
    first, second = single_files(Pages(pages), SHENZHEN_FOLDER, CxnetError("gone"))
    assert (first.age, second.age) == (45.0, None)
    assert [record.getMessage() for record in caplog.records] == [
        "1 clinical texts of the tuberculosis sets could not be read (HTTP 503 (5 tries)); age, sex and finding "
        "of their films are unknown until the next fetch"
    ]


@given(st.text(max_size=300))
def test_any_text_is_a_reading(text):
    reading = read_reading(text)
    parse_sex(reading.sex)
    parse_age(reading.age)


@given(st.lists(st.text(max_size=40).map(lambda text: f"{text}/CXR_png/CHNCXR_0001_0.png") | st.text(max_size=40)))
def test_any_member_names_are_items_or_one_clear_error(members):
    readings(members)
    try:
        items = list(parse(SHENZHEN, members, {}))
    except CxnetError:
        assert True
    else:
        assert [item.item_id for item in items] == ["CHNCXR_0001_0"]


def lungs():
    mask = np.zeros((8, 10), np.uint8)
    mask[2:6, 1:4] = mask[2:6, 6:9] = 255
    return bytes(cv2.imencode(".png", mask)[1])


def test_every_film_and_mask_of_the_synthetic_site_is_listed(tmp_path):
    films = [
        film(1, label="normal", finding="normal", lung_mask=lungs()),
        film(2, label="other", finding="tuberculosis", stated_age=None, stated_sex="M"),
        film(3, label="normal", finding="normal", lung_mask=lungs(), stated_sex=None),
        film(4, label="normal", finding="normal", stated_age=1.5, stated_sex="M"),
    ]
    items, site = list_items(Tuberculosis(), render, films, tmp_path)
    with zipfile.ZipFile(site.archive(MONTGOMERY)) as archive:
        content = {f"{MONTGOMERY}#{name}": archive.read(name) for name in archive.namelist()}
    content |= {f"https://{path}": data for path, data in site.files.items()}
    found = {content[f"{item.url}#{item.member}" if item.member else item.url]: item for item in items}
    assert {bool(item.member) for item in items} == {True, False}
    assert len(items) == len(films)
    for each in films:
        read = found[each.data]
        assert (read.label, read.finding) == (each.label, each.finding)
        assert (read.age, read.sex) == (each.stated_age, each.stated_sex)
    masks = [sum(read_mask(content[url]) for url in found[films[number].data].mask_urls) for number in (0, 2)]
    assert all(np.array_equal(mask, read_mask(lungs())) for mask in masks)


def read_mask(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
