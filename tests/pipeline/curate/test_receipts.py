"""Receipts: a step is run again if its options, its inputs, its results or the code have changed, and only then."""

import os
from pathlib import Path

import pytest
from upath import UPath

from pipeline.curate import receipts
from pipeline.curate.receipts import Receipts, code_hash, content_of, key_of


@pytest.fixture
def root(tmp_path):
    (tmp_path / "pool").mkdir()
    for name in ("a", "b"):
        (tmp_path / "pool" / name).write_text(name)
    return UPath(tmp_path)


@pytest.fixture
def written(root):
    """The receipts of a root, with one of the step ``ingest``."""
    found = Receipts(root / "receipts", root)
    found.write("ingest", "key", [root / "pool"], "2 files")
    return found


def test_an_unchanged_step_has_a_current_receipt(written, root):
    receipt = written.current("ingest", "key", [root / "pool"])
    assert (receipt.summary, sorted(receipt.content)) == ("2 files", ["pool/a", "pool/b"])


@pytest.mark.parametrize("change", ["longer", "X", None, "new"])
def test_a_changed_absent_or_new_result_is_noticed(written, root, change):
    path = root / "pool" / ("new" if change == "new" else "a")
    path.write_text(change) if change else path.unlink()
    assert written.current("ingest", "key", [root / "pool"]) is None


def test_a_result_that_was_only_touched_is_unchanged(written, root):
    os.utime(str(root / "pool" / "a"), (1, 1))
    assert written.current("ingest", "key", [root / "pool"]) is not None


def test_another_key_or_step_has_no_receipt(written, root):
    assert written.current("ingest", "other", [root / "pool"]) is None
    assert written.current("dedupe", "key", [root / "pool"]) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"key": "key"}', '{"summary": 1, "key": "key", "outputs": {}, "more": 1}']
)
def test_a_damaged_receipt_is_none(written, root, text):
    (root / "receipts" / "ingest.json").write_text(text)
    assert written.current("ingest", "key", [root / "pool"]) is None


def test_a_moved_root_keeps_its_receipts(written, root, tmp_path_factory):
    moved = UPath(str(tmp_path_factory.mktemp("elsewhere") / "root"))
    Path(str(root)).rename(str(moved))
    assert Receipts(moved / "receipts", moved).current("ingest", "key", [moved / "pool"]) is not None


def test_the_key_depends_on_options_inputs_and_code(monkeypatch):
    key = key_of({"views": {"keep": ["PA"]}}, {"pool/a": "1"})
    assert key == key_of({"views": {"keep": ["PA"]}}, {"pool/a": "1"})
    assert key != key_of({"views": {"keep": ["AP"]}}, {"pool/a": "1"})
    assert key != key_of({"views": {"keep": ["PA"]}}, {"pool/a": "2"})
    monkeypatch.setattr(receipts, "code_hash", lambda: "other")
    assert key != key_of({"views": {"keep": ["PA"]}}, {"pool/a": "1"})


def test_the_code_behind_the_stages_is_hashed_and_the_command_line_is_not(tmp_path, monkeypatch):
    for name in ("pipeline/core/a.py", "pipeline/cli/main.py", "pipeline/curate/steps.py", "sources/folder.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    monkeypatch.setattr(receipts, "files", lambda package: tmp_path / package)
    seen = []
    for name in (None, "pipeline/cli/main.py", "pipeline/curate/steps.py", "pipeline/core/a.py", "sources/folder.py"):
        if name:
            (tmp_path / name).write_text("2")
        code_hash.cache_clear()
        seen.append(code_hash())
    code_hash.cache_clear()
    assert seen[0] == seen[1] == seen[2]
    assert len(set(seen[2:])) == 3


def test_the_content_of_a_file_that_is_not_there_is_none(root):
    assert content_of(root / "absent") is None
    assert content_of(root / "pool" / "a") != content_of(root / "pool" / "b")
