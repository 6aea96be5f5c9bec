"""The summary of a manifest as plain tables."""

import pytest
from handmade import film, table
from typer.testing import CliRunner
from upath import UPath

from pipeline.cli.main import app
from pipeline.core.layout import Layout
from pipeline.core.params import ManifestParams
from pipeline.core.schema import MANIFEST_SCHEMA
from pipeline.manifest.stage import build
from pipeline.report.summary import general_reason, summarise
from sources.core.errors import CxnetError
from sources.core.storage import write_table

ROWS = [
    film("cohen", "1"),
    film("cohen", "2", view="AP"),
    film("cohen", "3", excluded_by="dedupe", reason="copy of nih/1 (resized)"),
    film("cohen", "4", excluded_by="dedupe", reason="copy of nih/1 (cropped)"),
    film("nih", "1", label="normal"),
    film("nih", "2", label=None),
]


def written(root, rows):
    layout = Layout.at(UPath(root))
    write_table(layout.manifest / "manifest.parquet", build(table(rows), [], ManifestParams()), MANIFEST_SCHEMA)
    return layout


def test_rows_are_counted_by_label_source_view_and_status(tmp_path):
    labels, strata, reasons = summarise(written(tmp_path, ROWS))
    assert labels == (
        "6 rows of 2 sources",
        ("label", "kept", "excluded", "rows"),
        [("normal", 1, 0, 1), ("covid", 2, 2, 4), ("(none)", 0, 1, 1), ("all", 3, 3, 6)],
    )
    assert strata[1:] == (
        ("source", "label", "PA", "AP", "kept", "excluded", "rows"),
        [("cohen", "covid", 1, 1, 2, 2, 4), ("nih", "(none)", 0, 0, 0, 1, 1), ("nih", "normal", 1, 0, 1, 0, 1)],
    )
    assert reasons[1:] == (
        ("stage", "reason", "rows"),
        [("dedupe", "copy of nih/1", 2), ("manifest", "label unknown", 1)],
    )


@pytest.mark.parametrize("rows", [[], [film(label=None)], [film()]], ids=["empty", "all excluded", "all kept"])
def test_one_sided_manifests_are_shown(tmp_path, rows):
    shown = summarise(written(tmp_path, rows))
    assert shown[0][2][-1][-1] == len(rows)
    assert all(len(row) == len(columns) for _, columns, table_rows in shown for row in table_rows)


def test_another_manifest_is_given_as_file_or_folder(tmp_path):
    other = written(tmp_path / "other", ROWS)
    here = Layout.at(UPath(tmp_path))
    for path in (other.manifest, other.manifest / "manifest.parquet"):
        assert summarise(here, str(path)) == summarise(other)


def test_a_missing_or_foreign_table_is_one_sentence(tmp_path):
    with pytest.raises(CxnetError, match="does not exist"):
        summarise(Layout.at(UPath(tmp_path)))
    (tmp_path / "notes.parquet").write_text("hello")
    with pytest.raises(CxnetError, match="not a readable Parquet file"):
        summarise(Layout.at(UPath(tmp_path)), str(tmp_path / "notes.parquet"))


def test_reasons_are_grouped_without_their_details():
    assert general_reason("duplicate of cohen/a.png (cropped, 0.93)") == "duplicate of a better film"
    assert general_reason("pediatric: age 7") == "pediatric"
    assert general_reason("label not used: other (used are covid)") == "label not used"
    assert general_reason("lateral (score 0.98)") == "lateral"
    assert general_reason("parse: no image found at https://a.org/1: (selector img)") == "no image found"


def test_the_verb_prints_the_tables(tmp_path):
    written(tmp_path, ROWS)
    said = CliRunner().invoke(app, ["show", "--root", str(tmp_path)])
    assert said.exit_code == 0
    assert "6 rows of 2 sources" in said.output
    assert "copy of nih/1" in said.output
