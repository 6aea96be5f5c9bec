"""The paper's results stand beside ours, with what follows from its own matrices; results not repeated say so."""

import json

import pytest
from synthetic_arrays import profile, write_arrays
from typer.testing import CliRunner

from pipeline.cli.main import app
from pipeline.core.experiments import FilmsParams
from pipeline.core.params import Params
from pipeline.report.models import compared
from sources.core.errors import CxnetError
from training.compare import stage as compare
from training.compare.paper import RESULTS, accuracy_of, f1_of
from training.evaluate import stage as evaluate
from training.train import stage as train

SPLITS = ("train", "train", "val", "test")
PRINTED = [name for name, result in RESULTS.items() if result.matrix is not None]


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    """A layout with one evaluated experiment that repeats ``base_v1``, with a second choice of test films."""
    layout = write_arrays(tmp_path_factory.mktemp("compare"), per_class=24, splits=SPLITS)
    train.run(layout, options(), "tiny")
    evaluate.run(layout, options(), "tiny")
    return layout


@pytest.fixture
def copied(layout, tmp_path):
    """A copy of that layout, which a test may change."""
    layout.root.fs.copy(layout.root.path, str(tmp_path / "copy"), recursive=True)
    return type(layout).at(tmp_path / "copy")


def options(**others):
    defaults = {
        "paper": "base_v1",
        "second_test": {"normal": FilmsParams(), "covid": FilmsParams()},
        "lime": {"films": 0},
    }
    return profile(**{**defaults, **others})


def written(layout):
    return json.loads((layout.reports / "compare.json").read_text())


@pytest.mark.parametrize("name", PRINTED)
def test_the_papers_printed_figures_follow_from_its_matrices(name):
    result = RESULTS[name]
    assert accuracy_of(result.matrix) == pytest.approx(result.accuracy, abs=6e-5)
    assert f1_of(result.matrix, len(result.matrix) - 1) == pytest.approx(result.f1, abs=6e-4)
    assert sum(map(sum, result.matrix)) == result.test_films


def test_our_figures_are_those_of_evaluate_on_the_second_test(layout):
    assert (
        str(compare.run(layout, options())) == f"1 of the paper's {len(RESULTS)} results have an experiment beside them"
    )
    ours = written(layout)["results"]["base_v1"]["ours"]
    metrics = json.loads((layout.report("tiny") / "metrics.json").read_text())
    assert [one["experiment"] for one in ours] == ["tiny"]
    assert ours[0]["accuracy"]["value"] == metrics["second_test"]["accuracy"]
    assert ours[0]["f1"]["low"] == metrics["second_test"]["f1_low"]
    assert sum(map(sum, ours[0]["matrix"])) == ours[0]["n"] == metrics["second_test"]["n"]
    assert "tested on other patients (another choice of films): synthetic 12" in ours[0]["how"]


def test_a_second_choice_of_test_films_is_measured_beside_the_first(layout):
    metrics = json.loads((layout.report("tiny") / "metrics.json").read_text())
    assert metrics["test"] == metrics["second_test"]  # here both choose all of them


def test_every_result_of_the_paper_has_a_row_and_those_not_repeated_say_so(layout):
    compare.run(layout, options())
    results, spread, others = written(layout)["tables"]
    titles = [row[0] for row in results["rows"] if row[0]]
    assert titles == [result.title for result in RESULTS.values()]
    assert sum(row[-1] == compare.NOT_RUN for row in results["rows"]) == len(RESULTS) - 1
    assert [row[0] for row in spread["rows"]] == [each.title for each in RESULTS.values() if each.range]
    assert len(others["rows"]) == 7


def test_tables_have_as_many_cells_as_columns(layout):
    compare.run(layout, options())
    for table in written(layout)["tables"]:
        assert {len(row) for row in table["rows"]} == {len(table["columns"])}


def test_the_report_shows_what_compare_wrote(layout):
    compare.run(layout, options())
    found = compared(layout)
    assert found.tables[0].title == "Tables 1 to 5 of the paper, and ours"
    assert any("external set of 60 adults" in remark for remark in found.remarks)


@pytest.mark.parametrize("profile_", [Params(profile="none"), profile()])
def test_without_an_experiment_of_the_paper_there_is_nothing_to_show(copied, profile_):
    compare.run(copied, profile_)
    assert written(copied)["tables"] == []
    assert compared(copied) is None


def test_an_experiment_that_was_not_evaluated_is_not_run(copied):
    copied.report("tiny").fs.rm(copied.report("tiny").path, recursive=True)
    assert compare.run(copied, options()).repeated == 0


@pytest.mark.parametrize("name", ["metrics.json", "params.json"])
@pytest.mark.parametrize("content", ["", "[]", "{}", '{"second_test": 3, "test": 3}', "\0"])
def test_a_damaged_report_is_one_sentence(copied, name, content):
    folder = copied.report("tiny") if name == "metrics.json" else copied.model("tiny")
    (folder / name).write_text(content)
    with pytest.raises(CxnetError, match=name if content in ("", "[]", "\0") else "run `cxnet-data"):
        compare.run(copied, options())


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"tables": [3]}'])
def test_a_damaged_comparison_is_one_sentence(copied, content):
    (copied.reports / "compare.json").write_text(content)
    with pytest.raises(CxnetError, match=r"compare\.json is not readable; run `cxnet-data compare` again"):
        compared(copied)


def test_the_command_says_how_many_results_are_repeated(copied, tmp_path):
    profile_file = tmp_path / "profile.yaml"
    profile_file.write_text(
        "profile: test\nexperiments: {tiny: {model: base, size: 72, paper: base_v1}}\nprepare: {sizes: [72]}\n"
    )
    result = CliRunner().invoke(app, ["compare", "--params", str(profile_file), "--root", str(copied.root)])
    assert result.exit_code == 0, result.output
    assert "1 of the paper's 7 results" in result.output


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"paper": "multiclass_flat"}, "has the classes normal, cap, covid"),
        ({"paper": "base_v1", "classes": ("covid", "normal")}, "has the classes normal, covid"),
        ({"paper": "multiclass_hierarchical", "classes": ("normal", "cap", "covid")}, "is not of scheme flat"),
        ({"second_test": {"cap": {}}}, "second_test names cap"),
    ],
)
def test_an_experiment_that_cannot_be_that_result_is_refused(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        profile(**wrong)
