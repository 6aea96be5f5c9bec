"""``cxnet-data curate``: a verdict on anyone's films; interrupted or killed, it continues where it was."""

import json
import shutil
import signal
from pathlib import Path

import pandas as pd
import psutil
import pytest
import yaml
from dask_machines import machines
from own_films import curate, results, start_curate, wait_for, workers_of, write_films, write_table

from pipeline.profile.load import load_params
from sources.core.storage import read_table


@pytest.fixture(scope="module")
def curated(tmp_path_factory):
    """A folder of films with a table, curated once: (folder, answer)."""
    place = tmp_path_factory.mktemp("curated")
    write_table(write_films(place / "films"))
    return place, curate(place, "films")


@pytest.fixture
def again(curated, tmp_path):
    """A copy of what came of it; the films are where they were."""
    place, _ = curated
    shutil.copytree(place / "curated", tmp_path / "curated")
    return tmp_path


def manifest(place: Path) -> pd.DataFrame:
    return read_table(place / "curated" / "data" / "manifest" / "manifest.parquet").set_index("item_id")


def steps(answer) -> dict[str, bool]:
    """Label of each step -> whether it was run."""
    lines = [line for line in answer.stdout.splitlines() if line.endswith((" s", ", unchanged"))]
    return {line.partition(": ")[0]: not line.endswith("unchanged") for line in lines}


def test_films_with_a_table_get_a_verdict(curated):
    place, answer = curated
    assert answer.returncode == 0, answer.stderr
    for text in (
        "films: 10 images and the table films.csv (10 rows)",
        "names 10 of 10 files",
        "Finding Labels   by its name",
        "8 of 10 images are kept (normal 4, covid 4).",
        "  1 left out: copies of kept films (reencoded 1)",
        "  1 left out: no frontal chest films (lateral film 1)",
        "  the patients of all kept films are known: 5 patients, each in one split",
        f"Report: {place}/curated/reports/index.html",
    ):
        assert text in answer.stdout, answer.stdout
    rows = manifest(place)
    assert (rows.loc["copy.jpg", "excluded_by"], rows.loc["l0.png", "excluded_by"]) == ("dedupe", "views")
    assert (place / "curated" / "reports" / "index.html").stat().st_size > 10_000


def test_the_profile_is_valid_and_says_what_was_guessed(curated):
    place, _ = curated
    path = place / "curated" / "profile.yaml"
    folder = load_params(path).folders[0]
    assert (folder.name, folder.path, folder.table) == ("films", str(place / "films"), "films.csv")
    assert folder.columns == {
        "item_id": "Image Index",
        "patient_id": "Patient ID",
        "label": "Finding Labels",
        "age": "Patient Age",
        "sex": "Patient Gender",
    }
    assert folder.labels == {"COVID-19": "covid", "No Finding": "normal"}
    assert "# names 10 of 10 files" in path.read_text()


def test_a_second_run_does_nothing_again(curated, again):
    answer = curate(again, str(curated[0] / "films"))
    assert answer.returncode == 0, answer.stderr
    ran = [label for label, was_run in steps(answer).items() if was_run]
    assert ran == ["fetch@films"]


def test_an_edited_profile_runs_what_depends_on_it(again):
    profile = again / "curated" / "profile.yaml"
    values = yaml.safe_load(profile.read_text())
    profile.write_text(yaml.safe_dump(values | {"split": {"seed": 5}}))
    answer = curate(again, "--profile", str(profile))
    ran = [label for label, was_run in steps(answer).items() if was_run]
    assert ran == ["fetch@films", "harmonise", "split", "prepare@64", "contradictions", "report"]
    assert not steps(answer)["ingest"]


