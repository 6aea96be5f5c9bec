"""Columns that are not used are listed, and those that may name patients or give labels are proposed."""

import pytest

from pipeline.curate.guess import guess_meaning, naming_column
from pipeline.curate.header import LikelyColumns
from pipeline.curate.look import TableLook, look_at, read_columns
from pipeline.curate.unused import unused_columns, unused_lines
from sources.own.places import FileIndex

FILES = [f"im{number:02d}.png" for number in range(40)]


def table_of(*names_and_cells):
    """A table of 40 films whose further columns are (name, function of the row's number)."""
    header = ["file", *(name for name, _ in names_and_cells)]
    rows = [[FILES[number], *(str(cell(number)) for _, cell in names_and_cells)] for number in range(len(FILES))]
    columns, count = read_columns(iter([header, *rows]), LikelyColumns(FileIndex(FILES)), "t.csv")
    guess = guess_meaning(columns, naming_column(columns, count, len(FILES)), count, len(FILES))
    return TableLook("t.csv", count, guess, unused_columns(columns, guess))


@pytest.mark.parametrize(
    "name",
    [
        *("PatientNr", "patnr", "PatID", "Pat-ID", "Patienten-ID", "Patient's ID", "HospitalNo", "case id"),
        *("Hospital number", "Fall-Nr.", "MR number", "Subject No.", "ID Paciente"),
    ],
)
def test_columns_of_patients_are_recognized_by_their_names(name):
    assert table_of((name, lambda n: n // 2)).guess.columns["patient_id"].column == name


@pytest.mark.parametrize("name", ["hospital", "Patient age group", "pathology", "patch", "outpatient", "HospitalNo"])
def test_other_columns_are_no_patients(name):
    assert "patient_id" not in table_of((name, lambda n: n % 2)).guess.columns


def test_labels_are_recognized_by_their_words():
    guess = table_of(("Code", lambda n: ["COVID", "NORMAL", "PNA", "TB"][n % 4])).guess
    assert guess.columns["label"].column == "Code"
    assert guess.labels == {"COVID": "covid", "NORMAL": "normal", "PNA": "cap", "TB": "other"}
    assert table_of(("Dx", lambda n: ["COVID", "x", "y", "z"][n % 4])).guess.columns["label"].column == "Dx"
    assert "label" not in table_of(("vaccine", lambda n: ["COVID", "none"][n % 2])).guess.columns


def test_unused_columns_are_listed_and_likely_ones_proposed():
    table = table_of(
        ("Chart", lambda n: f"K{100 + n // 2}"),
        ("Verdict", lambda n: ["COVID", "x", "y"][n % 3]),
        ("Score", lambda n: n // 2),
        ("Remark", lambda n: f"seen {n // 2}"),
    )
    assert list(unused_lines(table.unused)) == [
        "not used: Chart, Verdict, Score, Remark",
        "  Chart may name patients; add `patient_id: Chart` to `columns` in the profile",
        "  Verdict may give labels; add `label: Verdict` to `columns` in the profile",
    ]
    assert list(unused_lines({})) == []


def test_a_folder_is_looked_at_with_its_unused_columns(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "t.csv").write_text("file,Ward\na.png,5\n")
    assert look_at(str(tmp_path)).table.unused == {"Ward": ""}
