"""Any list of films with their splits: leaks are found with evidence, and the repair removes them."""

import json

import cv2
import numpy as np
import pytest
from exposures import cropped, draw_exposure, jpeg
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipeline.audit.split_list import audit
from pipeline.cli.main import app
from sources.core.errors import CxnetError, UsageError

KAGGLE = "image,PatientID,Split\na.png,7,train\nb.png,7,Test\nc.png,8,test\nd.png,9,train\n"


def write(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def leaks(found):
    return {(leak.kind, leak.evidence): sorted(leak.films) for leak in found.leaks}


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_patients_in_two_splits_are_found(tmp_path, separator):
    found = audit([write(tmp_path, "split.csv", KAGGLE.replace(",", separator))])
    assert leaks(found) == {("same patient", "7"): ["a.png", "b.png"]}
    assert str(found) == "4 films (test 2, train 2; all patients known): 1 leak"


def test_the_lists_of_covidx_are_read_as_they_are(tmp_path):
    train = write(tmp_path, "train.txt", "3 SARS-1.jpg COVID-19 cohen\n9 x9.png normal rsna\n")
    test = write(tmp_path, "test.txt", "3 SARS-2.jpg COVID-19 cohen\n5 x5.png normal rsna\n")
    assert leaks(audit([train, test])) == {("same patient", "3"): ["SARS-1.jpg", "SARS-2.jpg"]}


def test_a_folder_of_splits_tells_patients_by_the_names_of_well_known_sets(tmp_path):
    for name in ("train/N/person1_virus_2.jpeg", "test/N/person1_virus_9.jpeg", "train/N/00000013_001.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = np.full((80, 80), len(name), np.uint8)
        path.write_bytes(cv2.imencode(path.suffix, picture)[1].tobytes())
    found = audit([tmp_path])
    assert ("same patient", "person1") in leaks(found)
    assert "patients are taken from the names of 3 of 3 files" in found.notes


def test_copies_of_a_film_are_found_by_bytes_pixels_and_proof(tmp_path):
    films = {
        "a": draw_exposure(1, 256),
        "b": draw_exposure(2, 256),
        "c": draw_exposure(3, 256),
        "d": draw_exposure(4, 256),
    }
    png = {name: cv2.imencode(".png", film)[1].tobytes() for name, film in films.items()}
    files = {
        "a.png": png["a"],
        "a2.png": png["a"],
        "b.png": png["b"],
        "b2.bmp": cv2.imencode(".bmp", films["b"])[1].tobytes(),
        "c.png": png["c"],
        "c2.png": cv2.imencode(".png", cropped(jpeg(films["c"])))[1].tobytes(),
        "d.png": png["d"],
        "bad.png": b"\x89PNG",
    }
    (tmp_path / "films").mkdir()
    for name, data in files.items():
        (tmp_path / "films" / name).write_bytes(data)
    rows = "".join(f"{name},{'test' if '2' in name else 'train'}\n" for name in files)
    found = audit([write(tmp_path, "list.csv", f"file,split\n{rows}gone.png,test\n")], tmp_path / "films")
    kinds = {leak.kind: sorted(leak.films) for leak in found.leaks}
    assert kinds["same bytes"] == ["a.png", "a2.png"]
    assert kinds["same exposure"] == ["c.png", "c2.png"]
    assert {"b.png", "b2.bmp"} in [set(leak.films) for leak in found.leaks if leak.kind == "same pixels"]
    assert not any("d.png" in leak.films for leak in found.leaks)
    assert "1 film of the list not found in the folder" in found.notes
    assert "1 file could not be read as pictures" in found.notes


@given(st.lists(st.tuples(st.integers(0, 8), st.sampled_from(["train", "val", "test"])), min_size=2, max_size=40))
def test_the_repair_removes_all_leaks_and_moves_as_few_rows_as_possible(tmp_path_factory, entries):
    folder = tmp_path_factory.mktemp("repair")
    rows = "".join(f"f{place}.png,{patient},{split}\n" for place, (patient, split) in enumerate(entries))
    path = write(folder, "list.csv", f"file,patient,split\n{rows}")
    if len({split for _, split in entries}) < 2:
        with pytest.raises(UsageError, match="has one split only"):
            audit([path])
        return
    found = audit([path])
    moved = found.write_repaired(folder / "repaired.csv")
    patients = {patient for patient, _ in entries}
    counts = [
        [sum(e == (patient, split) for e in entries) for split in ("train", "val", "test")] for patient in patients
    ]
    assert moved == sum(sum(row) - max(row) for row in counts)
    assert (moved == 0) == (found.leaks == [])
    after = (folder / "repaired.csv").read_text().splitlines()
    assert [line.rsplit(",", 1)[0] for line in after] == [
        line.rsplit(",", 1)[0] for line in path.read_text().splitlines()
    ]
    homes = {}
    for line in after[1:]:
        _, patient, split = line.split(",")
        assert homes.setdefault(patient, split) == split


def test_the_command_shows_leaks_writes_the_repair_and_ends_with_one(tmp_path):
    path, out = write(tmp_path, "split.csv", KAGGLE), tmp_path / "repaired.csv"
    result = CliRunner().invoke(app, ["audit-split", str(path), "--repair", str(out)])
    assert result.exit_code == 1
    assert "same patient" in result.output
    assert out.read_text() == KAGGLE.replace("b.png,7,Test", "b.png,7,train")
    again = CliRunner().invoke(app, ["audit-split", str(out), "--json"])
    assert (again.exit_code, json.loads(again.stdout)["leaks"]) == (0, [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("file,split\n", "has no rows"),
        ("file,label\na.png,covid\n", "states no split"),
        ("label,split\ncovid,train\n", "names no file or id"),
        ("file,split\na.png,train\nb.png,train\n", "has one split only"),
    ],
)
def test_what_is_no_split_is_one_sentence(tmp_path, text, message):
    with pytest.raises(UsageError, match=message):
        audit([write(tmp_path, "list.csv", text)])


def test_bytes_that_are_no_text_and_absent_files_are_one_sentence(tmp_path):
    (tmp_path / "list.csv").write_bytes(b"\xff\xfe\x00file")
    with pytest.raises(CxnetError, match="is not readable text"):
        audit([tmp_path / "list.csv"])
    with pytest.raises(UsageError, match="does not exist"):
        audit([tmp_path / "none.csv"])


def test_a_name_never_leads_out_of_the_folder(tmp_path):
    (tmp_path / "films").mkdir()
    (tmp_path / "secret.png").write_bytes(b"x")
    path = write(tmp_path, "list.csv", "file,split\n../secret.png,train\nb.png,test\n")
    assert "2 films of the list not found in the folder" in audit([path], tmp_path / "films").notes
