"""The built wheel in an environment of its own, as pipx makes one: everything that the program needs is inside."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from own_films import write_films, write_table

PROJECT = Path(__file__).parents[1]
PACKAGES = ("pipeline", "sources", "training")


def tracked() -> list[str]:
    """The files of the project, without what is ignored."""
    try:
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        return subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("the project is not in a git repository")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy, so that nothing is written into the project."""
    copy = tmp_path_factory.mktemp("project")
    for name in tracked():
        if (PROJECT / name).exists() and name.split("/")[0] in (*PACKAGES, "profiles", "pyproject.toml", *PLAIN):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            _copy(PROJECT / name, copy / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", "dist", "."]
    subprocess.run(command, cwd=copy, check=True)
    (built,) = (copy / "dist").glob("*.whl")
    return built


PLAIN = ("README.md", "LICENSE")


def _copy(source: Path, target: Path) -> None:
    if source.is_symlink():
        target.symlink_to(source.readlink())
    else:
        target.write_bytes(source.read_bytes())


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory) -> Path:
    """A virtual environment with the wheel; its dependencies are those of the tests, which need no network."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    command = [sys.executable, "-m", "pip", "--python", str(folder), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*command, str(wheel)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return folder


def run(environment: Path, place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    command = [str(environment / "bin" / "cxnet-data"), *words]
    return subprocess.run(command, cwd=place, env=clean, capture_output=True, text=True, timeout=180)


def test_every_file_of_the_packages_is_in_the_wheel(wheel):
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    expected = {name for name in tracked() if name.split("/")[0] in PACKAGES and (PROJECT / name).is_file()}
    expected |= {f"pipeline/{name}" for name in tracked() if name.startswith("profiles/")}
    assert sorted(expected - inside) == []


def test_curate_works_from_any_directory(environment, tmp_path):
    write_table(write_films(tmp_path / "films", films=4))
    answer = run(environment, tmp_path, "curate", "films", "--workers", "1")
    assert answer.returncode == 0, answer.stderr
    assert "4 of 6 images are kept" in answer.stdout
    assert (tmp_path / "curated" / "reports" / "index.html").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["profile", "mirror"], "retries: 0"),
        (["sources", "--params", "paper"], "radiopaedia_normal"),
        (["schema"], "patient_key"),
        (["--help"], "curate"),
    ],
)
def test_what_needs_no_project_works_from_any_directory(environment, tmp_path, words, shown):
    answer = run(environment, tmp_path, *words)
    assert answer.returncode == 0, answer.stderr
    assert shown in answer.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_wheels_own_code_runs_and_not_that_of_the_checkout(environment, tmp_path):
    python = str(environment / "bin" / "python")
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    code = "import pipeline, sources; print(pipeline.__file__, sources.__file__)"
    shown = subprocess.run([python, "-c", code], cwd=tmp_path, env=clean, capture_output=True, text=True, check=True)
    assert all(path.startswith(str(environment)) for path in shown.stdout.split())
