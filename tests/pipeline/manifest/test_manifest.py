"""The manifest: all rows, a reason for every exclusion, pictures of the kept films, and its rules."""

import hashlib

import cv2
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from handmade import draw, film, lay_out, options, table
from upath import UPath

from pipeline.core.layout import Layout
from pipeline.core.params import ManifestParams
from pipeline.core.schema import IMAGES_SCHEMA, MANIFEST_SCHEMA
from pipeline.core.tables import iter_images
from pipeline.decisions.file import Decision
from pipeline.manifest.rules import broken_rules, build
from pipeline.manifest.stage import ManifestSummary, run
from sources.core.errors import CxnetError
from sources.core.storage import read_table


def laid_out(root, rows):
    layout = Layout.at(UPath(root))
    lay_out(layout, rows, through="harmonise")
    return layout


def built(*rows, decided=(), **options):
    return build(table(list(rows)), list(decided), ManifestParams(**options))


def described(schema):
    """Columns with type and meaning (Parquet itself names the entries of a list, so that schemas differ there)."""
    return schema.metadata, [(entry.name, entry.metadata[b"description"], entry.type) for entry in schema]


def keep(item_id):
    image_id = hashlib.sha256(f"cohen/{item_id}".encode()).hexdigest()
    return Decision(image_id, "keep", "", "", "ana", "2020-06-24", "adult in truth", 2)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"label": None}, "label unknown: not stated by the source"),
        ({"label": "other"}, "label not used: other (only normal, cap, covid)"),
        ({"age": 7.0}, "pediatric: age 7"),
        ({"age": 0.5, "pediatric": True}, "pediatric: age 0.5"),
        ({"pediatric": True}, "pediatric: according to the source"),
    ],
    ids=str,
)
def test_an_excluded_film_has_a_reason(values, reason):
    row = built(film(**values)).iloc[0]
    assert (row["status"], row["excluded_by"], row["reason"]) == ("excluded", "manifest", reason)


@pytest.mark.parametrize("values", [{}, {"age": 18.0}, {"age": 40.0, "pediatric": True}, {"pediatric": False}], ids=str)
def test_an_adults_film_with_a_label_is_kept(values):
    row = built(film(**values)).iloc[0]
    assert row["status"] == "kept"
    assert row[["excluded_by", "reason"]].isna().all()


def test_children_and_other_labels_can_be_kept():
    rows = built(film(age=7.0), film(item_id="2", label="other"), keep_pediatric=True, labels=("covid", "other"))
    assert rows["status"].tolist() == ["kept", "kept"]


def test_any_label_keeps_films_without_a_label_and_with_every_label():
    rows = built(film(label=None), film(item_id="2", label="other"), film(item_id="3", age=7.0), labels=("any",))
    assert rows["status"].tolist() == ["kept", "kept", "excluded"]
    assert broken_rules(rows, ManifestParams(labels=("any",))) == []
    assert str(ManifestSummary.of(rows)) == "3 rows, 2 kept (other 1, unlabeled 1), 1 excluded"


def test_flagged_films_are_excluded_only_if_the_profile_says_so():
    rows = [film(item_id="1", flags=["mirrored", "text"]), film(item_id="2", flags=[]), film(item_id="3")]
    assert built(*rows)["status"].tolist() == ["kept"] * 3
    strict = built(*rows, exclude_flags=("text", "blurred"))
    assert strict["status"].tolist() == ["excluded", "kept", "kept"]
    assert strict["reason"].iloc[0] == "quality: text"


def test_a_person_can_keep_a_flagged_film():
    row = built(film(item_id="1", flags=["blurred"]), decided=[keep("1")], exclude_flags=("blurred",)).iloc[0]
    assert row["status"] == "kept"


def test_an_earlier_exclusion_stays():
    row = built(film(label=None, excluded_by="dedupe", reason="copy of nih/1")).iloc[0]
    assert (row["status"], row["excluded_by"], row["reason"]) == ("excluded", "dedupe", "copy of nih/1")


def test_a_child_that_a_person_keeps_stays():
    assert built(film(age=17.0), decided=[keep("1")])["status"].tolist() == ["kept"]


def test_shards_hold_the_pictures_of_kept_films_only(tmp_path):
    rows = [film("nih", f"{number}", draw(number), label=[None, "normal"][number % 2]) for number in range(9)]
    layout = laid_out(tmp_path, rows)
    assert str(run(layout, options(manifest=ManifestParams(shard_rows=3)))) == "9 rows, 4 kept (normal 4), 5 excluded"
    shards = sorted(path.name for path in layout.manifest.iterdir())
    assert shards == ["images-00000.parquet", "images-00001.parquet", "manifest.parquet"]
    pictures = {row["item_id"]: png for row, png in iter_images(layout.manifest, "images")}
    assert sorted(pictures) == ["1", "3", "5", "7"]
    for item_id, png in pictures.items():
        assert (cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED) == draw(int(item_id))).all()


