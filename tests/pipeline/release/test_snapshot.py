"""A snapshot holds what may be passed on, proves itself, is compared with others and rebuilt; withdrawn films leave."""

import csv
import json
import shutil

import mlcroissant
import pandas as pd
import pytest
import yaml
from released import build, change, first, run
from typer.testing import CliRunner
from upath import UPath

from pipeline.audit.certificate import nearest_pairs
from pipeline.audit.check import check
from pipeline.audit.dataset import find_place
from pipeline.cli.main import app
from pipeline.core.layout import Layout
from pipeline.core.schema import MANIFEST_SCHEMA, SPLITS_SCHEMA
from pipeline.core.terms import terms_class
from pipeline.release.create import create
from pipeline.release.diff import compare
from pipeline.release.record import read_record
from pipeline.release.restore import outcome, prepare, rebuild
from pipeline.release.verify import verify
from pipeline.release.withdraw import withdraw
from sources.core.errors import CxnetError, UsageError
from sources.core.storage import read_table


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def made(built):
    layout, params = built
    return create(layout, params, "v1.0", layout.root / "snapshots", "noncommercial")


@pytest.fixture
def copied(made, tmp_path):
    shutil.copytree(made.folder, tmp_path / "v1.0")
    return UPath(tmp_path / "v1.0")


@pytest.fixture
def project(built, tmp_path):
    shutil.copytree(
        built[0].root, tmp_path / "project", ignore=shutil.ignore_patterns("snapshots", "elsewhere", "again")
    )
    return Layout.at(tmp_path / "project"), built[1]


def pictures(folder):
    shards = sorted((folder / "images").glob("*.parquet"), key=str)
    return pd.concat([read_table(path) for path in shards], ignore_index=True)


@pytest.mark.parametrize(
    ("licence", "may", "expected"),
    [
        ("CC-BY-4.0", True, "open"),
        ("CC0", True, "open"),
        ("Apache-2.0", True, "open"),
        ("CC-BY-SA-4.0", True, "sharealike"),
        ("CC-BY-NC-SA-3.0", True, "noncommercial"),
        ("CC-BY-NC-ND-4.0", True, "closed"),
        ("CC-BY-4.0", False, "closed"),
        (None, True, "closed"),
        ("", None, "closed"),
    ],
)
def test_the_class_of_terms_follows_from_the_license(licence, may, expected):
    assert terms_class(licence, may) == expected


def test_pictures_travel_only_where_the_license_allows_it(made):
    assert set(pictures(made.folder)["source"]) == {"cohen"}
    rows = read_table(made.folder / "manifest.parquet")
    assert set(rows["source"]) == {"cohen", "nih"}
    assert (made.record.films, made.record.pictures) == ({"closed": 5, "open": 5}, {"open": 5})
    assert "5 films may not be passed on" in str(made)


def test_an_override_takes_all_and_says_so(built):
    layout, params = built
    every = create(layout, params, "all", layout.root / "elsewhere", "all")
    assert set(pictures(every.folder)["source"]) == {"cohen", "nih"}
    assert "--include all" in (every.folder / "README.md").read_text()


@pytest.mark.parametrize(
    ("purpose", "sources"), [("open", {"a"}), ("commercial", {"a", "b"}), ("noncommercial", {"a", "b"})]
)
def test_the_purpose_chooses_the_classes(tmp_path, purpose, sources):
    terms = {"cohen": ("CC-BY-4.0", True), "nih": ("CC-BY-SA-4.0", True)}
    layout, params = build(tmp_path, 3, terms)
    snapshot = create(layout, params, "v1", layout.root / "out", purpose)
    assert set(pictures(snapshot.folder)["source"]) == {{"a": "cohen", "b": "nih"}[name] for name in sources}


