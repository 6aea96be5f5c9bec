"""``params.yaml``: written from a profile, never lost, and the same for a whole run."""

import fcntl
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli.active import CHECKSUM, activate, active_text, checksum, outdated, steady_params
from pipeline.profile.load import load_params
from sources.core.errors import CxnetError, UsageError

PROJECT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def no_run_at_work(monkeypatch):
    monkeypatch.delenv(CHECKSUM, raising=False)


@pytest.fixture
def project(tmp_path):
    (tmp_path / "profiles").mkdir()
    for name, seed in (("one", 1), ("two", 2)):
        (tmp_path / "profiles" / f"{name}.yaml").write_text(f"split: {{seed: {seed}}}\n")
    return tmp_path


def seed(project: Path) -> int:
    return load_params(project / "params.yaml").split.seed


def test_the_committed_params_yaml_is_what_its_profile_gives():
    text = (PROJECT / "params.yaml").read_text()
    source = re.search(r"from (profiles/\w+\.yaml)\.", text)[1]
    assert text == active_text(PROJECT, PROJECT / source), "`cxnet-data run` writes it again"


def test_a_profile_is_activated_by_name_or_path_and_renewed_when_it_changes(project):
    activate(project, "one")
    assert seed(project) == 1
    activate(project, str(project / "profiles" / "two.yaml"))
    assert seed(project) == 2
    (project / "profiles" / "two.yaml").write_text("split: {seed: 22}\n")
    assert outdated(project / "params.yaml") == (
        f"{project}/params.yaml was written from an older {project}/profiles/two.yaml; `cxnet-data run` renews it."
    )
    activate(project, None)
    assert seed(project) == 22
    assert outdated(project / "params.yaml") is None
    activate(project, "sandbox")  # one that ships with the package
    assert seed(project) == 18


def test_a_file_that_needs_no_change_is_not_written(project):
    before = activate(project, "one").stat()
    after = activate(project, "one").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_link_of_an_older_version_becomes_a_file(project):
    (project / "params.yaml").symlink_to("profiles/two.yaml")
    activate(project, None)
    assert not (project / "params.yaml").is_symlink()
    assert seed(project) == 2
    assert (project / "profiles" / "two.yaml").read_text() == "split: {seed: 2}\n"


@pytest.mark.parametrize("change", ["split: {seed: 5}\n", None])
def test_options_of_the_users_own_are_used_and_never_overwritten(project, change):
    active = activate(project, "one")
    active.write_text(change or active.read_text().replace("seed: 1,", "seed: 5,"))
    own = active.read_bytes()
    with pytest.raises(UsageError, match="holds options of your own; move it to"):
        activate(project, "two")
    activate(project, None)
    assert active.read_bytes() == own
    assert seed(project) == 5


@pytest.mark.parametrize(
    ("profile", "message"),
    [("three", "Unknown profile 'three'; expected one of: mirror, one, paper"), (None, "does not exist; choose")],
)
def test_without_a_profile_there_is_nothing_to_activate(project, profile, message):
    with pytest.raises(UsageError, match=message):
        activate(project, profile)


def test_a_profile_that_is_gone_is_missed(project):
    activate(project, "one")
    (project / "profiles" / "one.yaml").unlink()
    with pytest.raises(UsageError, match=r"profiles/one\.yaml, from which .* was written, is gone"):
        activate(project, None)


def test_an_invalid_profile_changes_nothing(project):
    activate(project, "one")
    (project / "profiles" / "two.yaml").write_text("splits: 3\n")
    with pytest.raises(UsageError, match="unknown key 'splits'"):
        activate(project, "two")
    assert seed(project) == 1


def test_while_dvc_is_at_work_the_options_do_not_change(project):
    activate(project, "one")
    folder = project / ".dvc" / "tmp"
    with (folder / "lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(CxnetError, match="DVC is running"):
            activate(project, "two")
        activate(project, "one")  # changes nothing, so it is allowed
    entry = {"pid": os.getpid(), "cmd": "dvc repro"}
    for lock in ({"write": {"/a": entry}}, {"read": {"/a": [entry]}}):
        (folder / "rwlock").write_text(json.dumps(lock))
        with pytest.raises(CxnetError, match="DVC is running"):
            activate(project, "two")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (folder / "rwlock").write_text(json.dumps({"write": {"/a": entry | {"pid": ended.pid}}}))
    activate(project, "two")
    assert seed(project) == 2


def test_a_stage_fails_whose_options_are_not_those_of_its_run(project, monkeypatch):
    active = activate(project, "one")
    monkeypatch.setenv(CHECKSUM, checksum(active))
    with steady_params(active) as params:
        assert params.split.seed == 1
    activate(project, "two")
    with pytest.raises(CxnetError, match="has changed since the run began"), steady_params(active):
        pytest.fail("the stage was started")
    with steady_params(project / "profiles" / "two.yaml") as params:  # named by the user, not the run's
        assert params.split.seed == 2


def test_a_stage_fails_whose_options_change_while_it_works(project):
    active = activate(project, "one")
    with pytest.raises(CxnetError, match="changed while this stage was running"), steady_params(active):
        activate(project, "two")


def test_the_checksum_is_that_of_the_bytes(project):
    active = activate(project, "one")
    assert checksum(active) == hashlib.sha256(active.read_bytes()).hexdigest()
    assert checksum(project / "absent.yaml") is None
