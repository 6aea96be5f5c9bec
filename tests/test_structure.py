"""What the folders promise: `dvc.yaml` names all code behind a stage, and no folder or file outgrows its purpose."""

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp
import pytest
import yaml

from pipeline.core.stages import STAGES
from sources.core.source import registry

PROJECT = Path(__file__).parents[1]
ROOTS = ("sources", "pipeline", "training")
ENTRIES = {
    "sandbox": ["pipeline.fetch.sandbox", "sources.sandbox.sites.*"],
    "fetch_folder": ["pipeline.fetch.stage", "sources.folder"],
    **{name: [f"pipeline.{name}.stage"] for name in (*STAGES, "report")},
    "audit": ["pipeline.audit.stage"],
    **{name: [f"training.{name}.stage"] for name in ("train", "evaluate", "compare")},
}
FETCHES = {f"fetch@{name}": ["pipeline.fetch.stage", f"sources.{name}"] for name in registry()}
ANY_FOLDER = "sources/folder.py"  # every fetch imports it, as a profile may list folders, but only fetch_folder runs it

SHIPPED_TABLES = "sources/data"  # catalogs and checksums, which no import shows
NOT_IMPORTED = {"dvc", "s3fs"}  # DVC is run as a program; fsspec loads s3fs for s3:// addresses
DATA_SUFFIXES = (".csv", ".html", ".npz", ".onnx")


@cache
def imports() -> grimp.ImportGraph:
    """Every import of the code, whatever its form and wherever it stands."""
    return grimp.build_graph(*ROOTS, cache_dir=None)


def code_behind(*entries: str) -> set[str]:
    """Paths of all modules that the entries reach; ``.*`` stands for the modules of a package."""
    graph = imports()
    modules = {name for entry in entries for name in graph.find_matching_modules(entry)}
    assert modules, entries
    behind = modules.union(*(graph.find_upstream_modules(module) for module in modules))
    behind |= {module.rsplit(".", depth)[0] for module in behind for depth in range(1, module.count(".") + 1)}
    paths = {module: Path(*module.split(".")) for module in behind}
    return {str(path / "__init__.py" if (PROJECT / path).is_dir() else f"{path}.py") for path in paths.values()}


def stages() -> dict[str, dict]:
    return yaml.safe_load((PROJECT / "dvc.yaml").read_text())["stages"]


def code_deps(stage: str) -> set[str]:
    """What a stage of `dvc.yaml` lists of our code; ``fetch@cohen`` is one of a ``foreach``."""
    name, _, item = stage.partition("@")
    entry = stages()[name]
    deps = [dep.replace("${item}", item) for dep in entry.get("do", entry)["deps"]]
    return {dep for dep in deps if dep.split("/")[0] in ROOTS}


def covered(path: str, deps: set[str]) -> bool:
    return any(path == dep or path.startswith(f"{dep}/") for dep in deps)


def is_package_docstring(path: str) -> bool:
    return path.endswith("__init__.py") and "import" not in (PROJECT / path).read_text()


@pytest.mark.parametrize("stage", [*ENTRIES, *FETCHES])
def test_a_stage_depends_on_all_code_behind_it(stage):
    behind = {path for path in code_behind(*(ENTRIES | FETCHES)[stage]) if not is_package_docstring(path)}
    if stage in FETCHES:
        behind = {path for path in behind if path != ANY_FOLDER and not path.startswith("sources/own/")}
    deps = code_deps(stage) - {SHIPPED_TABLES}
    assert sorted(path for path in behind if not covered(path, deps)) == []
    assert sorted(dep for dep in deps if not (PROJECT / dep).exists()) == []


@pytest.mark.parametrize("stages", [*([name] for name in ENTRIES), list(FETCHES)], ids=[*ENTRIES, "fetch"])
def test_a_stage_depends_on_no_code_that_it_does_not_reach(stages):
    """The sources share one entry, so what one of them reaches is right for all."""
    behind = set().union(*(code_behind(*(ENTRIES | FETCHES)[stage]) for stage in stages))
    deps = set().union(*(code_deps(stage) for stage in stages)) - {SHIPPED_TABLES}
    assert sorted(dep for dep in deps if not any(covered(path, {dep}) for path in behind)) == []