def test_every_film_with_a_picture_is_credited(made):
    with (made.folder / "ATTRIBUTION.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["source"], row["licence"], row["attribution"]) for row in rows} == {("cohen", "CC-BY-4.0", "Ana")}
    assert len(rows) == len(pictures(made.folder))


def test_equal_data_gives_an_equal_root_hash(built, made):
    layout, params = built
    again = create(layout, params, "v1.0", layout.root / "again", "noncommercial")
    assert again.record.root_sha256 == made.record.root_sha256


def test_a_version_never_changes(built, made):
    layout, params = built
    with pytest.raises(UsageError, match="exists, and a version never changes"):
        create(layout, params, "v1.0", layout.root / "snapshots", "open")


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "x" * 65, "naïve"])
def test_a_name_that_is_no_folder_is_refused(built, name):
    with pytest.raises(UsageError, match="cannot be the name of a version"):
        create(*built, name, built[0].root / "snapshots", "open")


def test_a_broken_data_set_is_not_shared(project):
    layout, params = project
    path = layout.manifest / "manifest.parquet"

    def edit(rows):
        rows.at[first(rows, status="excluded"), "reason"] = None
        return rows

    change(path, MANIFEST_SCHEMA, edit)
    with pytest.raises(CxnetError, match=r"breaks 1 rule .*an excluded row has a reason"):
        create(layout, params, "v2", layout.root / "snapshots", "open")
    assert not (layout.root / "snapshots" / "v2").exists()


def test_a_sound_snapshot_verifies_and_passes_check(made):
    assert verify(made.folder).violations == []
    checked = check(find_place(str(made.folder), Layout.at(".")))
    assert (checked.violations, checked.pictures) == ([], 5)


def test_every_flipped_bit_is_found_and_named(copied):
    for path in sorted(path for path in copied.rglob("*") if path.is_file() and path.name != "snapshot.json"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))
        (violation,) = verify(copied).violations
        assert violation.row == str(path.relative_to(copied))
        assert violation.value.startswith("sha256")
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))


def test_a_missing_and_a_foreign_file_are_found(copied):
    (copied / "splits.parquet").unlink()
    (copied / "images" / "more.parquet").write_bytes(b"")
    found = {violation.row: violation.value for violation in verify(copied).violations}
    assert found == {
        "splits.parquet": "missing or not readable; get it again",
        "images/more.parquet": "not in its record",
    }


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda record: record | {"format": 2}, "has format 2, this version reads 1; update cxnet-data"),
        (lambda record: record | {"root_sha256": "0" * 64}, "was edited"),
        (lambda record: record | {"more": 1}, "is damaged or of another version"),
        (lambda record: record | {"texts": {"../x": {"sha256": "0", "bytes": 1}}}, "names a file outside"),
        (lambda record: [], "is damaged"),
    ],
)
def test_an_edited_record_is_one_sentence(copied, edit, message):
    path = copied / "snapshot.json"
    path.write_text(json.dumps(edit(json.loads(path.read_text()))))
    with pytest.raises(CxnetError, match=message):
        verify(copied)


def test_croissant_is_valid_and_loads_the_films(made):
    data = mlcroissant.Dataset(str(made.folder / "croissant.json"))
    issues = data.metadata.ctx.issues
    assert (issues.errors, issues.warnings) == (set(), set())
    assert len(list(data.records("manifest"))) == 14
    films = list(data.records("films"))
    assert {film["films/source"] for film in films} == {b"cohen"} or {film["films/source"] for film in films} == {
        "cohen"
    }
    assert films[0]["films/image"].size[0] > 0


def test_most_of_the_usual_fields_are_known_without_a_person(made):
    told = json.loads((made.folder / "croissant.json").read_text())
    rai = {name: value for name, value in told.items() if name.startswith("rai:")}
    core = ("name", "description", "url", "version", "datePublished", "license", "citeAs", "keywords", "distribution")
    known = [name for name in (*rai, *core) if told[name] != "not known"]
    assert len(rai) == 20
    assert len(known) >= 24


