import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sites import film, list_items

from sources.core.errors import CxnetError
from sources.pediatric import ARCHIVE, Pediatric, is_film, parse, parse_name
from sources.reading.archive import member_names
from sources.sandbox.packing import mirror_path
from sources.sandbox.sites.pediatric import render


@pytest.mark.parametrize(
    "stem, patient, cause",
    [
        ("person1_bacteria_1", "person1", "bacteria"),
        ("person1949_virus_12", "person1949", "virus"),
        ("IM-0115-0001", "IM-0115", None),
        ("IM-0117-0001-0002", "IM-0117", None),
        ("NORMAL2-IM-1427-0001", "NORMAL2-IM-1427", None),
        ("NORMAL-1003233-0001", "NORMAL-1003233", None),
        ("BACTERIA-1008087-0001", "BACTERIA-1008087", "bacteria"),
        ("VIRUS-1000001-0003", "VIRUS-1000001", "virus"),
        ("holiday", None, None),
    ],
)
def test_file_names_of_versions_2_and_3_contain_patient_and_cause(stem, patient, cause):
    assert parse_name(stem) == (patient, cause)


def test_a_member_is_read_as_a_whole():
    (item,) = parse(["chest_xray/train/PNEUMONIA/person1_virus_6.jpeg"])
    assert (item.item_id, item.url) == ("train/PNEUMONIA/person1_virus_6.jpeg", ARCHIVE)
    assert item.member == "chest_xray/train/PNEUMONIA/person1_virus_6.jpeg"
    assert (item.label, item.finding, item.view, item.pediatric) == ("cap", "PNEUMONIA (virus)", "AP", True)
    assert (item.patient_id, item.licence, item.redistributable) == ("train/person1", "CC-BY-4.0", True)


def test_the_same_number_in_train_and_test_is_not_one_child():
    items = parse([f"chest_xray/{part}/PNEUMONIA/person1_bacteria_1.jpeg" for part in ("train", "test")])
    assert [item.patient_id for item in items] == ["test/person1", "train/person1"]


@pytest.mark.parametrize(
    "member",
    [
        "chest_xray/.DS_Store",
        "__MACOSX/chest_xray/train/NORMAL/._IM-0115-0001.jpeg",
        "chest_xray/train/NORMAL/._IM-0115-0001.jpeg",
        "chest_xray/train/NORMAL/readme.txt",
        "chest_xray/train/NORMAL/",
        "IM-0115-0001.jpeg",
    ],
)
def test_leftovers_are_no_films(member):
    assert not is_film(member)


def test_an_archive_of_something_else_is_one_clear_error():
    with pytest.raises(CxnetError, match="not the pediatric set"):
        list(parse(["OCT/train/notes.txt"]))


@given(st.lists(st.text(max_size=60).map(lambda text: text + "/train/NORMAL/IM-1-1.jpeg") | st.text(max_size=60)))
def test_any_member_names_are_items_or_one_clear_error(members):
    try:
        items = list(parse(members))
    except CxnetError:
        assert not any(is_film(member) for member in members)
    else:
        assert len({item.item_id for item in items}) == len(items)


def test_every_film_of_the_synthetic_site_is_listed(tmp_path):
    films = [
        film(number, label=label, finding=finding, patient_id=f"child{number // 2}")
        for number, (label, finding) in enumerate(
            [("normal", "normal"), ("normal", "normal"), ("cap", "bacterial pneumonia"), ("cap", "viral pneumonia")] * 4
        )
    ]
    items, site = list_items(Pediatric(), render, films, tmp_path)
    with zipfile.ZipFile(site.archive(ARCHIVE)) as archive:
        found = {archive.read(item.member): item for item in items}
    assert [found[each.data].label for each in films] == [each.label for each in films]
    assert [found[each.data].finding for each in films[2:4]] == ["PNEUMONIA (bacteria)", "PNEUMONIA (virus)"]
    patients = {(each.patient_id, found[each.data].patient_id) for each in films}
    assert len(patients) == len({ours for _, ours in patients}) == 8  # one name per child, no name twice
    assert len(items) == len(films)


def test_the_published_archive_has_500_films(mirror):
    items = list(parse(member_names(mirror / mirror_path(ARCHIVE))))
    assert len(items) == len({item.item_id for item in items}) == 500
    assert sum(item.label == "normal" for item in items) == 250
    assert sum(item.item_id.startswith("test/") for item in items) == 100
    assert all(item.patient_id and item.pediatric for item in items)


def test_the_hosts_of_the_redirect_are_allowed():
    for host in ("prod-dcd-datasets-public-files", "md-datasets-public-files-prod"):
        assert any(known.startswith(host) for known in Pediatric.hosts)
