"""The receipt of the sandbox names the version of all code that decides what it holds."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sources
from sources.sandbox import draw as drawing
from sources.sandbox.version import code_version, drawing_code

ROOT = Path(sources.__path__[0])


@pytest.fixture
def copy(tmp_path):
    """A copy of the package of sources that a test may edit."""
    shutil.copytree(ROOT, tmp_path / "sources", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "sources"


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_version_is_that_of_the_imported_package_wherever_it_is(copy):
    assert code_version() == code_version(copy)


@pytest.mark.parametrize(
    ("path", "name"),
    [("cohen.py", "COMMIT"), ("nih.py", "ARCHIVES"), ("articles/europepmc.py", "REST"), ("sandbox/film.py", "Film")],
)
def test_another_address_is_another_version(copy, path, name):
    before = code_version(copy)
    edit(copy / path, name, f"{name}_")
    assert code_version(copy) != before


def test_code_that_the_sandbox_does_not_use_may_change(copy):
    before = code_version(copy)
    edit(copy / "folder.py", '"""', '"""Edited. ')
    (copy / "another.py").write_text("COMMIT = 1\n")
    assert code_version(copy) == before


def test_an_import_of_an_import_counts(copy):
    (copy / "extra").mkdir()
    (copy / "extra" / "__init__.py").touch()
    (copy / "extra" / "address.py").write_text("HOST = 'https://example.org'\n")
    edit(copy / "cohen.py", "import re\n", "import re\nfrom sources.extra import address\n")
    before = code_version(copy)
    assert copy / "extra" / "address.py" in drawing_code(copy)
    edit(copy / "extra" / "address.py", "example.org", "example.com")
    assert code_version(copy) != before


def test_every_module_that_is_loaded_to_draw_is_covered():
    script = "import sys; from sources.sandbox.draw import site_modules; site_modules(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT.parent, capture_output=True, text=True, check=True)
    files = {ROOT.parent / (name.replace(".", "/") + ".py") for name in loaded.stdout.split() if name[:8] == "sources."}
    used = {file for file in files if file.is_file()}  # the others are packages, which hold no code
    assert len(used) > 20 and used <= set(drawing_code(ROOT))


def test_another_version_draws_anew(tmp_path, monkeypatch):
    drawing.draw(tmp_path / "sandbox", 3, 20)
    receipt = json.loads((tmp_path / "sandbox" / "sandbox.json").read_text())
    assert receipt == {"seed": 3, "films": 20, "code": code_version()}
    page = tmp_path / "sandbox" / "truth" / "films.csv"
    before = page.stat().st_mtime_ns
    drawing.draw(tmp_path / "sandbox", 3, 20)
    assert page.stat().st_mtime_ns == before
    monkeypatch.setattr(drawing, "code_version", lambda: "another")
    drawing.draw(tmp_path / "sandbox", 3, 20)
    assert page.stat().st_mtime_ns != before
