"""The hash of the training code covers all code that can change a model, and no other."""

import ast
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from training.train.record import CODE, code_sha256


def imported_modules(module):
    """All modules of ``training`` that ``module`` imports, directly or through others."""
    seen, queue = set(), [module]
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        for node in ast.walk(ast.parse(Path(find_spec(name).origin).read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            queue += [each for each in names if each.startswith("training.") and is_module(each)]
    return seen


def is_module(name):
    parent = find_spec(name.rpartition(".")[0])
    return parent is not None and parent.submodule_search_locations is not None and find_spec(name) is not None


def test_the_hash_covers_all_modules_that_training_imports():
    packages = {name if name in CODE else name.rpartition(".")[0] for name in imported_modules("training.train.stage")}
    assert packages == set(CODE)


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Two packages that a test may change."""
    for package in ("fitting", "drawing"):
        (tmp_path / package).mkdir()
        for name in ("__init__.py", "a.py", "notes.txt"):
            (tmp_path / package / name).write_text(f"# {package}")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for package in ("fitting", "drawing"):
        sys.modules.pop(package, None)


@pytest.mark.parametrize("path", ["fitting/a.py", "fitting/__init__.py", "fitting/new.py"])
def test_the_hash_changes_with_every_module_of_a_package(path, packages):
    before = code_sha256(["fitting"])
    (packages / path).write_text("changed = True")
    assert code_sha256(["fitting"]) != before


@pytest.mark.parametrize("path", ["drawing/a.py", "fitting/notes.txt"])
def test_other_files_do_not_change_the_hash(path, packages):
    before = code_sha256(["fitting"])
    (packages / path).write_text("changed = True")
    assert code_sha256(["fitting"]) == before


def test_a_renamed_module_changes_the_hash(packages):
    before = code_sha256(["fitting"])
    (packages / "fitting/a.py").rename(packages / "fitting/b.py")
    assert code_sha256(["fitting"]) != before
