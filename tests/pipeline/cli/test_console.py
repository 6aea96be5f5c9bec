import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

from pipeline.cli.console import print_table, run_guarded, timed, without_native_chatter
from pipeline.cli.fetch_console import note, show_warning
from pipeline.core.summary import Summary
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


@dataclass(frozen=True)
class Said(Summary):
    """A summary with a warning that quotes a file name."""

    def __str__(self):
        return "3 films"

    @property
    def warnings(self):
        return ("look at \x1b[2J.png",)


def test_a_stage_says_its_name_summary_and_time_and_its_warnings_on_stderr(capsys):
    with timed("split") as say:
        say(Said())
    said = capsys.readouterr()
    assert said.out.startswith("split: 3 films, 0.") and len(said.out.splitlines()) == 1
    assert said.err == "warning: look at \\x1b[2J.png\n"


def test_tables_show_numbers_with_thousands_and_nothing_for_none(capsys):
    print_table("Title", ("name", "films"), [("[bold]a", 1234), ("b", None)])
    shown = capsys.readouterr().out
    assert "1,234" in shown and "[bold]a" in shown and "None" not in shown


HOSTILE = "\x1b]0;OWNED\x07\x1b[2J\u202e\x9b31m"


def test_nothing_that_is_quoted_is_a_command_to_the_terminal(capsys):
    print_table(HOSTILE, ("a",), [(HOSTILE,)])
    with pytest.raises(SystemExit):
        run_guarded(lambda: (_ for _ in ()).throw(CxnetError(f"No {HOSTILE}.")))
    show_warning(HOSTILE)
    note(HOSTILE)
    out, err = capsys.readouterr()
    for text in (out, err):
        assert r"\x1b]0;OWNED\x07" in text
        assert not set(text) & set("\x1b\x07\x9b\u202e")


def test_warnings_of_a_run_are_printed_without_commands_to_the_terminal():
    code = f"""
import logging
from pipeline.cli.console import run_guarded
run_guarded(lambda: logging.getLogger("x").warning("label %s", {HOSTILE!r}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "warning: label " + r"\x1b]0;OWNED\x07\x1b[2J\u202e\x9b31m" + "\n"


def test_an_interrupt_of_code_in_exec_does_not_decide_the_exit_code(tmp_path):
    """Dataclasses run their code by exec; `python -m` would end by SIGINT once an interrupt has left it."""
    (tmp_path / "interrupted.py").write_text(
        "from pipeline.cli.console import fail\n"
        "try:\n"
        "    exec('raise KeyboardInterrupt')\n"
        "except KeyboardInterrupt:\n"
        "    fail('Ended by SIGTERM.', 143)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(part for part in [str(tmp_path), *sys.path] if part)}
    done = subprocess.run([sys.executable, "-m", "interrupted"], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (143, "cxnet-data: Ended by SIGTERM.\n")
