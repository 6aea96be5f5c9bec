"""Every folder of ../shared/cases that is about folders and tables gives what its README says."""

from pathlib import Path

import pytest

from pipeline.core.own_folder import FolderParams
from sources.download.driver import fetch_source
from sources.download.store import Store
from sources.folder import Folder
from sources.transport.client import Client
from sources.transport.policy import Policy

FINDINGS = {"COVID-19": "covid", "Normal": "normal"}
FILE = {"item_id": "file", "label": "finding"}
PATH = {"item_id": "path", "label": "finding"}
CHEXPERT = {"item_id": "Path", "label": "No Finding"}
PATTERN = r"patient(?P<patient_id>\d+)/study(?P<study_id>\d+)"


@pytest.fixture
def cases(real):
    return real("cases")


@pytest.fixture
def items(cases):
    def list_items(name, **facts):
        return {
            item.item_id: item for item in Folder(FolderParams(name="own", path=str(cases / name), **facts)).items(None)
        }

    return list_items


def column(items, name):
    return {key: getattr(item, name) for key, item in items.items()}


def test_every_folder_of_tables_is_tested_here(cases):
    text = Path(__file__).read_text()
    assert [path.name for path in (cases / "tab").iterdir() if f'"tab/{path.name}"' not in text] == []


def test_rows_per_box(cases, items, caplog, tmp_path):
    facts = {
        **{"table": "train.csv", "columns": {"item_id": "patientId", "label": "class"}},
        "labels": {"Lung Opacity": "cap", "Normal": "normal"},
    }
    found = items("tab/rows_per_box", **facts)
    assert column(found, "label") == {"r0.png": "cap", "r1.png": "normal", "r2.png": None}
    assert [box[:4] for box in found["r0.png"].boxes] == [(1, 1, 5, 5), (9, 9, 5, 5)]
    assert found["r2.png"].finding == "Lung Opacity | Normal"
    assert "rows of one film disagree" in caplog.text and "r2.png" in caplog.text
    source = Folder(FolderParams(name="own", path=str(cases / "tab/rows_per_box"), **facts))
    for _ in range(3):
        store = Store(tmp_path / "own", "live")
        with store.exclusive(lambda message: None):
            outcome = fetch_source(source, store, Client(Policy()))
        assert (outcome.counts["fetched"], outcome.counts["failed"]) == (3, 0)


def test_windows_paths(items):
    found = items("tab/windows_paths", table="table.csv", columns={**PATH, "patient_id": "pid"}, labels=FINDINGS)
    assert column(found, "label") == {f"images/film {n}.png": ("covid", "normal")[n > 1] for n in range(4)}
    assert list(column(found, "patient_id").values()) == ["P0", "P1", "P2", "P3"]
    assert set(column(found, "skip").values()) == {None}


def test_unix_paths(items):
    found = items("tab/unix_paths", table="table.csv", columns=PATH, labels=FINDINGS)
    assert column(found, "label") == dict.fromkeys([f"images/f{n}.png" for n in range(5)], "covid")


@pytest.mark.parametrize("pattern", [None, PATTERN])
def test_chexpert_layout(items, caplog, pattern):
    facts = {"table": "train.csv", "columns": CHEXPERT, "labels": {"1.0": "normal"}, "patient_from_path": pattern}
    found = items("tab/chexpert_layout", **facts)
    assert len(found) == 16 and set(column(found, "label").values()) == {"normal"}
    assert set(column(found, "skip").values()) == {None}
    warnings = [record for record in caplog.records if "no patient is stated" in record.getMessage()]
    if pattern is None:
        assert len(warnings) == 1 and PATTERN in warnings[0].getMessage()
    else:
        patients = column(found, "patient_id")
        assert not warnings and len(set(patients.values())) == 8
        assert patients["train/patient00003/study2/view1_frontal.jpg"] == "00003"
        assert len(set(column(found, "study_id").values())) == 16  # study1 of two patients is two examinations


def test_masks_beside(items):
    found = items(
        "tab/masks_beside",
        table="table.csv",
        columns={"item_id": "FILE NAME", "label": "label"},
        labels={"COVID": "covid"},
    )
    assert column(found, "label") == {
        **dict.fromkeys(("COVID/images/COVID-1.png", "COVID/images/COVID-2.png"), "covid"),
        **dict.fromkeys(("COVID/masks/COVID-1.png", "COVID/masks/COVID-2.png")),
    }
    assert found["COVID/masks/COVID-1.png"].skip == "a mask of COVID/images/COVID-1.png"


def test_placeholder_patients(items):
    found = items("tab/placeholder_patients", table="table.csv", columns={**FILE, "patient_id": "pid"}, labels=FINDINGS)
    patients = list(column(found, "patient_id").values())
    assert patients == [None] * 12 + ["1042"] * 2


def test_words(items, caplog):
    columns = {**FILE, "age": "age", "sex": "sex", "view": "view"}
    found = items("tab/words", table="table.csv", columns=columns, labels=FINDINGS)
    assert [found[f"w{n}.png"].age for n in range(7)] == [1.5, 0.9167, 0.5, 0.9167, 1.1667, 58, None]
    assert [found[f"w{n}.png"].pediatric for n in range(6)] == [True] * 5 + [False]
    assert (found["w5.png"].sex, found["w6.png"].sex) == ("F", "F")
    views = ["OTHER", "OTHER", "OTHER", "OTHER", "L", "L", "L", "AP_SUPINE", "OTHER", "OTHER"]
    assert [found[f"w{n}.png"].view for n in range(10)] == views
    assert "age: not understood, and left empty: '411' (1)." in caplog.text


def test_pcr_words(items):
    found = items("tab/pcr_words", table="table.csv", columns={**FILE, "rt_pcr": "RT_PCR_positive"}, labels=FINDINGS)
    results = ["positive", "negative", "positive", "negative", "positive", "positive"]
    assert list(column(found, "rt_pcr").values()) == results


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("tab/table_gz", "table.csv.gz"),
        ("tab/table_xlsx", "table.xlsx"),
        ("tab/table_sep_line", "table.csv"),
        ("tab/table_long_cell", "table.csv"),
    ],
)
def test_tables_of_other_kinds(items, name, table):
    found = items(name, table=table, columns=FILE, labels=FINDINGS)
    assert column(found, "label") == {"t0.png": "covid", "t1.png": "normal"}


def test_yes_no(items):
    found = items(
        "tab/yes_no",
        table="table.csv",
        columns={"item_id": "file", "label": "covid"},
        labels={"Yes": "covid", "No": "normal"},
    )
    assert column(found, "label") == {"t0.png": "covid", "t1.png": "normal"}


def test_zipped(items):
    found = items("zipped")
    assert column(found, "member") == {"films.zip/a.png": "a.png", "films.zip/b.png": "b.png"}
    assert set(column(found, "url").values()) == {"own://own/films.zip"}


def test_other_formats(items):
    found = items("other_formats")
    assert column(found, "skip") == dict.fromkeys(("film.dcm.gz", "film.heic", "film.jp2", "film.npy"))


def test_bare(items):
    assert column(items("bare"), "skip") == {"IM000001": None, "IM000002": None}
