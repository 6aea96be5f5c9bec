import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sites import film
from toy import picture

from pipeline.cli.doctor import doctor
from pipeline.core.layout import Layout
from pipeline.core.params import Params
from sources.core.errors import CxnetError
from sources.sandbox.sites.hannover import render

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def copy(tmp_path):
    """An offline copy of one source."""
    for place, content in render([film(1, data=picture(1), extension="png")], np.random.default_rng(1)):
        (tmp_path / "copy" / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "copy" / place).write_bytes(content)
    return tmp_path / "copy"


def profile(copy, *sources):
    return Params(profile="copy", mirror=str(copy), sources=sources)


def test_a_source_that_is_well_is_a_row_of_the_table(copy, tmp_path, capsys):
    doctor(Layout.at(tmp_path), profile(copy, "hannover"), (), as_json=False)
    out = capsys.readouterr().out
    assert "hannover" in out and "ok" in out and "data.csv, pinned" in out and "image/png" in out


def test_broken_sources_are_an_error_after_the_result(copy, tmp_path, capsys):
    with pytest.raises(CxnetError, match=r"2 of 3 sources need attention: figure1 \(broken\), cohen \(broken\)\."):
        doctor(Layout.at(tmp_path), profile(copy), ("hannover", "figure1", "cohen"), as_json=False)
    assert "HTTP 404" in capsys.readouterr().out


def test_json_is_for_machines(copy, tmp_path, capsys):
    doctor(Layout.at(tmp_path), profile(copy), ("hannover",), as_json=True)
    (record,) = json.loads(capsys.readouterr().out)
    assert (record["source"], record["state"], record["file"]) == ("hannover", "ok", "image/png")


def test_the_command_leaves_with_1_where_a_source_is_broken(copy, tmp_path):
    (tmp_path / "p.yaml").write_text(f"profile: p\nmirror: {copy}\nsources: [hannover, figure1]\n")
    command = [sys.executable, "-m", "pipeline.cli", "doctor", "--json", "--params", str(tmp_path / "p.yaml")]
    done = subprocess.run([*command, "--root", str(tmp_path)], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert {record["source"]: record["state"] for record in json.loads(done.stdout)} == {
        "hannover": "ok",
        "figure1": "broken",
    }
    assert done.stderr.strip().endswith("1 of 2 sources needs attention: figure1 (broken).")
