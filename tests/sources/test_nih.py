import gzip
import tarfile

import pytest
from sites import Pages, film, list_items

from sources.core.errors import CxnetError, UsageError
from sources.nih import ARCHIVES, COLUMNS, FULL_TABLE_ROWS, PINNED_TABLE, TABLE, Nih, archive_hints, label, parse
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


NAMES = ("00000061_012.png", "Edema|Pneumonia", "012", "00061", "057Y", "M", "AP")
HEADERS = {
    "of 2017": "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],",
    "of 2020": "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Sex,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]",
    "quoted brackets": "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Sex,View Position,"
    '"OriginalImage[Width,Height]","OriginalImagePixelSpacing[x,y]"',
    "of a script": "image_index,finding_labels,follow_up,patient_id,patient_age,patient_gender,view_position",
    "bare": "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Sex,View Position",
}


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("end", ["\n", "\r\n", ",2682,2749,0.143,0.143,\n"])
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_every_header_of_the_table_is_read(name, end, delimiter):
    header = HEADERS[name] if '"' in HEADERS[name] else HEADERS[name].replace(",", delimiter)
    if '"' in header and delimiter == ";":
        pytest.skip("a table with quoted commas is separated by commas")
    line = delimiter.join(NAMES) + end.replace(",", delimiter)
    (item,) = parse(f"\ufeff{header}{end[-2:].lstrip(',')}{line}".encode())
    assert (item.item_id, item.label, item.view) == ("00000061_012.png", "cap", "AP")
    assert (item.patient_id, item.study_id, item.age, item.sex) == ("00061", "00061-012", 57.0, "M")


def test_a_gzipped_table_is_read_and_a_damaged_one_is_one_sentence():
    packed = gzip.compress(HEADER + b"1_0.png,No Finding,0,1,58,F,PA\n")
    assert [item.label for item in parse(packed)] == ["normal"]
    with pytest.raises(CxnetError, match="is a damaged gzip file"):
        list(parse(packed[:-9]))
    with pytest.raises(CxnetError, match="expands to more than 200 MB"):
        list(parse(gzip.compress(bytes(200_000_001))))


def test_another_table_is_refused_with_its_columns():
    with pytest.raises(CxnetError, match=r"has no column 'Image Index', 'Finding Labels'.*it has: 'a', 'b'"):
        list(parse(b"a,b\n1,2\n", "https://x.org/t.csv"))


ROWS = HEADER.decode() + "1_0.png,No Finding,0,1,58,F,PA\n"


@pytest.mark.parametrize("place", [PINNED_TABLE, TABLE])
def test_the_table_comes_from_the_first_address_that_has_it(place):
    web = Pages({place: ROWS})
    assert [item.page_url for item in Nih().items(web)] == [place]
    assert web.requests == [PINNED_TABLE, TABLE][: 1 + (place == TABLE)]


def test_a_table_at_none_of_its_addresses_is_one_sentence_that_says_what_to_do():
    with pytest.raises(
        CxnetError, match=r"not available at any of its addresses .*HTTP 404.*--url FILE, or fetch.options.nih.table"
    ):
        list(Nih().items(Pages({})))


def test_the_user_may_name_a_copy_of_the_table(tmp_path):
    file = tmp_path / "labels.csv"
    file.write_text(ROWS)
    address = "https://copies.example/labels.csv"
    web = Pages({address: ROWS})
    for place, page_url in ((str(file), Nih.homepage), (file.as_uri(), Nih.homepage), (address, address)):
        assert [item.page_url for item in Nih().page_items(web, place)] == [page_url]
        chosen = Nih().configured({"table": place})
        assert [item.page_url for item in chosen.items(web)] == [page_url]
        assert chosen.reach().include("copies.example") == Nih().reach([place]).include("copies.example")
    assert Nih().configured({"table": address}).reach().include("copies.example")
    assert not Nih().reach().include("copies.example")
    with pytest.raises(CxnetError, match="cannot be read"):
        list(Nih().page_items(web, str(tmp_path / "absent.csv")))


def test_an_unknown_or_empty_option_is_a_usage_error():
    with pytest.raises(UsageError, match=r"Unknown option 'tabel' of source 'nih' .*expected one of: table"):
        Nih().configured({"tabel": "x"})
    with pytest.raises(UsageError, match=r"fetch.options.nih.table is '': it should be a copy of Data_Entry"):
        Nih().configured({"table": ""})


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
