import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from pipeline.cli.main import app

PROJECT = Path(__file__).parents[3]


def cxnet(*words: str, cwd: Path = PROJECT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline.cli", *words],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(PROJECT), "COLUMNS": "100", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        (["frobnicate"], 2, "Unknown command 'frobnicate'; expected one of: run, sources, doctor, show, schema"),
        (["train", "nope"], 2, "Unknown experiment 'nope'; expected one of: base, covid_cxnet, effnet_lite_imagenet"),
        (["run", "--profile", "nope"], 2, "Unknown profile 'nope'; expected one of: mirror, paper, sandbox"),
        (["ingest", "--wrokers", "2"], 2, "unknown option '--wrokers'; expected one of: --params, --root, --workers"),
        (["--params", "x", "ingest"], 2, "unknown option '--params'; expected one of: --install-completion"),
        (
            ["ingest", "--workers", "0"],
            2,
            "cxnet-data: ingest: invalid value for '--workers' (env var: 'CXNET_WORKERS')",
        ),
        (["ingest", "--workers"], 2, "cxnet-data: Option '--workers' requires an argument."),
        (["prepare", "wide"], 2, "'wide' is no name of model inputs; expected a size of 32 to 1024 px"),
        (["prepare"], 2, "prepare: missing argument 'inputs'; see `"),
        (["show", "a.parquet", "b.parquet"], 2, "show: got unexpected extra argument(s) (b.parquet)"),
        (["ingest", "--params", "absent.yaml"], 2, "absent.yaml does not exist"),
        (["ingest", "--params", "tests"], 2, "tests cannot be read (Is a directory)"),
        (["manifest", "--root", "nowhere"], 1, "nowhere/data/pool holds no pool shard"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_an_exit_code(words, exit_code, said):
    done = cxnet(*words)
    assert done.returncode == exit_code
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_no_words_are_answered_with_the_help():
    assert "Start with" in cxnet().stdout


def test_where_nothing_is_drawn_the_folder_says_so(tmp_path):
    done = cxnet("sandbox", "--params", "profiles/mirror.yaml", "--root", str(tmp_path))
    assert done.returncode == 0
    (note,) = (tmp_path / "data" / "sandbox").iterdir()
    assert "Nothing is drawn here" in note.read_text()


def test_help_names_every_verb_and_does_not_import_what_is_heavy():
    code = "import sys, pipeline.cli.main; assert not {'tensorflow', 'pandas', 'cv2', 'keras'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True)
    shown = cxnet("--help").stdout
    verbs = yaml.safe_load((PROJECT / "dvc.yaml").read_text())["stages"].keys()
    for verb in ("sources", "show", "schema", "similar", "run", *(verbs - {"fetch_folder", "judged"})):
        assert verb in shown


def test_what_lists_the_sources_does_not_import_pandas():
    """It takes half a second of the second that a listing may take."""
    code = (
        "import sys; from pipeline.cli.options import layout_at, read_params; "
        "from pipeline.fetch.overview import source_rows; source_rows(layout_at('.'), read_params('params.yaml')); "
        "assert not {'tensorflow', 'pandas', 'cv2', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True)


@pytest.mark.parametrize(("command", "usage"), [("fetch", "SOURCE"), ("doctor", "SOURCE"), ("curate", "FOLDER")])
def test_names_that_can_be_repeated_are_written_alike_in_the_help(command, usage):
    result = CliRunner().invoke(app, [command, "--help"])
    assert f"{command} [OPTIONS] [{usage}]..." in result.output
    assert "...]..." not in result.output and "[[" not in result.output
