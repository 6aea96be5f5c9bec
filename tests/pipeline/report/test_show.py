"""The summary of a manifest as plain tables."""

import subprocess
import sys

import pytest
from handmade import film, table
from typer.testing import CliRunner
from upath import UPath

from pipeline.cli.main import app
from pipeline.core.layout import Layout
from pipeline.core.params import ManifestParams
from pipeline.core.schema import MANIFEST_SCHEMA
from pipeline.manifest.rules import build
from pipeline.report.summary import Table, general_reason, manifest_tables
from sources.core.errors import CxnetError
from sources.core.storage import write_json, write_table

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
    labels, strata, reasons = manifest_tables(written(tmp_path, ROWS))
    assert labels == Table(
        ("label", "kept", "excluded", "rows"),
        [("normal", 1, 0, 1), ("covid", 2, 2, 4), ("unlabeled", 0, 1, 1), ("all", 3, 3, 6)],
        "6 rows from 2 sources",
    )
    assert strata == Table(
        ("source", "label", "PA", "AP", "kept", "excluded", "rows"),
        [("cohen", "covid", 1, 1, 2, 2, 4), ("nih", "normal", 1, 0, 1, 0, 1), ("nih", "unlabeled", 0, 0, 0, 1, 1)],
        "Kept films by view",
    )
    assert reasons == Table(
        ("stage", "reason", "rows"),
        [("dedupe", "copy of nih/1", 2), ("manifest", "label unknown", 1)],
        "Top 2 reasons for exclusion",
    )


def test_the_title_says_what_the_films_were_fetched_from(tmp_path):
    layout = written(tmp_path, ROWS)
    for source, world in (("cohen", "live"), ("nih", "sandbox, seed 7, 40 films"), ("sirm", "mirror")):
        write_json(layout.raw / source / "fetch.json", {"world": world, "state": "fetched"})
    title = "6 rows from 2 sources, fetched from the live web and the sandbox (seed 7, 40 films)"
    assert manifest_tables(layout)[0].title == title
    assert manifest_tables(Layout.at(UPath(tmp_path / "elsewhere")), str(layout.manifest))[0].title == title


@pytest.mark.parametrize("command", ["show", "sources"])
def test_tables_are_looked_up_without_libraries_that_are_slow_to_import(command, tmp_path):
    written(tmp_path, ROWS)
    code = (
        "import sys; from typer.testing import CliRunner; from pipeline.cli.main import app; "
        f"assert CliRunner().invoke(app, [{command!r}, '--root', {str(tmp_path)!r}]).exit_code == 0; "
        "print(*{'pandas', 'scipy', 'cv2', 'requests', 'bs4', 'PIL', 'tensorflow'} & sys.modules.keys())"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr, answer.stdout) == (0, "", "\n")


@pytest.mark.parametrize("rows", [[], [film(label=None)], [film()]], ids=["empty", "all excluded", "all kept"])
def test_one_sided_manifests_are_shown(tmp_path, rows):
    tables = manifest_tables(written(tmp_path, rows))
    assert tables[0].rows[-1][-1] == len(rows)
    assert all(len(row) == len(table.columns) for table in tables for row in table.rows)


def test_another_manifest_is_given_as_file_or_folder(tmp_path):
    other = written(tmp_path / "other", ROWS)
    here = Layout.at(UPath(tmp_path))
    for path in (other.manifest, other.manifest / "manifest.parquet"):
        assert manifest_tables(here, str(path)) == manifest_tables(other)


def test_a_missing_or_foreign_table_is_one_sentence(tmp_path):
    with pytest.raises(CxnetError, match="does not exist"):
        manifest_tables(Layout.at(UPath(tmp_path)))
    (tmp_path / "notes.parquet").write_text("hello")
    with pytest.raises(CxnetError, match="not a readable Parquet file"):
        manifest_tables(Layout.at(UPath(tmp_path)), str(tmp_path / "notes.parquet"))


def test_reasons_are_grouped_without_their_details():
    assert general_reason("duplicate of cohen/a.png (cropped, 0.93)") == "duplicate of a better film"
    assert general_reason("pediatric: age 7") == "pediatric"
    assert general_reason("label not used: other (used are covid)") == "label not used"
    assert general_reason("lateral (score 0.98)") == "lateral"
    assert general_reason("parse: no image found at https://a.org/1: (selector img)") == "no image found"


def test_the_command_prints_the_tables(tmp_path):
    written(tmp_path, ROWS)
    answer = CliRunner().invoke(app, ["show", "--root", str(tmp_path)])
    assert answer.exit_code == 0
    assert "6 rows from 2 sources" in answer.output
    assert "copy of nih/1" in answer.output