def test_card_croissant_and_datacite_say_the_same(made):
    card = (made.folder / "README.md").read_text()
    front = yaml.safe_load(card.split("---")[1])
    assert front["license"] == "other"
    for name in ("README.md", "croissant.json", "datacite.json", "CITATION.cff"):
        assert made.record.root_sha256 in (made.folder / name).read_text()
    assert "10 chest films (5 covid, 5 normal)" in card
    assert "whatever the owners of 5 further films allow" in card


def test_two_versions_are_compared_row_by_row_with_the_reason(project):
    layout, params = project
    first_version = create(layout, params, "v1", layout.root / "snapshots", "open")
    rows = read_table(layout.manifest / "manifest.parquet", ["source", "item_id", "image_id"])
    image = rows.loc[rows["item_id"] == "c4", "image_id"].iloc[0]
    with layout.decisions.open("a") as file:
        file.write(f"{image},set,label,cap,ana,2026-01-31,looked again\n")
    run(layout, params, ("manifest", "split"))
    second = create(layout, params, "v2", layout.root / "snapshots", "open")
    found = compare(first_version.folder, second.folder)
    assert found.rows[["item_id", "change", "before", "after", "why"]].to_numpy().tolist() == [
        ["c4", "relabelled", "covid", "cap", "decision"]
    ]
    assert found.table() == [("relabelled", "decision", 1)]
    assert compare(second.folder, second.folder).rows.empty


def test_added_gone_and_moved_rows_are_told(made, tmp_path):
    shutil.copytree(made.folder, tmp_path / "other")
    other = UPath(tmp_path / "other")
    change(other / "manifest.parquet", MANIFEST_SCHEMA, lambda rows: rows.drop(first(rows)))

    def move(rows):
        rows.at[first(rows, item_id="c1"), "split"] = "external"
        return rows

    change(other / "splits.parquet", SPLITS_SCHEMA, move)
    rows = compare(made.folder, other).rows
    assert rows[["item_id", "change"]].to_numpy().tolist() == [["broken", "gone"], ["c1", "moved"]]
    assert compare(other, made.folder).rows["change"].tolist() == ["added", "moved"]


def test_a_snapshot_is_rebuilt_to_the_bit_from_its_files(made, built, tmp_path):
    record, _ = prepare(made.folder, UPath(tmp_path / "new"), None)
    again = Layout.at(tmp_path / "new")
    for source in ("cohen", "nih"):
        shutil.copytree(built[0].raw / source / "files", again.raw / source / "files")
    rebuild(again, built[1], None, lambda text: None)
    found = outcome(again, record, 0)
    assert found.is_identical
    assert str(found).startswith("v1.0 is restored: the manifest is identical")


def test_files_that_are_gone_are_rows_and_the_restored_set_says_so(made, built, tmp_path):
    record, _ = prepare(made.folder, UPath(tmp_path / "new"), None)
    again = Layout.at(tmp_path / "new")
    shutil.copytree(built[0].raw / "cohen" / "files", again.raw / "cohen" / "files")
    rebuild(again, built[1], None, lambda text: None)
    found = outcome(again, record, 0)
    assert not found.is_identical
    assert found.missing["source"].tolist() == ["nih"]
    assert "1 file no longer" in str(found)


