import os
import sys

import pytest

from pipeline.cli.console import print_table, run_guarded, timed, without_native_chatter
from sources.core.errors import CxnetError, UsageError


def test_only_the_chatter_of_native_libraries_is_held_back(capfd):
    with without_native_chatter():
        os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called\nI0000 00:00:1 1 port.cc:1] x\n")
        os.write(2, b"a real problem\n")
        print("from Python", file=sys.stderr)
    os.write(2, b"after\n")
    assert sorted(capfd.readouterr().err.splitlines()) == ["a real problem", "after", "from Python"]


def test_what_was_said_before_a_failure_is_not_lost(capfd):
    with pytest.raises(ValueError, match="x"), without_native_chatter():
        os.write(2, b"a real problem\n")
        raise ValueError("x")
    assert "a real problem" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (CxnetError("It\nfailed."), 1, "cxnet-data: It failed."),
        (UsageError("No."), 2, "cxnet-data: No."),
        (OSError(28, "No space left on device", "data/x"), 1, "cxnet-data: The disk is full (data/x)"),
        (PermissionError(13, "denied", "data/x"), 1, "cxnet-data: No permission for data/x"),
        (
            ZeroDivisionError("division by zero"),
            1,
            "cxnet-data: ZeroDivisionError: division by zero (set CXNET_DEBUG=1",
        ),
        (KeyboardInterrupt(), 130, "cxnet-data: Interrupted. Nothing is half-written"),
    ],
)
def test_errors_are_one_sentence_and_an_exit_code(capsys, monkeypatch, error, code, said):
    monkeypatch.delenv("CXNET_DEBUG", raising=False)

    def fail():
        raise error

    with pytest.raises(SystemExit) as stopped:
        run_guarded(fail)
    assert stopped.value.code == code
    shown = capsys.readouterr().err
    assert shown.startswith(said) and len(shown.splitlines()) == 1


def test_a_stage_says_its_name_summary_and_time(capsys):
    with timed("split") as say:
        say("3 films")
    assert capsys.readouterr().out.startswith("split: 3 films, 0.")


def test_tables_show_numbers_with_thousands_and_nothing_for_none(capsys):
    print_table("Title", ("name", "films"), [("[bold]a", 1234), ("b", None)])
    shown = capsys.readouterr().out
    assert "1,234" in shown and "[bold]a" in shown and "None" not in shown
