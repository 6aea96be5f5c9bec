"""What the columns of a table mean, guessed by their names and their cells, for the tables of public collections."""

import pytest

from pipeline.curate.guess import guess_meaning, naming_column
from pipeline.curate.header import LikelyColumns
from pipeline.curate.look import read_columns
from sources.core.errors import CxnetError
from sources.own.places import FileIndex

FILES = [f"im{number:04d}.png" for number in range(40)]


def look(header, *rows, files=FILES):
    """The columns of a table, and the number of its rows."""
    return read_columns(iter([header, *rows]), LikelyColumns(FileIndex(files)), "t.csv")


def guessed(header, *rows, files=FILES):
    columns, count = look(header, *rows, files=files)
    naming = naming_column(columns, count, len(files))
    assert naming is not None
    return guess_meaning(columns, naming, count, len(files))


def names(guess):
    return {ours: meaning.column for ours, meaning in guess.columns.items()}


def rows(*cells, count=40):
    """Rows whose cells are texts, or functions of the row's number."""
    return [[str(cell(number)) if callable(cell) else cell for cell in cells] for number in range(count)]


def file(number):
    return f"im{number:04d}.png"


def patient(number):
    return f"p{number // 2}"


COLLECTIONS = {
    "nih": (
        [
            "Image Index",
            "Finding Labels",
            "Follow-up #",
            "Patient ID",
            "Patient Age",
            "Patient Gender",
            "View Position",
        ],
        rows(file, "No Finding", lambda n: n % 2, patient, "058Y", "M", "PA"),
        {
            "item_id": "Image Index",
            "label": "Finding Labels",
            "patient_id": "Patient ID",
            "age": "Patient Age",
            "sex": "Patient Gender",
            "view": "View Position",
        },
    ),
    "cohen": (
        ["patientid", "offset", "sex", "age", "finding", "RT_PCR_positive", "view", "modality", "date", "filename"],
        rows(patient, "3", "F", "60", "Pneumonia/Viral/COVID-19", "Y", "PA", "X-ray", "2020", file),
        {
            "item_id": "filename",
            "patient_id": "patientid",
            "offset_days": "offset",
            "sex": "sex",
            "age": "age",
            "label": "finding",
            "rt_pcr": "RT_PCR_positive",
            "view": "view",
            "modality": "modality",
        },
    ),
    "chexpert": (
        ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", "No Finding", "Pneumonia"],
        rows(
            lambda n: f"CheXpert-v1.0-small/train/patient{n}/study1/{file(n)}",
            "Female",
            "68",
            "Frontal",
            "AP",
            "1.0",
            "",
        ),
        {"item_id": "Path", "sex": "Sex", "age": "Age", "view": "Frontal/Lateral", "label": "No Finding"},
    ),
    "rsna": (
        ["patientId", "x", "y", "width", "height", "Target", "class"],
        rows(lambda n: f"im{n:04d}", "264.0", "152.0", "213.0", "379.0", "1", "Lung Opacity"),
        {"item_id": "patientId", "patient_id": "patientId", "label": "class"},
    ),
    "padchest": (
        [
            "ImageID",
            "StudyDate_DICOM",
            "StudyID",
            "PatientID",
            "PatientBirth",
            "PatientSex_DICOM",
            "Projection",
            "Labels",
        ],
        rows(file, "20140915", lambda n: f"s{n}", patient, "1930", "M", "PA", "['normal']"),
        {
            "item_id": "ImageID",
            "study_id": "StudyID",
            "patient_id": "PatientID",
            "view": "Projection",
            "label": "Labels",
        },
    ),
    "mimic": (
        ["dicom_id", "subject_id", "study_id", "ViewPosition", "Rows", "Columns"],
        rows(lambda n: f"im{n:04d}", patient, lambda n: f"5{n}", "AP", "3056", "2544"),
        {"item_id": "dicom_id", "patient_id": "subject_id", "study_id": "study_id", "view": "ViewPosition"},
    ),
    "covid radiography": (
        ["FILE NAME", "FORMAT", "SIZE", "URL"],
        rows(lambda n: f"IM{n:04d}", "PNG", "256*256", "https://sirm.org/en/category/articles/covid-19-database/"),
        {"item_id": "FILE NAME", "page_url": "URL"},
    ),
    "no names": (
        ["a", "b", "c"],
        rows(file, lambda n: "MF"[n % 2], lambda n: ["PA", "AP"][n % 2]),
        {"item_id": "a", "sex": "b", "view": "c"},
    ),
}


@pytest.mark.parametrize("name", COLLECTIONS)
def test_the_columns_of_a_collection_are_recognized(name):
    header, body, expected = COLLECTIONS[name]
    assert names(guessed(header, *body)) == expected


def test_words_are_labels_where_they_mean_one_and_are_counted_where_they_do_not():
    words = ["COVID-19", "No Finding", "Pneumonia", "Tuberculosis", "todo", "1"]
    guess = guessed(["file", "label"], *rows(file, lambda n: words[n % 6]))
    assert guess.labels == {"COVID-19": "covid", "No Finding": "normal", "Pneumonia": "cap", "Tuberculosis": "other"}
    assert guess.words == {"todo": 6, "1": 6}


