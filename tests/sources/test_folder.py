import os
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.own_folder import FolderParams
from sources.core.errors import CxnetError, UsageError
from sources.folder import Folder, folder_sources
from sources.own.files import Files
from sources.own.names import is_outside

PNG = b"\x89PNG\r\n\x1a\n rest"
JPEG = b"\xff\xd8\xff\xe0 rest"
COLUMNS = {"item_id": "file", "patient_id": "pid", "label": "finding", "view": "projection"}
LABELS = {"COVID-19": "covid", "No finding": "normal"}


@pytest.fixture
def films(tmp_path) -> Path:
    folder = tmp_path / "films"
    (folder / "2020").mkdir(parents=True)
    (folder / "2020" / "a b.png").write_bytes(PNG)
    (folder / "b.jpg").write_bytes(JPEG)
    (folder / "IM0001").write_bytes(b"\0" * 128 + b"DICM")
    (folder / "notes").write_bytes(b"no image")
    (folder / ".hidden.png").write_bytes(PNG)
    return folder


def items_of(folder, **facts):
    spec = FolderParams(name="clinic_a", path=str(folder), **facts)
    return list(Folder(spec).items(None))


def bytes_of(folder, item):
    return b"".join(Folder(FolderParams(name="clinic_a", path=str(folder))).read(item))


def test_a_folder_without_a_table_gives_a_row_per_image(films):
    items = items_of(films, licence="internal")
    assert [item.item_id for item in items] == ["2020/a b.png", "IM0001", "b.jpg"]
    assert [(i.label, i.finding, i.view, i.patient_id, i.skip) for i in items] == [
        (None, None, "unknown", None, None)
    ] * 3
    assert {(item.licence, item.redistributable) for item in items} == {("internal", False)}
    assert [bytes_of(films, item) for item in items] == [PNG, b"\0" * 128 + b"DICM", JPEG]


def test_a_table_is_mapped_onto_our_columns(films):
    (films / "films.csv").write_text("file,pid,finding,projection,years\n2020/a b.png,7,COVID-19,AP Supine,61\n")
    first, *rest = items_of(films, table="films.csv", columns={**COLUMNS, "age": "years"}, labels=LABELS)
    assert (first.item_id, first.label, first.finding) == ("2020/a b.png", "covid", "COVID-19")
    assert (first.view, first.patient_id, first.age, first.pediatric) == ("AP_SUPINE", "7", 61.0, False)
    assert [(item.item_id, item.label) for item in rest] == [("IM0001", None), ("b.jpg", None)]


@pytest.mark.parametrize("written", ["2020/a b.png", "2020/a b", "a b.png", "a b"])
def test_a_row_finds_its_file_by_path_name_or_stem(films, written):
    (films / "films.csv").write_text(f"file\n{written}\n")
    items = items_of(films, table="films.csv", columns={"item_id": "file"})
    assert items[0].item_id == "2020/a b.png" and len(items) == 3


def test_a_short_name_of_two_files_means_neither(films):
    (films / "2020" / "b.jpg").write_bytes(JPEG)
    (films / "films.csv").write_text("file\nb\n")
    items = items_of(films, table="films.csv", columns={"item_id": "file"})
    assert (items[0].item_id, items[0].skip) == ("b", "2 files have this name")
    assert [item.item_id for item in items[1:]] == ["2020/a b.png", "2020/b.jpg", "IM0001", "b.jpg"]


@pytest.mark.parametrize(
    "written, reason",
    [
        ("gone.png", "the table names a file that does not exist"),
        ("../secret.png", "the table's path leaves the folder"),
        ("/etc/passwd", "the table's path leaves the folder"),
        ("", "the table names no file"),
    ],
)
def test_a_row_without_its_file_stays_a_row(films, written, reason):
    (films.parent / "secret.png").write_bytes(PNG)
    (films / "films.csv").write_text(f"file,finding\n{written},COVID-19\n")
    items = items_of(films, table="films.csv", columns={"item_id": "file", "label": "finding"}, labels=LABELS)
    assert (items[0].skip, items[0].label, len(items)) == (reason, "covid", 4)


