"""Looking at folders: their images, and the tables that name them."""

import json
import os

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.curate.look import look_at
from sources.core.errors import CxnetError, UsageError
from sources.own.places import FileIndex

PNG = b"\x89PNG\r\n\x1a\n"
CASES = {  # table in ../shared/cases/tab -> the columns that matter
    "chexpert_layout": {"item_id": "Path", "label": "No Finding"},
    "masks_beside": {"item_id": "FILE NAME", "label": "label"},
    "pcr_words": {"item_id": "file", "label": "finding", "rt_pcr": "RT_PCR_positive"},
    "placeholder_patients": {"item_id": "file", "patient_id": "pid", "label": "finding"},
    "rows_per_box": {"item_id": "patientId", "patient_id": "patientId", "label": "class"},
    "table_gz": {"item_id": "file", "label": "finding"},
    "table_long_cell": {"item_id": "file", "label": "finding"},
    "table_sep_line": {"item_id": "file", "label": "finding"},
    "table_xlsx": {"item_id": "file", "label": "finding"},
    "unix_paths": {"item_id": "path", "label": "finding"},
    "windows_paths": {"item_id": "path", "patient_id": "pid", "label": "finding"},
    "words": {"item_id": "file", "age": "age", "sex": "sex"},
    "yes_no": {"item_id": "file", "label": "covid"},
}


@pytest.fixture
def films(tmp_path):
    """A folder with ten images, some of them in a folder."""
    for number in range(10):
        path = tmp_path / ("images" if number > 5 else ".") / f"f{number}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(PNG)
    return tmp_path


def table_of(folder, name="films.csv", header="file,finding", names=range(10)):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([header, *(f"f{number}.png,COVID-19" for number in names)]))
    return path


@pytest.mark.parametrize("name", CASES)
def test_the_tables_of_the_field_are_understood(real, name):
    look = look_at(str(real("cases") / "tab" / name))
    assert look.table is not None, look.notes
    columns = {ours: meaning.column for ours, meaning in look.table.guess.columns.items()}
    assert CASES[name].items() <= columns.items()


def test_the_nearest_table_that_names_the_files_is_used(films):
    table_of(films, "a.csv", names=(100, 101))
    table_of(films, "b.csv")
    table_of(films, "images/c.csv")
    look = look_at(str(films))
    assert (look.images, look.table.place, look.table.rows) == (10, "b.csv", 10)
    assert look.notes[0].startswith("a.csv is not used: No column of ")


def test_a_folder_needs_no_table(films):
    look = look_at(str(films))
    assert (look.path, look.images, look.table, look.notes) == (str(films), 10, None, [])


def test_patients_are_proposed_from_the_paths_if_no_table_names_them(tmp_path):
    for number in range(12):
        path = tmp_path / f"patient{number // 3:05d}" / f"study{number % 3}" / "view1.png"
        path.parent.mkdir(parents=True)
        path.write_bytes(PNG)
    pattern = r"patient(?P<patient_id>\d+)/study(?P<study_id>\d+)"
    assert look_at(str(tmp_path)).patient_from_path == pattern
    rows = [f"patient{number // 3:05d}/study{number % 3}/view1.png,p{number // 3}" for number in range(12)]
    (tmp_path / "films.csv").write_text("\n".join(["path,patient", *rows]))
    assert look_at(str(tmp_path)).patient_from_path is None


LAYOUTS = {  # how sets of classes are shared
    "folders": "{word}/{n}.png",
    "divided again": "chest_xray/{part}/{word}/person{n}_bacteria_1.jpeg",
    "images and masks": "{word}/images/{word}-{n}.png",
    "classes above patients": "{word}/p{n}/view1/film.png",
    "names of files": "all/{word}-{n}.png",
    "numbers in brackets": "{word} ({n}).png",
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "words", [("COVID", "NORMAL"), ("Viral Pneumonia", "normal"), ("covid19", "Lung_Opacity", "Normal")]
)
def test_labels_are_proposed_from_the_paths_if_no_table_names_them(tmp_path, layout, words):
    for number in range(12):
        word, part = words[number % len(words)], ("train", "test")[number % 5 == 0]
        path = tmp_path / LAYOUTS[layout].format(word=word, n=number, part=part)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PNG)
    found = look_at(str(tmp_path)).path_labels
    assert set(found.labels.values()) >= {"normal"} and len(set(found.labels.values())) > 1
    assert set(found.labels) | set(found.words) == set(words)


@pytest.mark.parametrize("layout", ["{n}.png", "train/{n}.png", "{a}/{n}.png", "covid/{n}.png", "scan-{n}.png"])
def test_no_labels_are_proposed_where_paths_name_none(tmp_path, layout):
    for number in range(12):
        path = tmp_path / layout.format(n=number, a=("left", "right")[number % 2])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PNG)
    assert look_at(str(tmp_path)).path_labels is None


def test_labels_of_a_table_are_not_looked_for_in_paths(tmp_path):
    for number in range(12):
        path = tmp_path / ("COVID", "NORMAL")[number % 2] / f"f{number}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(PNG)
    table_of(tmp_path, names=range(12))
    look = look_at(str(tmp_path))
    assert look.table.guess.has_labels and look.path_labels is None


@pytest.mark.parametrize("given", ["films.csv", "{films}/films.csv", "{films}/images/../films.csv"])
def test_a_table_is_given_by_its_path_or_its_place_in_the_folder(films, given):
    table_of(films)
    assert look_at(str(films), given.format(films=films)).table.place == "films.csv"