def test_a_new_film_and_a_decision_are_taken_in(tmp_path):
    films = write_films(tmp_path / "films", films=2)
    assert curate(tmp_path, "films").returncode == 0
    shutil.copy(films / "l0.png", films / "new.png")
    image_id = manifest(tmp_path).loc["f1.png", "image_id"]
    with (tmp_path / "curated" / "curation" / "decisions.csv").open("a") as file:
        file.write(f"{image_id},exclude,,,ana,2026-01-31,a phantom\n")
    answer = curate(tmp_path, "films")
    assert answer.returncode == 0, answer.stderr
    rows = manifest(tmp_path)
    assert rows.loc["f1.png", "reason"] == "excluded by a person: ana, a phantom"
    assert rows.loc["new.png", "excluded_by"] == "dedupe"


def test_films_without_a_table_are_kept_and_their_patients_are_unknown(tmp_path):
    write_films(tmp_path / "My Films 1")
    answer = curate(tmp_path, "My Films 1", "--out", "here", "--json")
    assert answer.returncode == 0, answer.stderr
    verdict = json.loads(answer.stdout)
    assert (verdict["listed"], verdict["kept"], verdict["labels"]) == (10, 8, {"unlabeled": 8})
    assert (verdict["patients"], verdict["unknown_patients"]) == (0, 8)
    assert "The patients of all 8 films are unknown" in verdict["warning"]
    assert "are unknown" not in answer.stderr  # the verdict states it once
    page = (tmp_path / "here" / "reports" / "index.html").read_text()
    assert page.count("Unknown patients") == 2
    assert load_params(tmp_path / "here" / "profile.yaml").folders[0].name == "my_films_1"


def test_a_folder_in_which_nothing_is_a_film_has_a_verdict_too(tmp_path):
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    answer = curate(tmp_path, "films", "--root", "elsewhere")
    assert answer.returncode == 0, answer.stderr
    assert "0 of 1 image is kept.\n  1 left out: no usable picture" in answer.stdout
    assert (tmp_path / "elsewhere" / "reports" / "index.html").exists()
    assert sorted(path.name for path in (tmp_path / "curated").iterdir()) == [".curate.lock", "profile.yaml"]


def test_several_folders_are_one_data_set(tmp_path):
    for name in ("a/images", "b/images"):
        write_films(tmp_path / name, films=3, laterals=0)
    answer = curate(tmp_path, "a/images", "b/images", "--name", "Two wards")
    assert answer.returncode == 0, answer.stderr
    params = load_params(tmp_path / "curated" / "profile.yaml")
    assert (params.profile, params.source_names) == ("two_wards", ("images", "b_images"))
    assert "3 of 8 images are kept" in answer.stdout


def test_a_cluster_gives_the_same_bytes(curated, tmp_path):
    place, _ = curated
    with machines(tmp_path / "machines", workers=2) as cluster:
        answer = curate(tmp_path, str(place / "films"), "--scheduler", cluster.address)
    assert answer.returncode == 0, answer.stderr
    assert results(tmp_path / "curated") == results(place / "curated")


# ------------------------------------------------------------------------------------ interrupted, killed, at once


@pytest.mark.parametrize(
    ("number", "after"),
    [(signal.SIGINT, "ingest"), (signal.SIGTERM, "dedupe"), (signal.SIGKILL, "fetch@films"), (signal.SIGKILL, "views")],
)
def test_an_interrupted_or_killed_curation_continues_and_ends_with_the_same_bytes(curated, tmp_path, number, after):
    place, films = curated[0], str(curated[0] / "films")
    process = start_curate(tmp_path, films, "--workers", "2")
    wait_for(tmp_path / "curated" / "data" / "receipts" / f"{after}.json", process)
    workers = workers_of(process)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    if number != signal.SIGKILL:
        assert process.returncode in (128 + number, -number)  # shells show both as the first
        assert errors.splitlines()[-1].endswith("Nothing is half-written; run the same command again to continue.")
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive
    answer = curate(tmp_path, films)
    assert answer.returncode == 0, answer.stderr
    assert "from an earlier run" in answer.stderr
    if after != "fetch@films":
        assert not steps(answer)[after]
    assert results(tmp_path / "curated") == results(place / "curated")