def test_labels_come_from_paths_where_the_table_states_none(films, caplog):
    for place in ("COVID/a.png", "COVID/b.png", "odd/c.png"):
        (films / place).parent.mkdir(exist_ok=True)
        (films / place).write_bytes(PNG)
    (films / "t.csv").write_text("file,finding\nCOVID/b.png,healthy\nodd/c.png,n/a\n")
    facts = {"table": "t.csv", "columns": {"item_id": "file", "label": "finding"}, "labels": {"healthy": "normal"}}
    found = {item.item_id: item for item in items_of(films, label_from_path="^(?P<label>[^/]+)/[^/]+$", **facts)}
    assert (found["COVID/a.png"].label, found["COVID/a.png"].finding) == ("covid", "COVID")
    assert (found["COVID/b.png"].label, found["COVID/b.png"].finding) == ("normal", "healthy")
    assert (found["odd/c.png"].label, found["odd/c.png"].finding) == (None, "odd")
    assert "no label for '2020' (1), 'odd' (1)" in caplog.text


def test_words_that_the_profile_does_not_map_are_no_label_and_named(films, caplog):
    (films / "films.csv").write_text("file,finding\nb.jpg,Covid?\nIM0001,normal\n")
    first, second, _ = items_of(
        films, table="films.csv", columns={"item_id": "file", "label": "finding"}, labels=LABELS
    )
    assert (first.label, first.finding) == (None, "Covid?")
    assert second.label == "normal"  # one of our own words needs no mapping
    assert "no label for 'Covid?' (1);" in caplog.text


BOXES = {"item_id": "file", "label": "finding", "patient_id": "pid"}


def test_rows_of_one_file_are_one_film_with_its_boxes(films):
    (films / "films.csv").write_text(
        "file,finding,pid,x,y,width,height\nb.jpg,COVID-19,7,1,2,3,4\nb,COVID-19,7,5,6,7,8\n"
    )
    film, *rest = items_of(films, table="films.csv", columns=BOXES, labels=LABELS)
    assert (film.item_id, film.label, film.finding, film.patient_id) == ("b.jpg", "covid", "COVID-19", "7")
    assert film.boxes == ((1, 2, 3, 4, "COVID-19", "covid"), (5, 6, 7, 8, "COVID-19", "covid"))
    assert [item.item_id for item in rest] == ["2020/a b.png", "IM0001"]


def test_rows_of_one_file_that_disagree_leave_the_value_empty_and_a_person_is_told(films, caplog):
    (films / "films.csv").write_text("file,finding,pid\nb.jpg,COVID-19,7\nb.jpg,No finding,8\nIM0001,No finding,9\n")
    film, other, _ = items_of(films, table="films.csv", columns=BOXES, labels=LABELS)
    assert (film.label, film.finding, film.patient_id) == (None, "COVID-19 | No finding", None)
    assert [box.label for box in film.boxes] == ["covid", "normal"]
    assert (other.label, other.boxes) == ("normal", ())
    assert "rows of one film disagree" in caplog.text and "label (1)" in caplog.text and "b.jpg" in caplog.text


def test_what_the_rows_of_a_film_disagree_about_is_named_by_column(films, caplog):
    rows = ["b.jpg,COVID-19,7,F,40", "b.jpg,No finding,8,F,41", "IM0001,,9,M,50", "IM0001,,9,F,50"]
    (films / "films.csv").write_text("\n".join(["file,finding,pid,sex,age", *rows]))
    items_of(films, table="films.csv", columns={**BOXES, "sex": "sex", "age": "age"}, labels=LABELS)
    assert "label (1)" in caplog.text and "patient_id (1)" in caplog.text and "sex (1)" in caplog.text
    assert "patient_id of b.jpg: '7' and '8'" in caplog.text
    assert "label of b.jpg: 'COVID-19' and 'No finding'" in caplog.text
    assert "sex of IM0001: 'M' and 'F'" in caplog.text and "age of b.jpg: '40' and '41'" in caplog.text


