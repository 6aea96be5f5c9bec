"""``show --where`` chooses rows of a manifest by SQL, which sees nothing else, and draws their films."""

import cv2
import pytest
from reported import laid_out
from typer.testing import CliRunner

from pipeline.cli.main import app
from pipeline.report.query import select_rows
from sources.core.errors import CxnetError, UsageError


@pytest.fixture
def layout(tmp_path):
    return laid_out(tmp_path)


def show(layout, *arguments):
    return CliRunner().invoke(app, ["show", "--root", str(layout.root), *arguments])


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("true", 18),
        ("label = 'covid' and status = 'kept'", 8),
        ("source = 'nih' and split is not null", 8),
        ("list_contains(flags, 'mirrored')", 1),
        ("false", 0),
    ],
)
def test_rows_are_chosen_by_any_column(layout, where, count):
    assert len(select_rows(layout.manifest / "manifest.parquet", where)) == count


@pytest.mark.parametrize(
    "where",
    [
        "",
        "no_such_column = 1",
        "label =",
        "true); copy films to '/tmp/stolen.csv'; select (true",
        "exists (select * from read_csv('/etc/passwd'))",
        "exists (select * from read_parquet('https://192.0.2.1/x.parquet'))",
    ],
)
def test_what_is_no_condition_on_the_columns_is_one_sentence(layout, where):
    with pytest.raises(UsageError, match="--where is no condition on the columns"):
        select_rows(layout.manifest / "manifest.parquet", where)


def test_the_command_shows_the_rows_and_draws_their_films(layout, tmp_path):
    out = tmp_path / "sheet.png"
    result = show(layout, "--where", "source = 'cohen' and label = 'covid'", "--sheet", str(out))
    assert result.exit_code == 0, result.output
    assert "8 rows from 1 source" in result.output
    assert "cohen/c0" not in result.output and "c0" in result.output
    assert "8 films" in result.output
    sheet = cv2.imread(str(out), cv2.IMREAD_GRAYSCALE)
    assert sheet.shape == (178, 8 * 164)
    assert (sheet < 200).mean() > 0.3


def test_rows_without_pictures_make_no_sheet(layout, tmp_path):
    with pytest.raises(CxnetError, match="None of the 1 row has a picture"):
        raise show(layout, "--where", "item_id = 'gone'", "--sheet", str(tmp_path / "x.png")).exception