@pytest.mark.parametrize("content", [b"", PNG * 5, b"a\nb\nc\n", b'"open\n', b"\xff\xfe\x00"])
def test_a_table_that_says_nothing_of_the_files_is_one_sentence(films, content):
    (films / "odd.csv").write_bytes(content)
    with pytest.raises(CxnetError) as caught:
        look_at(str(films), "odd.csv")
    assert "odd.csv" in str(caught.value) and "\n" not in str(caught.value)
    assert look_at(str(films)).notes[0].startswith("odd.csv is not used: ")


def test_what_is_not_there_or_elsewhere_is_refused(films, tmp_path_factory):
    elsewhere = table_of(tmp_path_factory.mktemp("elsewhere"))
    with pytest.raises(UsageError, match="is outside"):
        look_at(str(films), str(elsewhere))
    with pytest.raises(UsageError, match=r"There is no table absent\.csv"):
        look_at(str(films), "absent.csv")
    with pytest.raises(CxnetError, match="holds no image"):
        look_at(str(elsewhere.parent))


def test_a_name_that_several_files_have_is_no_file_unless_the_others_are_masks():
    files = FileIndex(["a/x.png", "b/x.png", "films/y.png", "films masks/y.png"])
    assert [files.file_of(cell) for cell in ("x", "a/x", "y.png", "z", "")] == [
        None,
        "a/x.png",
        "films/y.png",
        None,
        None,
    ]


def columns_of(folder):
    look = look_at(str(folder))
    assert look.table is not None, look.notes
    return {ours: meaning.column for ours, meaning in look.table.guess.columns.items()}, look.table.rows


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    "title", ["Films of the clinic", "# exported 2020-03-01\n# by the archive", "Films{0}{0}\n{0}{0}"]
)
def test_the_names_of_the_columns_stand_below_a_title(films, title, delimiter):
    path = table_of(films, header="file,finding,pid")
    rows = path.read_text().replace(",", delimiter)
    path.write_text(f"{title.format(delimiter)}\n\n{rows}")
    assert columns_of(films) == ({"item_id": "file", "label": "finding"}, 10)


def test_the_sheet_with_the_films_is_looked_at(films):
    book = openpyxl.Workbook()
    book.active.append(["How this table was made"])
    sheet = book.create_sheet("films")
    for row in [("Films",), (), ("file", "finding"), *((f"f{number}.png", "COVID-19") for number in range(10))]:
        sheet.append(row)
    book.save(films / "films.xlsx")
    assert columns_of(films) == ({"item_id": "file", "label": "finding"}, 10)


def test_a_parquet_table_is_looked_at(films):
    names = [f"f{number}.png" for number in range(10)]
    pq.write_table(pa.table({"file": names, "finding": ["COVID-19"] * 10}), films / "films.parquet")
    assert columns_of(films) == ({"item_id": "file", "label": "finding"}, 10)


def test_pipes_and_folders_are_no_tables(films):
    os.mkfifo(films / "a.csv")
    (films / "b.csv").mkdir()
    table_of(films, "c.csv")
    look = look_at(str(films))
    assert (look.table.place, look.notes) == ("c.csv", [])
    for name in ("a.csv", "b.csv"):
        with pytest.raises(CxnetError, match="only files are read"):
            look_at(str(films), str(films / name))


@pytest.mark.parametrize("first", ["f0.png", "images/f7.png", "https://site.org/films/f1.png?w=1", "gone.png", "f0"])
def test_a_table_without_names_of_columns_loses_no_row(films, first):
    rows = [f"{first},COVID-19", *(f"f{number}.png,normal" for number in range(2, 7))]
    (films / "films.csv").write_text("\n".join(rows))
    look = look_at(str(films))
    assert columns_of(films) == ({"item_id": "column_1", "label": "column_2"}, 6)
    assert look.notes == [f"{films}/films.csv does not name its columns; they are called column_1, column_2, ..."]


def test_a_column_that_is_needed_and_there_twice_is_refused_before_a_profile_is_written(films):
    for header in ("file,finding,finding", "file,finding,finding "):
        (films / "films.csv").write_text("\n".join([header, *(f"f{number}.png,normal,x" for number in range(10))]))
        for table in (None, "films.csv"):
            with pytest.raises(UsageError, match=r"films\.csv has the column 'finding' 2 times; rename all but one"):
                look_at(str(films), table)
    table_of(films, header="file,finding,x,x")
    assert look_at(str(films)).table.rows == 10  # nobody needs x


def test_a_table_of_names_alone_is_one_sentence(films):
    (films / "films.csv").write_text("file,finding\n")
    with pytest.raises(CxnetError, match=r"films\.csv has names of columns and no row below them; give"):
        look_at(str(films), "films.csv")


def test_what_may_be_a_table_is_named_with_what_to_do(films):
    rows = [{"file": f"f{number}.png", "finding": "normal"} for number in range(10)]
    (films / "labels.json").write_text(json.dumps(rows))
    (films / "my labels.txt").write_text("\n".join(["file;finding", *(f"f{number};x" for number in range(10))]))
    (films / "readme.txt").write_text("Films of a clinic.\nNo labels.\n")
    (films / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    look = look_at(str(films))
    assert look.table is None
    labels, text, old = look.notes
    assert labels == "labels.json names 10 of 10 files; to use it, add --table labels.json."
    assert text == "my labels.txt names 10 of 10 files; to use it, add --table 'my labels.txt'."
    assert old.startswith("old.xls is not used: ") and "save it as .xlsx or CSV" in old
    assert look_at(str(films), "labels.json").table.rows == 10


def test_further_tables_are_named(films):
    for name in ("a.csv", "b.csv", "images/c.tsv"):
        table_of(films, name)
    assert look_at(str(films)).notes == ["a folder has one table; not looked at: b.csv, images/c.tsv"]