def test_patients_that_are_almost_alike_are_told(films, caplog):
    (films / "films.csv").write_text("file,pid\nb.jpg,p01\nIM0001,P01\n2020/a b.png,p2\n")
    items = items_of(films, table="films.csv", columns={"item_id": "file", "patient_id": "pid"})
    assert [item.patient_id for item in items] == ["p01", "P01", "p2"]
    assert "2 patients differ from another only in case" in caplog.text


def test_normal_beside_a_word_without_a_label_is_a_disagreement(films):
    (films / "films.csv").write_text(
        "file,finding,pid\nb.jpg,No finding,\nb.jpg,Nodule,\nIM0001,COVID-19,\nIM0001,Nodule,\n"
    )
    first, second, _ = items_of(films, table="films.csv", columns=BOXES, labels=LABELS)
    assert (first.label, second.label) == (None, "covid")


@pytest.mark.parametrize(
    ("header", "box"),
    [
        ("x_min,y_min,x_max,y_max", (1.5, 2, 8.5, 8)),
        ("x,y,width,height", (1.5, 2, 10, 10)),
        ('"Bbox [x",y,w,h]', (1.5, 2, 10, 10)),
        ("left,top,right,bottom", None),
    ],
)
def test_boxes_of_published_tables_are_known_by_their_columns(films, header, box):
    (films / "films.csv").write_text(f'file,{header}\nb.jpg,"1,5",2,10,10\nIM0001,,,,\n')
    first, second, _ = items_of(films, table="films.csv", columns={"item_id": "file"})
    assert (first.boxes[0][:4] if first.boxes else None, second.boxes) == (box, ())


def test_columns_of_boxes_can_be_named(films):
    (films / "films.csv").write_text("file,l,t,r,b\nb.jpg,1,2,10,10\nb.jpg,5,5,5,9\n")
    columns = {"item_id": "file", "box_left": "l", "box_top": "t", "box_right": "r", "box_bottom": "b"}
    film, *_ = items_of(films, table="films.csv", columns=columns)
    assert [box[:4] for box in film.boxes] == [(1, 2, 9, 8), (None,) * 4]  # a box without an area is none


def test_rows_without_a_file_stay_apart_unless_they_name_the_same(films):
    (films / "films.csv").write_text("file,finding\n,COVID-19\n,No finding\ngone,COVID-19\ngone,COVID-19\n")
    items = items_of(films, table="films.csv", columns={"item_id": "file", "label": "finding"}, labels=LABELS)
    assert [(item.item_id, item.label) for item in items[:3]] == [
        ("unnamed", "covid"),
        ("unnamed#2", "normal"),
        ("gone", "covid"),
    ]
    assert len(items) == 6


def test_rows_that_name_no_film_are_left_out_and_counted(films, caplog):
    (films / "total.png").write_bytes(PNG)
    (films / "films.csv").write_text("file,finding\nb.jpg,x\nfile,finding\nTotal,1\nSum: 3,\nIM0001,y\n")
    items = items_of(films, table="films.csv", columns={"item_id": "file", "label": "finding"})
    assert [item.item_id for item in items] == ["b.jpg", "total.png", "IM0001", "2020/a b.png"]
    assert "1 row with the names of the columns again left out" in caplog.text
    assert "1 row with a sum of the others and no file left out" in caplog.text


def test_a_row_that_means_no_file_never_takes_the_id_of_one(films):
    (films / "unnamed").write_bytes(PNG)
    (films / "films.csv").write_text("file,finding\n,COVID-19\n")
    items = items_of(films, table="films.csv", columns={"item_id": "file", "label": "finding"})
    assert [item.item_id for item in items] == ["unnamed#2", "2020/a b.png", "IM0001", "b.jpg", "unnamed"]