def test_a_column_called_like_a_label_and_answered_by_yes_or_no_gives_that_label():
    guess = guessed(["file", "covid"], *rows(file, lambda n: ["Yes", "No"][n % 2]))
    assert (names(guess), guess.labels, guess.words) == (
        {"item_id": "file", "label": "covid"},
        {"Yes": "covid"},
        {"No": 20},
    )


def test_a_name_is_not_enough_if_the_cells_do_not_fit():
    guess = guessed(["file", "age", "sex", "view", "days"], *rows(file, "old", "yes", "nice", "Monday"))
    assert names(guess) == {"item_id": "file"}


def test_studies_that_are_numbered_anew_for_each_patient_are_no_studies():
    """They would tie all patients together."""
    assert "study_id" not in guessed(["file", "study_id"], *rows(file, lambda n: n % 3)).columns
    assert "study_id" in guessed(["file", "study_id"], *rows(file, lambda n: n // 2)).columns


def test_a_report_is_no_label():
    guess = guessed(
        ["file", "findings"],
        *rows(file, lambda n: f"Report {n} about the lungs", count=400),
        files=[f"im{n:04d}" for n in range(400)],
    )
    assert "label" not in guess.columns


def test_files_are_named_however_they_are_written():
    written = ["im0000.PNG", "a\\im0001.png", "./x/im0002", "/data/IM0003.jpg", "C:\\x\\im0004.png"] * 8
    written += [file(n) for n in range(5, 40)]
    columns, count = look(["f"], *([[word] for word in written]))
    assert len(naming_column(columns, count, 40).files) == 40


def test_files_of_one_name_are_told_apart_by_their_folders():
    files = [f"train/patient{number:03d}/study1/view1_frontal.jpg" for number in range(20)]
    body = [[f"CheXpert-v1.0-small/{place}", "68"] for place in files]
    assert guessed(["Path", "Age"], *body, files=files).columns["item_id"].why == "names 20 of 20 files (20 rows)"
    columns, count = look(["Path"], *([["view1_frontal.jpg"]] * 20), files=files)
    assert naming_column(columns, count, 20) is None


def test_the_column_that_names_most_files_wins_over_numbers_that_happen_to_be_names():
    files = [str(number) for number in range(100)]
    body = [[str(20 + number % 60), f"{number}.png"] for number in range(100)]
    assert names(guessed(["age", "picture"], *body, files=files)) == {"item_id": "picture", "age": "age"}


def test_a_huge_table_of_a_few_files_and_a_short_table_of_many_files_both_belong():
    assert names(guessed(["id"], *rows(lambda n: f"im{n:04d}", count=5000))) == {"item_id": "id"}
    assert names(guessed(["id"], *rows(lambda n: f"im{n:04d}", count=3))) == {"item_id": "id"}


def test_a_table_of_other_files_belongs_to_no_folder():
    columns, count = look(["file", "age"], *rows(lambda n: f"other{n}.png", "50"))
    assert naming_column(columns, count, 40) is None


def test_short_and_long_rows_and_empty_cells_do_no_harm():
    columns, count = look(["file", "age"], ["im0000.png"], ["im0001.png", "5", "6"], ["", ""], ["im0002.png", " 7 "])
    assert (count, columns[1].filled, dict(columns[1].words)) == (4, 2, {"5": 1, "7": 1})


def test_an_empty_table_is_refused():
    with pytest.raises(CxnetError, match=r"t\.csv is empty"):
        look_at_nothing()


def look_at_nothing():
    return read_columns(iter(()), LikelyColumns(FileIndex([])), "t.csv")


def test_a_report_is_no_word_of_a_profile():
    report = "Pneumonia. " + "Much more is said. " * 20
    guess = guessed(["file", "finding"], *rows(file, lambda n: "COVID-19" if n else report))
    assert (guess.labels, guess.words) == ({"COVID-19": "covid"}, {})


def test_columns_called_like_findings_are_all_used():
    header = ["file", "No Finding", "Cardiomegaly", "Fracture", "Pneumonia", "COVID-19", "Support Devices", "remark"]
    answers = [
        lambda n: n % 2 == 0,
        lambda n: ["0.0", "1.0", "-1.0", ""][n % 4],
        "",
        lambda n: n % 3 % 2,
        lambda n: n % 5 == 0,
        "1",
        "none",
    ]
    guess = guessed(header, *rows(file, *answers))
    assert guess.findings == ("No Finding", "Cardiomegaly", "Pneumonia", "COVID-19")
    assert guess.labels == {"No Finding": "normal", "Pneumonia": "cap", "COVID-19": "covid"}
    assert guess.words == {"Cardiomegaly": 10} and names(guess) == {"item_id": "file"}


def test_a_column_of_labels_goes_before_columns_of_findings():
    guess = guessed(
        ["file", "finding", "Normal", "Pneumonia"], *rows(file, "COVID-19", lambda n: n % 2, lambda n: 1 - n % 2)
    )
    assert (names(guess), guess.findings) == ({"item_id": "file", "label": "finding"}, ())
