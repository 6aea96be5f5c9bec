"""Where films are and results go: what cannot work is one sentence, before anything is read or written."""

import os
from pathlib import Path

import pytest

from pipeline.cli.curate import CurateRequest, curate_films
from sources.core.errors import CxnetError, UsageError

PROFILE = "profile: films\nfolders:\n  - {{name: films, path: {path}}}\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The current folder, with a folder of films in which no film is good enough to be looked at."""
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "film.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(*folders: str, **asked: object) -> str:
    """The sentence with which a request is refused; nothing is written."""
    before = sorted(Path().rglob("*"))
    with pytest.raises(UsageError) as refused:
        curate_films(CurateRequest(folders, **asked))
    assert sorted(Path().rglob("*")) == before
    return str(refused.value)


@pytest.mark.parametrize("name", ["films.zip", "films.tar", "films.tar.gz", "films.tgz"])
def test_an_archive_is_refused_with_what_to_do(here, name):
    (here / name).write_bytes(b"PK")
    assert refusal(name) == (
        f"{name} is an archive; put it into a folder of its own, where archives are read, and give the folder with the "
        "films."
    )


@pytest.mark.parametrize("name", ["film.dcm", "film.png", "films.csv"])
def test_a_file_is_refused_with_what_to_do(here, name):
    (here / name).write_bytes(b"DICM")
    assert refusal(name) == f"{name} is a file; give the folder with the films."
    assert refusal("films", name) == f"{name} is a file; give the folder with the films."


def test_a_folder_without_a_name_is_refused(here):
    assert refusal("") == "There is no folder ''; check its path."


def test_a_folder_that_is_read_twice_is_refused(here):
    (here / "films" / "a").mkdir()
    (here / "link").symlink_to("films")
    assert refusal("films", "./films/") == f"{here}/films is given twice; name each folder once."
    assert refusal("films", "link") == f"{here}/films is given twice; name each folder once."
    assert refusal("films", "films/a") == (
        f"{here}/films/a lies in {here}/films, which is given, too; name each folder once."
    )
    assert refusal("films/a", "films").startswith(f"{here}/films/a lies in {here}/films")


@pytest.mark.parametrize("out", ["file", "file/below", "pipe"])
def test_results_need_a_folder(here, out):
    (here / "file").write_bytes(b"")
    os.mkfifo(here / "pipe")
    what = here / out.split("/")[0]
    sentence = f"{what} is not a folder; the results need one: choose another place with --out."
    assert refusal("films", out=Path(out)) == sentence
    assert refusal("films", out=Path("other"), root=out) == sentence


@pytest.mark.parametrize("name", ["data", "reports", "curation"])
def test_what_is_in_the_way_of_the_results_is_named(here, name):
    (here / "out").mkdir()
    (here / "out" / name).write_bytes(b"")
    assert refusal("films", out=Path("out")).startswith(f"{here}/out/{name} is not a folder; the results need one")
    assert refusal("films", out=Path("other"), root="out").startswith(f"{here}/out/{name} is not a folder")


def test_a_folder_that_is_called_like_the_profile_is_named(here):
    (here / "out" / "profile.yaml").mkdir(parents=True)
    assert refusal("films", out=Path("out")).startswith(f"{here}/out/profile.yaml is not a file; move it away")


def test_a_name_that_is_not_utf_8_is_refused(here):
    name = os.fsdecode(b"\xff")
    (here / name).mkdir()
    assert "is not a name in UTF-8" in refusal(name)
    assert "is not a name in UTF-8" in refusal("films", out=Path(name, "out"))


def test_a_place_that_cannot_be_written_is_named(here):
    with pytest.raises(CxnetError, match=r"^Cannot write /proc/curated/\.curate\.lock: .*; choose a folder"):
        curate_films(CurateRequest(("films",), out=Path("/proc/curated")))


def test_a_bucket_is_no_place_for_out(here):
    assert "give the bucket with --root" in refusal("films", out=Path("s3://bucket/place"))


def test_results_never_go_among_the_films(here):
    (here / "link").symlink_to("films")
    sentence = f"The results cannot go into the films' own folder {here}/films; choose another place, for example "
    assert refusal("films", out=Path("films/out")) == f"{sentence}--out {here}/films-curated."
    assert refusal("films", out=Path("link/out")).startswith(sentence)
    assert refusal("films", out=Path("out"), root="films").startswith(sentence)
    (here / "films" / "profile.yaml").write_text(PROFILE.format(path=here / "films"))
    assert refusal(profile=Path("films/profile.yaml")).startswith(sentence)
    assert refusal(profile=Path("films/profile.yaml"), out=Path("out"), root="films/x").startswith(sentence)


def test_the_results_of_a_project_are_not_overwritten(here):
    (here / "project" / "data" / "manifest").mkdir(parents=True)
    assert refusal("films", out=Path("project")) == (
        f"{here}/project/data holds the results of something else; choose another place with --out."
    )
    assert "holds the results of something else" in refusal("films", out=Path("out"), root="project")


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_decisions_that_are_no_file_are_refused_before_anything_is_fetched(here, kind):
    place = here / "out" / "curation" / "decisions.csv"
    place.parent.mkdir(parents=True)
    place.mkdir() if kind == "folder" else os.mkfifo(place)
    with pytest.raises(UsageError, match=r"decisions\.csv is a folder, a pipe or a device; .* move it away\."):
        curate_films(CurateRequest(("films",), out=Path("out")))
    assert not (here / "out" / "data").exists()


def test_a_decision_that_is_not_valid_is_refused_before_anything_is_fetched(here):
    place = here / "out" / "curation" / "decisions.csv"
    place.parent.mkdir(parents=True)
    place.write_text("image_id,decision,field,value,who,when,why\nxyz,exclude,,,ana,2026-01-31,a phantom\n")
    with pytest.raises(UsageError, match=r"decisions\.csv, line 2: image_id 'xyz' is not a sha256"):
        curate_films(CurateRequest(("films",), out=Path("out")))
    assert not (here / "out" / "data").exists()