def test_links_that_leave_the_folder_are_refused(films):
    secret = films.parent / "secret.png"
    secret.write_bytes(PNG)
    (films / "out.png").symlink_to(secret)
    (films / "in.png").symlink_to(films / "b.jpg")
    (films / "loop").symlink_to(films)
    problems = {item.item_id: item.skip for item in items_of(films)}
    assert problems.pop("out.png") == "a link to a place outside the folder"
    assert problems == {"2020/a b.png": None, "IM0001": None, "b.jpg": None, "in.png": None}
    files = Files(str(films), "clinic_a")
    with pytest.raises(CxnetError, match="is outside"):
        list(files.chunks(files.url("out.png")))
    with pytest.raises(CxnetError, match="is outside"):
        list(files.chunks(files.url("../secret.png")))


def test_a_pipe_is_not_an_image_and_is_not_opened(films):
    os.mkfifo(films / "pipe.png")
    assert len(items_of(films)) == 3


def test_a_name_that_cannot_be_stored_is_a_row_with_that_reason(films):
    Path(os.fsdecode(os.fsencode(films) + b"/\xff.png")).write_bytes(PNG)
    assert [item.skip for item in items_of(films) if item.skip] == [
        "the file's name has characters that cannot be stored; rename it"
    ]


def test_a_file_that_vanished_is_one_clear_error(films):
    item = items_of(films)[-1]
    (films / "b.jpg").unlink()
    with pytest.raises(CxnetError, match=r"^the file cannot be read \(No such file or directory\)$"):
        bytes_of(films, item)


def test_an_absent_folder_is_one_clear_error(tmp_path):
    with pytest.raises(CxnetError, match=r"there is no such folder: .*nowhere"):
        items_of(tmp_path / "nowhere")


def test_a_column_that_the_table_lacks_names_file_column_and_those_there(films):
    (films / "films.csv").write_text("file,age\n")
    with pytest.raises(UsageError, match=r"films\.csv has no column 'pid' \(it has: 'file', 'age'\).*'clinic_a'"):
        items_of(films, table="films.csv", columns={"item_id": "file", "patient_id": "pid"})


@pytest.mark.parametrize(
    "facts, message",
    [
        ({"table": "t.csv"}, "add `item_id: <column>`"),
        ({"columns": {"item": "file"}}, "'item'; expected one of: item_id, label"),
        ({"table": "../t.csv", "columns": {"item_id": "f"}}, "must be inside it"),
    ],
)
def test_a_description_that_cannot_work_is_refused_before_reading(facts, message):
    with pytest.raises(UsageError, match=message):
        Folder(FolderParams(name="clinic_a", path="/nowhere", **facts))


def test_names_of_folders_are_their_own(monkeypatch):
    monkeypatch.setattr("sources.folder.source_names", lambda: ["cohen"])
    good = folder_sources([FolderParams(name="a", path="/x"), FolderParams(name="b", path="/y", redistributable=True)])
    assert [(source.name, source.terms.redistributable) for source in good] == [("a", False), ("b", True)]
    for names in (("a", "a"), ("cohen",)):
        with pytest.raises(UsageError, match="is taken by another source"):
            folder_sources([FolderParams(name=name, path="/x") for name in names])


def test_a_bucket_works_like_a_folder():
    bucket = fsspec.filesystem("memory")
    bucket.pipe({"/films/b/x/1.png": PNG, "/films/b/2": JPEG, "/films/b/3.txt": b"no", "/films/other.png": PNG})
    bucket.pipe("/films/b/films.csv", b"file,finding\n1,COVID-19\n")
    path = "memory://films/b"
    items = items_of(path, table="films.csv", columns={"item_id": "file", "label": "finding"}, labels=LABELS)
    assert [(item.item_id, item.label) for item in items] == [("x/1.png", "covid"), ("2", None)]
    assert [bytes_of(path, item) for item in items] == [PNG, JPEG]
    assert [Files(path, "clinic_a").size(item.url) for item in items] == [len(PNG), len(JPEG)]