def test_a_second_curation_at_once_is_refused(tmp_path):
    write_films(tmp_path / "films")
    first = start_curate(tmp_path, "films")
    wait_for(tmp_path / "curated" / "data" / "receipts" / "fetch@films.json", first)
    second = curate(tmp_path, "films")
    assert second.returncode == 1
    assert second.stderr.startswith("cxnet-data: Another `cxnet-data curate` is running here (process ")
    assert len(second.stderr.splitlines()) == 1
    out, errors = first.communicate(timeout=120)
    assert first.returncode == 0, errors
    assert "8 of 10 images are kept" in out


# --------------------------------------------------------------------------------------------- what cannot be done


def refused(place: Path, exit_code: int, *words: str) -> str:
    answer = curate(place, *words)
    assert (answer.returncode, answer.stdout) == (exit_code, "")
    assert len(answer.stderr.splitlines()) == 1
    return answer.stderr


def test_a_folder_without_images_is_refused_and_nothing_is_written(tmp_path):
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "notes.txt").write_text("no film")
    assert "films holds no image; give a folder with films" in refused(tmp_path, 1, "films")
    assert not (tmp_path / "curated" / "profile.yaml").exists()


def test_what_does_not_exist_is_named(tmp_path):
    absent = tmp_path / "nofolder"
    assert f"There is no folder {absent}" in refused(tmp_path, 2, str(absent), "--out", str(absent / "out"))
    assert f"There is no folder {absent}" in refused(tmp_path / "..", 2, str(absent), "--out", str(tmp_path / "o"))
    assert not (tmp_path / "o").exists()
    assert "There is no folder absent" in refused(tmp_path, 2, "absent")
    (tmp_path / "film.png").write_bytes(b"")
    assert "film.png is a file; give the folder" in refused(tmp_path, 2, "film.png")
    write_films(tmp_path / "films", films=1)
    assert "There is no table labels.csv" in refused(tmp_path, 2, "films", "--table", "labels.csv")
    (tmp_path / "far.csv").write_text("file\nf0.png\n")
    assert "far.csv is outside" in refused(tmp_path, 2, "films", "--table", "far.csv")
    assert "absent.yaml does not exist" in refused(tmp_path, 2, "--profile", "absent.yaml")


def test_a_table_that_names_no_file_is_refused_if_given_and_noted_if_found(tmp_path):
    folder = write_films(tmp_path / "films", films=2)
    (folder / "other.csv").write_text("file,age\nx.png,3\ny.png,4\n")
    message = refused(tmp_path, 2, "films", "--table", "films/other.csv")
    assert "No column of" in message and "names the files" in message
    answer = curate(tmp_path, "films")
    assert answer.returncode == 0
    assert "note: other.csv is not used: No column of" in answer.stderr
    assert "films: 4 images, no table" in answer.stdout


def test_results_never_go_into_the_films_folder(tmp_path):
    folder = write_films(tmp_path / "films", films=1, laterals=0)
    message = refused(tmp_path, 2, "films", "--out", "films/out")
    assert f"cannot go into the films' own folder {folder}" in message
    assert f"--out {tmp_path}/films-curated" in message
    answer = curate(folder, ".")
    assert answer.returncode == 0, answer.stderr
    assert f"Report: {tmp_path}/films-curated/reports/index.html" in answer.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Name at least one folder of films"),
        (["a", "--profile", "p.yaml"], "leave out FOLDER, --table and --name"),
        (["a", "b", "--table", "t.csv"], "--table goes with one folder"),
    ],
)
def test_words_that_do_not_go_together_are_refused(tmp_path, words, message):
    assert message in refused(tmp_path, 2, *words)


def test_another_folder_is_not_mixed_into_an_earlier_curation(again):
    write_films(again / "others", films=1)
    assert "holds the curation of other folders" in refused(again, 2, "others")
