"""``check`` proves a sound data set, and finds every broken rule with its row and value."""

import json
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from released import build, change, first
from typer.testing import CliRunner

from pipeline.audit.check import check
from pipeline.audit.dataset import find_place
from pipeline.audit.rules import Tables, check_tables
from pipeline.cli.main import app
from pipeline.core.layout import Layout
from pipeline.core.schema import IMAGES_SCHEMA, MANIFEST_SCHEMA, SPLITS_SCHEMA
from sources.core.errors import UsageError
from sources.core.items import KEY, LOCK_SCHEMA
from sources.core.storage import read_table


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(tmp_path_factory.mktemp("checked"))[0]


@pytest.fixture
def layout(built, tmp_path):
    shutil.copytree(built.root, tmp_path / "copy")
    return Layout.at(tmp_path / "copy")


def found(layout):
    return {(each.rule, each.row): each.value for each in check(find_place(None, layout)).violations}


def test_a_sound_data_set_has_no_violation(built):
    checked = check(find_place(None, built))
    assert checked.violations == []
    assert (checked.rows, checked.kept, checked.pictures) == (14, 10, 10)
    assert checked.files == 7  # six of cohen, and one archive
    assert str(checked).endswith("splits; all rules hold")


def manifest(edit):
    return lambda layout: change(layout.manifest / "manifest.parquet", MANIFEST_SCHEMA, edit)


def splits(edit):
    return lambda layout: change(layout.splits, SPLITS_SCHEMA, edit)


def setting(column, value, **where):
    def edit(rows):
        rows.at[first(rows, **where), column] = value
        return rows

    return edit


def without_first(rows):
    return rows.drop(first(rows))


def twice(rows):
    return rows.loc[[first(rows), *rows.index]]


def with_one_patient(rows):
    kept = rows[rows["status"] == "kept"].index
    rows.loc[kept, "patient_id"] = "cohen:one"
    return rows


BROKEN = {
    "every row has its own source and item_id": manifest(twice),
    "every listed image is a row of the manifest": manifest(without_first),
    "every row of the manifest is a listed image": lambda layout: change(
        layout.raw / "cohen" / "items.parquet", LOCK_SCHEMA, without_first
    ),
    "every listed image is listed once": lambda layout: change(
        layout.raw / "cohen" / "items.parquet", LOCK_SCHEMA, twice
    ),
    "every row is kept or excluded": manifest(setting("status", "perhaps", status="kept")),
    "an excluded row has a stage": manifest(setting("excluded_by", None, status="excluded")),
    "an excluded row has a reason": manifest(setting("reason", "", status="excluded")),
    "a kept row has no exclusion": manifest(setting("excluded_by", "views", status="kept")),
    "a kept row has no reason": manifest(setting("reason", "why not", status="kept")),
    "a label is a known one": manifest(setting("label", "flu", status="kept")),
    "a kept row has an image": manifest(setting("width", None, status="kept")),
    "a copy is one of a row": manifest(setting("duplicate_of", "nih/none", status="excluded")),
    "a copy is excluded": manifest(setting("duplicate_of", "cohen/c1", status="kept")),
    "every row has an entry in the splits": splits(without_first),
    "a kept film is in a split": splits(setting("split", None, split="train")),
    "a split is a known one": splits(setting("split", "exam", split="train")),
    "the splits speak of the same images": splits(setting("image_id", "0" * 64, split="train")),
    "no patient is in two splits": manifest(with_one_patient),
    "films that are linked are in one split": manifest(with_one_patient),
    "a film that may be passed on has a license": manifest(setting("licence", None, source="cohen")),
    "no finding holds an e-mail address": manifest(setting("finding", "ask ana@clinic.test", status="kept")),
    "no url holds an address of a file on somebody's machine": manifest(setting("url", "file:///home/a/1.png")),
    "no page_url holds a key or password in an address": manifest(setting("page_url", "https://x.test/?token=abc")),
    "a film has one picture": lambda layout: change(layout.manifest / "images-00000.parquet", IMAGES_SCHEMA, twice),
    "a kept film has a picture": lambda layout: change(
        layout.manifest / "images-00000.parquet", IMAGES_SCHEMA, without_first
    ),
    "a picture is a PNG": lambda layout: change(
        layout.manifest / "images-00000.parquet", IMAGES_SCHEMA, setting("image", {"bytes": b"JPEG", "path": "x"})
    ),
    "a picture is that of its row": lambda layout: change(
        layout.manifest / "images-00000.parquet", IMAGES_SCHEMA, setting("image_id", "1" * 64)
    ),
    "the file of a fetched image is there": lambda layout: next((layout.raw / "cohen" / "files").iterdir()).unlink(),
    "a file has the hash that its lock states": lambda layout: (layout.raw / "nih" / "files" / "films.zip").write_bytes(
        b"PK"
    ),
    "no kept film is withdrawn": lambda layout: layout.withdrawn.write_text(
        "image_id,when,why\n" + "".join(f"{image},2026-01-01,asked\n" for image in images(layout))
    ),
}


def images(layout):
    return read_table(layout.manifest / "manifest.parquet", ["image_id"])["image_id"].dropna()


@pytest.mark.parametrize("rule", BROKEN)
def test_every_broken_rule_is_found(layout, rule):
    BROKEN[rule](layout)
    rules = {name for name, _ in found(layout)}
    assert rule in rules


def test_a_violation_names_row_and_value(layout):
    BROKEN["a label is a known one"](layout)
    assert found(layout) == {("a label is a known one", "cohen/c0"): "flu"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(st.data())
def test_a_patient_in_two_splits_is_always_found(layout, data):
    """Whichever two films become one patient's: a leak is found exactly if they are in two splits."""
    rows = read_table(layout.manifest / "manifest.parquet").astype(object)
    parts = read_table(layout.splits).astype(object)
    kept = list(rows[rows["status"] == "kept"].index)
    pair = data.draw(st.lists(st.sampled_from(kept), min_size=2, max_size=2, unique=True))
    column = data.draw(st.sampled_from(["patient_id", "patient_key", "study_id", "cluster_id"]))
    rows.loc[pair, column] = "one"
    placed = rows.loc[pair, list(KEY)].merge(parts, on=list(KEY))
    violations = check_tables(Tables(rows, parts, None, {}))
    assert bool(violations) == (placed["split"].nunique() > 1)


def test_a_damaged_table_is_one_violation(layout):
    path = layout.manifest / "manifest.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    assert [rule for rule, _ in found(layout)] == ["every table can be read and fits its schema"]


def test_the_command_lists_all_as_json_and_ends_with_one(layout):
    good = CliRunner().invoke(app, ["check", "--root", str(layout.root)])
    assert (good.exit_code, "all rules hold" in good.output) == (0, True)
    BROKEN["a label is a known one"](layout)
    result = CliRunner().invoke(app, ["check", "--root", str(layout.root), "--json"])
    told = json.loads(result.stdout)
    assert result.exit_code == 1
    assert told["violations"] == [{"rule": "a label is a known one", "row": "cohen/c0", "value": "flu"}]
    alone = CliRunner().invoke(app, ["check", str(layout.manifest / "manifest.parquet")])
    assert "cohen/c0" in alone.output


def test_what_is_no_data_set_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is no snapshot, no project and no manifest"):
        find_place(str(tmp_path), Layout.at(tmp_path))
    with pytest.raises(UsageError, match=r"run `cxnet-data run` first"):
        find_place(None, Layout.at(tmp_path))
