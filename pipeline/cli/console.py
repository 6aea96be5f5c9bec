"""Console output: one sentence per error, one line per stage, plain tables."""

import errno
import logging
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import Any, cast

import typer
from typer.core import TyperGroup

from pipeline.cli.signals import ending_as_interrupts
from pipeline.core.summary import Summary
from sources.core.errors import CxnetError
from sources.core.text import visible

CHATTER = re.compile(rb"[IW]\d{4} |WARNING: All log messages before absl::InitializeLog")

# The base class of all usage errors; typer gives it no public name.
BadUsage = cast(type[Exception], typer.BadParameter.__base__)

INTERRUPT_CODE = 130  # of typer, after any KeyboardInterrupt


class Verbs(TyperGroup):
    """A command group that reports an unknown command or option in one sentence, with the valid ones."""

    def make_context(self, info_name, args, parent=None, **extra):  # type: ignore[no-untyped-def]
        with usage_in_one_sentence() if args else nullcontext():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx):  # type: ignore[no-untyped-def]
        with usage_in_one_sentence():
            return super().invoke(ctx)

    def resolve_command(self, ctx, args):  # type: ignore[no-untyped-def]
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            fail(f"Unknown command '{args[0]}'; expected one of: {', '.join(self.list_commands(ctx))}.", 2)
        return super().resolve_command(ctx, args)


@contextmanager
def usage_in_one_sentence() -> Iterator[None]:
    """Report a usage error as one sentence instead of a page."""
    try:
        yield
    except BadUsage as error:
        fail(_usage_message(error), 2)


def _usage_message(error: Any) -> str:
    """What is wrong with the command line, and the valid options."""
    message, ctx = error.format_message().rstrip("."), error.ctx
    if ctx is None:  # an option without its value
        return f"{message}."
    verb = f"{ctx.info_name}: " if ctx.parent else ""
    if hasattr(error, "possibilities"):
        valid = [name for option in ctx.command.get_params(ctx) for name in option.opts if name.startswith("--")]
        return f"{verb}unknown option '{error.option_name}'; expected one of: {', '.join(valid)}."
    return f"{verb}{message[0].lower()}{message[1:]}; see `{ctx.command_path} --help`."


def fail(message: str, exit_code: int) -> None:
    """Print ``message`` on stderr as one line and exit with ``exit_code``."""
    with suppress(OSError):  # the terminal may be closed
        typer.echo(f"cxnet-data: {visible(' '.join(message.split()))}", err=True)
    exec("")  # forgets an interrupt that left another exec (dataclasses use it), by which `python -m` would end instead
    raise SystemExit(exit_code)


def run_guarded(program: Callable[[], object]) -> None:
    """Run the program. Any failure becomes one sentence; ``CXNET_DEBUG=1`` shows the traceback instead."""
    logging.basicConfig(level=logging.WARNING, handlers=[_warnings()])
    with ending_as_interrupts() as ending:
        try:
            _run_in_sentences(program)
        except KeyboardInterrupt:
            fail(str(ending), ending.exit_code)
        except SystemExit as end:  # typer turns an interrupt into a silent exit, a library perhaps into another error
            if end.code == INTERRUPT_CODE or (end.code and ending.number):
                fail(str(ending), ending.exit_code)
            raise


class _Visible(logging.Formatter):
    """Writes out what a terminal would take for a command: messages quote tables and names of files."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))


def _warnings() -> logging.Handler:
    """Prints warnings on stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Visible("warning: %(message)s"))
    return handler


def _run_in_sentences(program: Callable[[], object]) -> None:
    try:
        program()
    except CxnetError as error:
        fail(str(error), error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        if os.environ.get("CXNET_DEBUG"):
            raise
        fail(_sentence(error), 1)


def _sentence(error: Exception) -> str:
    """The message for an error that no stage expected."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"The disk is full ({error.filename or 'writing a file'}); free some space and run the same command again."
        )
    if isinstance(error, PermissionError):
        return f"No permission for {error.filename}; check its owner and mode, then run the same command again."
    return f"{type(error).__name__}: {error} (set CXNET_DEBUG=1 to see where)."


@contextmanager
def timed(name: str) -> Iterator[Callable[[Summary], None]]:
    """Time a stage. The function it yields prints the one-line summary with the time, and its warnings on stderr."""
    began = time.perf_counter()

    def say(summary: Summary) -> None:
        typer.echo(f"{name}: {summary}, {time.perf_counter() - began:.1f} s")
        for warning in summary.warnings:
            typer.echo(f"warning: {visible(warning)}", err=True)

    yield say


@contextmanager
def without_native_chatter() -> Iterator[None]:
    """Hide what native libraries log to stderr while they load (TensorFlow: "I0000 ..."), and nothing else."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            for line in held:
                if not CHATTER.match(line):
                    os.write(2, line)


def print_table(title: str | None, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under their column names: numbers right-aligned, None as empty."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=None if title is None else visible(title),
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for index, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float | None) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    console = Console() if sys.stdout.isatty() else Console(width=160)
    console.print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else visible(str(value))
