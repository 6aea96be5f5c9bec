"""The profile of a curation: valid YAML whatever the names and words are, and the same folders on a second run."""

from pathlib import Path

import pytest

from pipeline.curate.guess import Guess, Meaning
from pipeline.curate.look import FolderLook, TableLook
from pipeline.curate.path_labels import PathLabels
from pipeline.curate.profile import NamedFolder, check_folders, curation_text, name_folders, slug
from pipeline.profile.load import load_params
from sources.core.errors import UsageError

ODD = "Yes: #no \u2028 'x' \"y\" {a}"


def written(folder: Path, *folders: NamedFolder) -> Path:
    path = folder / "profile.yaml"
    path.write_text(curation_text("set", folders, "cxnet-data curate a", "cxnet-data curate --profile p"))
    return path


def test_odd_names_columns_and_words_are_quoted(tmp_path):
    guess = Guess({"item_id": Meaning(ODD, "names 1 of 1 files"), "label": Meaning("No", "by its name")})
    guess = Guess(guess.columns, {ODD: "covid", "Yes": "normal", "1": "cap"}, {"No": 3, "x\x1b[2J": 1})
    look = FolderLook(f"/films/{ODD}", 1, TableLook(f"{ODD}.csv", 1, guess))
    folder = load_params(written(tmp_path, NamedFolder("films", look))).folders[0]
    assert (folder.path, folder.table) == (f"/films/{ODD}", f"{ODD}.csv")
    assert folder.columns == {"item_id": ODD, "label": "No"}
    assert folder.labels == {ODD: "covid", "Yes": "normal", "1": "cap"}
    assert "\x1b" not in (tmp_path / "profile.yaml").read_text()


def test_columns_of_findings_are_listed_with_the_labels_of_their_names(tmp_path):
    findings = ("No Finding", ODD)
    guess = Guess({"item_id": Meaning("f", "w")}, {"No Finding": "normal"}, {ODD: 3}, findings)
    path = written(tmp_path, NamedFolder("films", FolderLook("/f", 1, TableLook("t.csv", 1, guess))))
    folder = load_params(path).folders[0]
    assert (folder.label_columns, folder.labels) == (findings, {"No Finding": "normal"})
    assert "# label: ..." not in path.read_text()


@pytest.mark.parametrize("count", [0, 100])
def test_words_without_a_label_are_listed_as_comments(tmp_path, count):
    columns = {"item_id": Meaning("f", "w"), "label": Meaning("l", "w")}
    guess = Guess(columns, {}, {f"w{number}": 1 for number in range(count)})
    path = written(tmp_path, NamedFolder("films", FolderLook("/f", 1, TableLook("t.csv", 1, guess))))
    assert load_params(path).folders[0].labels == {}
    assert ("and 70 further words" in path.read_text()) == (count == 100)


def test_a_pattern_for_patients_is_quoted(tmp_path):
    pattern = r"patient(?P<patient_id>\d+)/study(?P<study_id>\d+)"
    look = FolderLook("/f", 1, patient_from_path=pattern)
    assert load_params(written(tmp_path, NamedFolder("films", look))).folders[0].patient_from_path == pattern


def test_labels_of_paths_are_written_with_their_words(tmp_path):
    found = PathLabels("(?P<label>[^/]+)/[^/]+$", {"COVID": "covid", "NORMAL": "normal"}, {"Other stuff": 3})
    path = written(tmp_path, NamedFolder("films", FolderLook("/f", 1, path_labels=found)))
    folder = load_params(path).folders[0]
    assert (folder.label_from_path, folder.labels) == (found.pattern, found.labels)
    assert '# "Other stuff": ...  # 3 films' in path.read_text()


def test_the_options_of_a_curation_keep_films_of_any_label_and_age(tmp_path):
    params = load_params(written(tmp_path, NamedFolder("films", FolderLook("/f", 3))))
    assert params.manifest.keeps_any_label and params.manifest.keep_pediatric
    assert (params.harmonise.sources, params.experiments, params.sources) == ((), {}, ())
    assert params.folders[0].table is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Films 2020", "films_2020"),
        ("2020", "films_2020"),
        ("Ä ö", "films"),
        ("a__b", "a_b"),
        ("nih", "nih"),
        ("", "films"),
    ],
)
def test_any_name_becomes_one_that_a_source_may_have(name, expected):
    assert slug(name) == expected


def test_folders_are_named_apart_and_never_like_a_source():
    looks = [FolderLook(path, 1) for path in ("/a/images", "/b/images", "/a/images/", "/x/nih", "s3://bucket/images")]
    names = [folder.name for folder in name_folders(looks, "ignored for several")]
    assert names == ["images", "b_images", "a_images", "x_nih", "bucket_images"]
    assert [folder.name for folder in name_folders(looks[:1], "My ward")] == ["my_ward"]
    many = [FolderLook("/a/images", 1)] * 4
    assert [folder.name for folder in name_folders(many, None)] == ["images", "a_images", "a_images_2", "a_images_3"]


def test_an_earlier_profile_is_used_only_for_the_same_folders_and_table(tmp_path):
    table = TableLook("t.csv", 1, Guess({"item_id": Meaning("f", "w")}))
    path = written(tmp_path, NamedFolder("films", FolderLook("/f", 1, table)))
    assert check_folders(path, ["/f"], None).profile == "set"
    with pytest.raises(UsageError, match=r"holds the curation of other folders \(/f\)"):
        check_folders(path, ["/g"], None)


def test_the_end_of_a_line_in_a_command_does_not_end_the_comment(tmp_path):
    odd = "cxnet-data curate 'a\nfolders: []\u2028workers: 9\r'"
    text = curation_text("set", [NamedFolder("films", FolderLook("/f", 1))], odd, odd)
    (tmp_path / "profile.yaml").write_text(text)
    assert [folder.path for folder in load_params(tmp_path / "profile.yaml").folders] == ["/f"]