def test_a_name_in_a_bucket_that_cannot_be_stored_is_a_row_with_that_reason():
    fsspec.filesystem("memory").pipe({"/odd/a\nb.png": PNG})
    (item,) = items_of("memory://odd")
    assert (item.item_id, item.skip) == (
        r"//a\nb.png",
        "the file's name has characters that cannot be stored; rename it",
    )


def test_a_kind_of_bucket_that_does_not_exist_is_one_clear_error():
    with pytest.raises(CxnetError, match=r"Cannot read xyz://a/b: .*; check the path in the profile's `folders`\."):
        items_of("xyz://a/b")


def test_an_error_of_a_buckets_own_library_is_one_clear_error(monkeypatch):
    class NoCredentialsError(Exception):
        pass

    def find(self, path):
        raise NoCredentialsError("Unable to locate credentials")

    monkeypatch.setattr(MemoryFileSystem, "find", find)
    with pytest.raises(CxnetError, match="Cannot read memory://b: Unable to locate credentials; check the path"):
        items_of("memory://b")


@pytest.mark.parametrize("place", ["../a", "/a", "a/../../b", "..\\a", "C:\\a", "s3://x/a", "a\0b"])
def test_paths_that_leave_a_folder_are_seen(place):
    assert is_outside(place)


@given(content=st.binary(max_size=300))
def test_any_bytes_as_table_are_items_or_one_clear_error(content, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "any"
    folder.mkdir(exist_ok=True)
    (folder / "a.png").write_bytes(PNG)
    for prefix in (b"", b"file,finding\n"):
        (folder / "t.csv").write_bytes(prefix + content)
        try:
            items = items_of(folder, table="t.csv", columns={"item_id": "file", "label": "finding"})
        except CxnetError as error:
            assert "t.csv" in str(error)
        else:
            assert len({item.item_id for item in items}) == len(items) and any(i.item_id == "a.png" for i in items)


FINDINGS = ("No Finding", "Pneumonia", "COVID-19", "Effusion")


@pytest.mark.parametrize(
    ("answers", "label", "finding"),
    [
        ("1,0,0,0", "normal", "No Finding"),
        ("0,1,0,1", "cap", "Pneumonia|Effusion"),
        ("False,False,True,False", "covid", "COVID-19"),
        (",1.0,-1.0,", "cap", "Pneumonia"),
        ("0,1,1,0", None, "Pneumonia|COVID-19"),
        ("1,0,0,yes", None, "No Finding|Effusion"),
        ("-1,-1,-1,-1", None, None),
        (",,,", None, None),
        ("0,0,perhaps,Y", None, "Effusion"),
    ],
)
def test_columns_of_findings_give_all_that_are_affirmed(films, caplog, answers, label, finding):
    (films / "films.csv").write_text(f"file,{','.join(FINDINGS)}\nb.jpg,{answers}\n")
    labels = {"No Finding": "normal", "Pneumonia": "cap", "COVID-19": "covid"}
    facts = {"table": "films.csv", "columns": {"item_id": "file"}, "label_columns": FINDINGS, "labels": labels}
    film, *_ = items_of(films, **facts)
    assert (film.label, film.finding) == (label, finding)
    assert ("uncertain answers (-1) are no findings" in caplog.text) == ("-1" in answers)
    assert ("neither yes nor no, and no finding: 'perhaps' (1)" in caplog.text) == ("perhaps" in answers)


def test_labels_and_columns_of_findings_do_not_go_together(films):
    (films / "films.csv").write_text("file,finding,COVID\n")
    with pytest.raises(UsageError, match="`label_columns` and a column for `label`; leave one of them out"):
        items_of(films, columns={"label": "finding"}, label_columns=("COVID",))
    with pytest.raises(UsageError, match=r"has no column 'Normal'"):
        items_of(films, table="films.csv", columns={"item_id": "file"}, label_columns=("Normal",))