def test_nothing_is_restored_over_something_else_or_from_a_changed_snapshot(copied, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(UsageError, match="holds something else"):
        prepare(copied, UPath(tmp_path / "full"), None)
    (copied / "profile.yaml").write_text("profile: other\n")
    with pytest.raises(CxnetError, match=r"has changed: profile\.yaml"):
        prepare(copied, UPath(tmp_path / "new"), None)


def test_a_withdrawn_film_leaves_with_its_copies_and_is_named_where_it_is(project):
    layout, params = project
    create(layout, params, "v1", layout.root / "snapshots", "open")
    rows = read_table(layout.manifest / "manifest.parquet")
    copied = rows[rows["cluster_id"].notna()]
    kept = copied[copied["status"] == "kept"].iloc[0]
    found = withdraw(layout, [f"{kept['source']}/{kept['item_id']}"], "the patient asked")
    assert len(found.images) == int((copied["cluster_id"] == kept["cluster_id"]).sum())
    assert found.versions == ["v1"]
    assert any(each.rule == "no kept film is withdrawn" for each in check(find_place(None, layout)).violations)
    run(layout, params, ("harmonise", "manifest", "split"))
    after = read_table(layout.manifest / "manifest.parquet")
    assert set(after.loc[after["image_id"].isin(found.images), "status"]) == {"excluded"}
    reason = after.loc[after["item_id"] == kept["item_id"], "reason"].iloc[0]
    assert "withdrawn, the patient asked" in reason
    assert check(find_place(None, layout)).violations == []
    again = create(layout, params, "v2", layout.root / "snapshots", "open")
    assert kept["image_id"] in (again.folder / "withdrawn.csv").read_text()
    assert withdraw(layout, [kept["image_id"]], "again").new == 0


def test_a_film_that_nobody_knows_cannot_be_withdrawn(project):
    with pytest.raises(UsageError, match="No film is called nih/none"):
        withdraw(project[0], ["nih/none"], "why")


def test_the_commands_work_together(project, tmp_path):
    layout, _ = project
    common = ["--root", str(layout.root)]
    profile = ["--params", str(layout.root / "profile.yaml")]

    def call(*arguments, code=0):
        result = CliRunner().invoke(app, ["snapshot", *arguments, *common])
        assert result.exit_code == code, result.output
        return result.output

    assert "root hash" in call("create", "v1", *profile)
    assert "noncommercial" in call("list")
    assert json.loads(call("list", "--json"))[0]["name"] == "v1"
    assert "nothing has changed" in call("verify", "v1")
    assert "# Chest X-rays" in call("card", "v1")
    assert "0 changes" in call("diff", "v1", "v1", "--out", str(tmp_path / "changes.parquet"))
    assert (tmp_path / "changes.parquet").exists()
    (layout.root / "snapshots" / "v1" / "README.md").write_text("other")
    assert "README.md" in call("verify", "v1", code=1)


def test_a_list_of_withdrawn_films_that_is_none_is_one_sentence(project):
    layout, params = project
    layout.withdrawn.write_text("image_id,when,why\nnot a hash,2026-01-01,x\n")
    with pytest.raises(UsageError, match=r"withdrawn\.csv, line 2: expected"):
        run(layout, params, ("manifest",))


def test_the_certificate_travels_and_can_be_made_again(made, copied):
    told = json.loads((made.folder / "splits.certificate.json").read_text())
    assert told["tables"]["manifest"] == made.record.manifest_sha256
    assert {entry["violations"] for entry in told["rules"]} == {0}
    assert sum(split["films"] for split in told["splits"].values()) == 10
    result = CliRunner().invoke(app, ["check", str(made.folder), "--certificate"])
    assert (result.exit_code, "certified" in result.output) == (0, True), result.output
    path = copied / "splits.certificate.json"
    path.write_text(path.read_text().replace('"films_of_unknown_patients": 0', '"films_of_unknown_patients": 7'))
    result = CliRunner().invoke(app, ["check", str(copied), "--certificate", "--json"])
    assert result.exit_code == 1
    assert "films_of_unknown_patients" in result.stdout


def test_the_nearest_films_of_two_splits_are_named():
    rows = pd.DataFrame(
        {
            "source": "a",
            "item_id": ["1", "2", "3"],
            "phash": ["0000000000000000", "0000000000000003", "ffffffff00000000"],
            "split": ["train", "test", "test"],
        }
    )
    (pair,) = nearest_pairs(rows)
    assert (pair.a, pair.b, pair.a_split, pair.b_split, pair.bits) == ("a/1", "a/2", "train", "test", 2)


def test_a_record_is_read_as_it_was_written(made):
    assert read_record(made.folder) == made.record