def test_every_data_file_beside_the_code_is_behind_a_stage():
    files = [path for root in ROOTS for path in (PROJECT / root).rglob("*") if path.is_file()]
    data = {str(path.relative_to(PROJECT)) for path in files if path.suffix in DATA_SUFFIXES}
    listed = set().union(*(code_deps(stage) for stage in [*ENTRIES, *FETCHES]))
    assert data
    assert sorted(path for path in data if not covered(path, listed)) == []


def test_every_stage_of_dvc_is_checked():
    assert set(ENTRIES) | {"fetch", "judged"} == set(stages())  # `judged` runs no code of ours


def test_one_edited_source_is_fetched_alone():
    for name in registry():
        reruns = {stage for stage in [*ENTRIES, *FETCHES] if covered(f"sources/{name}.py", code_deps(stage))}
        assert reruns - {"sandbox"} == {f"fetch@{name}"}


def test_an_edited_figure_retrains_no_model():
    assert not covered("training/evaluate/figures.py", code_deps("train"))
    assert covered("training/evaluate/figures.py", code_deps("evaluate"))


def test_edited_label_rules_rerun_what_uses_them():
    for stage in ("fetch@cohen", "fetch_folder", "contradictions"):
        assert covered("sources/language/labels.py", code_deps(stage))


@pytest.mark.parametrize(
    "path", sorted(PROJECT.glob("[pt]*ing/*/stage.py")) + sorted(PROJECT.glob("pipeline/*/stage.py")), ids=str
)
def test_a_stage_has_one_public_function(path):
    definitions = [
        node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]
    public = {node.name: node for node in definitions if not node.name.startswith("_")}
    assert public.pop("run").args.args[:2]
    assert [name for name in public if not name.endswith("Summary")] == []


def python_files() -> list[Path]:
    return [path for root in ROOTS for path in (PROJECT / root).rglob("*.py")]


def test_no_file_is_too_long_to_read():
    lengths = {str(path.relative_to(PROJECT)): len(path.read_text().splitlines()) for path in python_files()}
    assert {name: lines for name, lines in lengths.items() if lines > 300} == {}


def test_a_package_has_several_modules_and_a_stage_holds_no_package():
    for root in ROOTS:
        for package in (PROJECT / root).rglob("__init__.py"):
            folder = package.parent
            modules = [path for path in folder.glob("*.py") if path != package]
            assert len(modules) != 1, folder
            if root == "pipeline" and folder.name != "pipeline":
                assert [path for path in folder.rglob("__init__.py") if path != package] == []


def test_every_package_says_what_it_is_for():
    for root in ROOTS:
        for package in (PROJECT / root).rglob("__init__.py"):
            assert package.read_text().startswith('"""'), package


def test_the_folders_of_the_tests_are_those_of_the_code():
    folders = {path.parent.relative_to(PROJECT / "tests") for path in (PROJECT / "tests").rglob("test_*.py")}
    assert sorted(str(folder) for folder in folders if not (PROJECT / folder).is_dir()) == []


def test_dependencies_are_those_that_the_code_imports():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    declared = [*project["dependencies"], *extras["cluster"], *extras["heic"]]
    names = {canonical(re.match(r"[\w.-]+", entry)[0]) for entry in declared}
    imported = {node.split(".")[0] for path in python_files() for node in imported_modules(path)}
    third_party = imported - set(sys.stdlib_module_names) - set(ROOTS)
    packages = {canonical(name) for module in third_party for name in packages_distributions()[module]}
    assert packages - names == set()
    assert names - packages == NOT_IMPORTED


def imported_modules(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    return {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names} | {
        node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module
    }


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
