"""A folder as people have them runs from its files to the list of contradictions, and no output says where it is."""

import io
import subprocess
import sys
import zipfile

import cv2
import pytest
import yaml
from phantoms import film
from project import REPO, Project

from sources.core.storage import read_table

ESCAPE = "\x1b]0;OWNED\x07\x1b[2J"
TABLE = """patientId,x,y,width,height,class
r0,10,20,50,60,Lung Opacity
r0,90,20,50,60,Lung Opacity
images/r1.PNG,,,,,Normal
old/place/r2.dcm,10,20,50,60,Lung Opacity
old/place/r2.dcm,,,,,Normal
z0,,,,,Normal
gone,,,,,Normal
"""


def png(seed):
    return cv2.imencode(".png", film(seed))[1].tobytes()


def packed(**members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.png", data)
    return content.getvalue()


class Clinic(Project):
    """Films with boxes, in an archive, in a closed place, and a table that speaks to the terminal."""

    def write(self):
        super().write()
        (self.films / "images").mkdir()
        for number in range(3):
            (self.films / "images" / f"r{number}.png").write_bytes(png(number))
        (self.films / "more.zip").write_bytes(packed(z0=png(10), z1=png(11)))
        (self.films / "loop.png").symlink_to("loop.png")
        (self.films / "notes.txt").write_text("no image")
        with (self.films / "films.csv").open("w") as file:
            file.write(TABLE + f"{ESCAPE},,,,,{ESCAPE}\n")
        profile = yaml.safe_load((self.root / "params.yaml").read_text())
        profile["folders"][0]["columns"] = {"item_id": "patientId", "label": "class"}
        profile["folders"][0]["labels"] = {"Lung Opacity": "cap", "normal": "normal"}
        profile["manifest"] = {"labels": "any"}
        (self.root / "params.yaml").write_text(yaml.safe_dump(profile))


@pytest.fixture(scope="module")
def clinic(tmp_path_factory):
    clinic = Clinic(tmp_path_factory.mktemp("home_of_ana"))
    clinic.rows = clinic.build()
    for command in (("prepare", "96"), ("contradictions",), ("show",)):
        clinic.run(*command)
    return clinic


def test_rows_of_one_film_are_one_film_with_its_boxes_in_every_table(clinic):
    rows = clinic.rows
    assert [tuple(box.values())[:4] for box in rows.boxes["images/r0.png"]] == [(10, 20, 50, 60), (90, 20, 50, 60)]
    assert rows.label["images/r0.png"] == "cap" and rows.status["images/r0.png"] == "kept"
    assert rows.boxes.notna().sum() == 2


def test_rows_that_disagree_are_listed_for_a_person(clinic):
    listed = read_table(clinic.root / "data" / "contradictions.parquet")
    (row,) = listed[listed.kind == "rows"].to_dict("records")
    assert row["item_id"] == "images/r2.png"
    assert row["evidence"] == "rows of its source's table disagree: cap ('Lung Opacity'), normal ('Normal')"
    assert "rows of one film disagree" in clinic.output


def test_films_in_an_archive_are_decoded(clinic):
    kept = clinic.rows[clinic.rows.status == "kept"]
    assert {"more.zip/z0.png", "more.zip/z1.png"} <= set(kept.index)
    assert kept.label["more.zip/z0.png"] == "normal"


def test_what_cannot_be_read_is_a_row_and_what_is_passed_over_is_counted(clinic):
    reasons = clinic.rows.reason.dropna().to_dict()
    assert reasons["loop.png"] == "a link that leads back to itself"
    assert reasons["gone"] == "the table names a file that does not exist"
    assert "1 file passed over that is not an image (1 .txt)" in clinic.output
    assert "no patient is stated for 5 of the 5 images" in clinic.output


def test_nothing_that_a_table_holds_reaches_the_terminal_as_a_command(clinic):
    assert "\x1b]0" not in clinic.output and "\x07" not in clinic.output
    assert r"\x1b]0;OWNED\x07\x1b[2J" in clinic.output
    assert any(r"\x1b]0;OWNED" in name for name in clinic.rows.index)


def test_no_table_says_where_the_folder_is(clinic):
    outputs = [path for path in (clinic.root / "data").rglob("*") if path.suffix in (".parquet", ".json")]
    assert len(outputs) > 8
    for path in outputs:
        assert b"home_of_ana" not in path.read_bytes(), path
    assert clinic.rows.url["images/r0.png"] == "own://clinic/images/r0.png"


def test_dvc_records_the_names_of_folders_and_not_where_they_are(tmp_path):
    stages = yaml.safe_load((REPO / "dvc.yaml").read_text())["stages"]
    recorded = [stage.get("do", stage).get("params", []) for stage in stages.values()]
    assert ["sources", "folder_names", "ingest"] in recorded
    assert not any("folders" in names for names in recorded)
    (tmp_path / "a.yaml").write_text("extends: sandbox\nfolders: [{name: mine, path: /home/ana}, {name: b, path: x}]\n")
    text = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "profile", "a.yaml"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(REPO), "PATH": ""},
        capture_output=True,
    ).stdout
    assert yaml.safe_load(text)["folder_names"] == ["mine", "b"]