def test_shards_carry_every_column_and_its_description(tmp_path):
    layout = laid_out(tmp_path, [film("nih", "1", label="normal", tone_curve=bytes(range(256)), age=44.0)])
    run(layout, options(manifest=ManifestParams()))
    shard = pq.read_table(str(layout.manifest / "images-00000.parquet"))
    assert described(shard.schema) == described(IMAGES_SCHEMA)
    row = shard.to_pylist()[0]
    assert (row["tone_curve"], row["age"], row["label"]) == (bytes(range(256)), 44.0, "normal")
    assert row["image"]["path"] == f"{row['image_id']}.png"


def test_the_manifest_has_all_rows_in_order_and_its_schema(tmp_path):
    layout = laid_out(tmp_path, [film("nih", "2"), film("cohen", "9", label=None), film("nih", "10")])
    run(layout, options(manifest=ManifestParams()))
    assert described(pq.read_schema(str(layout.manifest / "manifest.parquet"))) == described(MANIFEST_SCHEMA)
    rows = read_table(layout.manifest / "manifest.parquet")
    assert list(zip(rows["source"], rows["item_id"], strict=True)) == [("cohen", "9"), ("nih", "10"), ("nih", "2")]


def test_a_decision_of_the_file_is_replayed(tmp_path):
    layout = laid_out(tmp_path, [film(label="other")])
    layout.decisions.parent.mkdir(parents=True)
    image_id = hashlib.sha256(b"cohen/1").hexdigest()
    header = "image_id,decision,field,value,who,when,why\n"
    layout.decisions.write_text(f"{header}{image_id},set,label,covid,ana,2020-06-24,PCR proven\n")
    run(layout, options(manifest=ManifestParams()))
    rows = read_table(layout.manifest / "manifest.parquet").iloc[0]
    assert (rows["label"], rows["status"]) == ("covid", "kept")


def test_a_second_run_gives_the_same_bytes_whatever_the_pool_shards(tmp_path):
    rows = [film("nih", f"{number}", draw(number), age=float(number + 15)) for number in range(7)]
    contents = []
    for shard_rows in (2, 2, 5):
        layout = Layout.at(UPath(tmp_path / str(len(contents))))
        lay_out(layout, rows, through="harmonise", shard_rows=shard_rows)
        run(layout, options(manifest=ManifestParams()))
        contents.append({path.name: path.read_bytes() for path in layout.manifest.iterdir()})
    assert contents[0] == contents[1] == contents[2]


def test_a_smaller_data_set_leaves_no_shard_of_the_larger_one(tmp_path):
    rows = [film("nih", f"{number}") for number in range(6)]
    layout = laid_out(tmp_path, rows)
    run(layout, options(manifest=ManifestParams(shard_rows=2)))
    run(layout, options(manifest=ManifestParams(shard_rows=6)))
    assert len(list(layout.manifest.glob("images-*.parquet"))) == 1


def test_nothing_kept_is_an_empty_shard(tmp_path):
    for name, rows in (("empty", []), ("excluded", [film(label=None)])):
        layout = laid_out(tmp_path / name, rows)
        run(layout, options(manifest=ManifestParams()))
        assert pq.read_table(str(layout.manifest / "images-00000.parquet")).num_rows == 0


def test_a_failure_leaves_the_earlier_manifest(tmp_path):
    layout = laid_out(tmp_path, [film("nih", "1")])
    run(layout, options(manifest=ManifestParams()))
    before = {path.name: path.read_bytes() for path in layout.manifest.iterdir()}
    lay_out(layout, [film("nih", "1", image=None)], through="harmonise")
    with pytest.raises(CxnetError, match="lacks 1 pictures of kept rows"):
        run(layout, options(manifest=ManifestParams()))
    assert {path.name: path.read_bytes() for path in layout.manifest.iterdir()} == before
    assert [path.name for path in layout.data.iterdir() if path.name.startswith(".manifest")] == []


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"status": "excluded", "excluded_by": "views"}, "an excluded row has a reason"),
        ({"status": "excluded", "reason": "lateral"}, "an excluded row has a stage"),
        ({"reason": "lateral"}, "a kept row has no exclusion"),
        ({"label": None}, "a kept row has a label"),
        ({"label": "covid19"}, "a label is a known one"),
        ({"image_id": None}, "a kept row has an image"),
        ({"status": "maybe"}, "every row is kept or excluded"),
        ({"item_id": "2"}, "every row has its own source and item_id"),
    ],
    ids=str,
)
def test_a_broken_rule_is_reported(change, rule):
    rows = built(film(), film(item_id="2"), film(item_id="3", label=None))
    assert broken_rules(rows, ManifestParams()) == []
    rows = pd.concat([rows.iloc[:1].assign(**change), rows.iloc[1:]], ignore_index=True)
    assert any(clause.startswith(rule) for clause in broken_rules(rows, ManifestParams()))
