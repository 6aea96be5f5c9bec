import tarfile

import pytest
from sites import film, list_items

from sources.nih import ARCHIVES, COLUMNS, FULL_TABLE_ROWS, TABLE, Nih, archive_hints, label, parse
from sources.sandbox.packing import mirror_path
from sources.sandbox.sites.nih import render

HEADER = (",".join(COLUMNS) + ",OriginalImage[Width,Height]\n").encode()


@pytest.mark.parametrize(
    "findings, expected",
    [
        ("No Finding", "normal"),
        ("Pneumonia", "cap"),
        ("Effusion|Consolidation", "cap"),
        ("Edema|Infiltration|Mass", "cap"),
        ("Effusion|Mass", "other"),
        ("Pneumothorax", "other"),
        ("", None),
    ],
)
def test_pneumonia_consolidation_and_infiltration_are_cap(findings, expected):
    assert label(findings) == expected


def test_a_row_is_read_as_a_whole():
    (item,) = parse(HEADER + b"00000061_012.png,Edema|Pneumonia,12,61,77,M,AP,3056,2544\n")
    assert (item.item_id, item.member, item.url) == ("00000061_012.png", "images/00000061_012.png", ARCHIVES[0])
    assert item.alternates == ARCHIVES[1:]
    assert (item.label, item.finding, item.view) == ("cap", "Edema|Pneumonia", "AP")
    assert (item.patient_id, item.study_id, item.age, item.sex) == ("61", "61-12", 77.0, "M")
    assert (item.pediatric, item.skip) == (False, None)


def test_films_of_other_findings_are_listed_and_not_fetched():
    (item,) = parse(HEADER + b"00000061_012.png,Effusion|Mass,0,61,7,F,PA,,\n")
    assert (item.label, item.skip, item.pediatric) == ("other", "finding not used: Effusion|Mass", True)


def test_ages_of_the_older_tables_that_cannot_be_are_unknown():
    (old, slip) = parse(HEADER + b"1_0.png,No Finding,0,1,058Y,F,PA\n2_0.png,No Finding,0,2,412,F,PA\n")
    assert (old.age, slip.age) == (58.0, None)


@pytest.mark.parametrize("name", ["", "../../x.png", "a.jpg"])
def test_a_name_that_is_not_an_image_is_not_fetched(name):
    (item,) = parse(HEADER + f"{name},No Finding,0,1,58,F,PA\n".encode())
    assert item.skip == "the table names no image"


def test_the_order_of_names_in_the_full_table_decides_the_archive():
    names = [f"{number:08d}_000.png" for number in range(FULL_TABLE_ROWS)]
    hints = archive_hints(names[::-1])
    assert [hints[names[place]] for place in (0, 4998, 4999, 14998, 14999, 104_998, 104_999)] == [0, 0, 1, 1, 2, 10, 11]
    assert hints[names[-1]] == 11
    assert archive_hints(names[:2400]) == {}


def test_the_hinted_archive_is_tried_first_and_every_other_once():
    rows = b"".join(b"%08d_000.png,No Finding,0,1,58,F,PA\n" % number for number in range(FULL_TABLE_ROWS))
    *_, item = parse(HEADER + rows)
    assert item.url == ARCHIVES[11] and {item.url, *item.alternates} == set(ARCHIVES)


def test_every_film_of_the_synthetic_site_is_listed(tmp_path):
    films = [
        film(1, label="normal", finding="No Finding", patient_id="a"),
        film(2, label="cap", finding="Effusion|Infiltration", patient_id="b", stated_view="AP", stated_age=None),
        film(3, label="cap", finding="Pneumonia", patient_id="a", stated_sex=None),
    ]
    items, site = list_items(Nih(), render, films, tmp_path)
    packed = {}
    for address in ARCHIVES[:2]:
        with tarfile.open(site.archive(address), "r:gz") as tar:
            packed |= {entry.name: tar.extractfile(entry).read() for entry in tar if entry.isfile()}
    found = {packed[item.member]: item for item in items if item.member in packed}
    for each in films:
        read = found[each.data]
        assert (read.label, read.finding, read.view) == (each.label, each.finding, each.stated_view)
        assert (read.age, read.sex, read.skip) == (each.stated_age, each.stated_sex, None)
    patients = [found[each.data].patient_id for each in films]
    assert patients[0] == patients[2] != patients[1]
    assert len(items) > len(films)  # rows whose image is in no archive stay rows
    assert mirror_path(ARCHIVES[2]) not in site.files


def test_the_published_table_and_archives(mirror):
    items = list(parse((mirror / mirror_path(TABLE)).read_bytes()))
    assert len(items) == len({item.item_id for item in items}) == 2400
    counts = {word: sum(item.label == word for item in items) for word in ("normal", "cap", "other")}
    assert counts == {"normal": 1257, "cap": 657, "other": 486}
    assert all((item.skip is None) == (item.label != "other") for item in items)
    members = set()
    for address in ARCHIVES[:2]:
        with tarfile.open(mirror / mirror_path(address), "r:gz") as tar:
            members |= {entry.name for entry in tar if entry.isfile()}
    present = [item for item in items if item.member in members]
    assert len(present) == 400 and all(item.skip is None for item in present)
    assert sum(item.label == "normal" for item in present) == 200
