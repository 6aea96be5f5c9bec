"""The ``curate`` verb: from folders of films to a data set, a report and a verdict."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer
from upath import UPath

from pipeline.cli.console import print_table
from pipeline.cli.fetch import fetch_as_stage
from pipeline.core.exclusive import exclusive
from pipeline.core.layout import Layout
from pipeline.core.parallel import open_executor
from pipeline.core.params import Params
from pipeline.curate.guess import Guess
from pipeline.curate.look import FolderLook, absolute, look_at
from pipeline.curate.places import check_apart, check_folder, check_place, place_for_results
from pipeline.curate.profile import NamedFolder, check_folders, curation_text, folders_of, name_folders, slug
from pipeline.curate.steps import run_steps
from pipeline.curate.unused import unused_lines
from pipeline.curate.verdict import read_verdict, verdict_lines
from pipeline.decisions.file import COLUMNS as DECISION_COLUMNS
from pipeline.decisions.file import read_decisions
from pipeline.profile.load import load_params
from sources.core.errors import UsageError
from sources.core.storage import atomic, is_local
from sources.core.text import counted

PROFILE, LOCK = "profile.yaml", ".curate.lock"


@dataclass(frozen=True)
class CurateRequest:
    """What the user asks for.

    Attributes:
        folders: of films; empty with ``profile``.
        table: that belongs to the folder; None = look for one.
        profile: of an earlier curation; None = the one in ``out``, or a new one.
        out: where the results go; None = ``curated`` in the current folder.
        root: where ``data/`` and ``reports/`` go, if not to ``out``.
        name: of the data set; None = the folder's.
        workers, scheduler: as for a stage.
        as_json: print the verdict as JSON.
    """

    folders: tuple[str, ...]
    table: str | None = None
    profile: Path | None = None
    out: Path | None = None
    root: str | None = None
    name: str | None = None
    workers: int | None = None
    scheduler: str | None = None
    as_json: bool = False


def curate_films(request: CurateRequest) -> None:
    """Curate, and show what is done.

    Raises:
        UsageError: the request does not fit together, or its profile is not valid.
        CxnetError: another curation is at work there, or a step failed.
    """
    _check(request)
    given = _given_params(request)
    folders = [absolute(folder.path) for folder in given.folders] if given else list(map(check_folder, request.folders))
    check_apart(folders)
    out = place_for_results(request.out, request.profile, folders)
    layout = Layout.at(absolute(request.root) if request.root else UPath(out))
    profile = request.profile or out / PROFILE
    check_place(layout, out, profile, folders)
    with exclusive(out / LOCK, "Another `cxnet-data curate`"):
        params = given or _params(request, folders, profile, out)
        local = layout if is_local(layout.root) else Layout.at(UPath(out))
        _prepare_decisions(layout)
        with open_executor(request.workers or params.workers, request.scheduler) as executor:
            for step in run_steps(layout, local, params, executor, fetch_as_stage):
                took = f"{step.seconds:.1f} s" if step.was_run else "unchanged"
                typer.echo(f"{step.label}: {step.summary}, {took}", err=request.as_json)
    _show_verdict(request, layout, profile, params)


def _check(request: CurateRequest) -> None:
    """Refuse what does not go together."""
    if request.profile is not None and (request.folders or request.table or request.name):
        raise UsageError("--profile names the folders and their tables itself; leave out FOLDER, --table and --name.")
    if request.profile is None and not request.folders:
        raise UsageError("Name at least one folder of films, or the profile of an earlier curation with --profile.")
    if request.table is not None and len(request.folders) > 1:
        raise UsageError(
            "--table goes with one folder; put a table into each folder, or curate the folder that holds them all."
        )


def _given_params(request: CurateRequest) -> Params | None:
    """The options of the given profile, or None."""
    if request.profile is None:
        return None
    params = load_params(request.profile)
    folders_of(params)
    return params


def _params(request: CurateRequest, folders: Sequence[str], profile: Path, out: Path) -> Params:
    """The options: of an earlier curation of the same folders, or guessed."""
    if profile.is_file():
        params = check_folders(profile, folders, request.table)
        typer.echo(f"Options: {profile}, from an earlier run; delete it to look at the folders again.\n", err=True)
        return params
    looks = [look_at(folder, request.table) for folder in request.folders]
    named = name_folders(looks, request.name)
    for folder in named:
        _show_folder(folder, request.as_json)
    name = slug(request.name) if request.name else named[0].name if len(named) == 1 else slug(out.name)
    with atomic(profile, "w") as file:
        file.write(curation_text(name, named, _command(request), _again(profile)))
    typer.echo(f"Options: {profile}\n", err=request.as_json)
    return load_params(profile)


def _show_folder(folder: NamedFolder, on_stderr: bool) -> None:
    """What is in a folder, and what its table is taken for."""
    look: FolderLook = folder.look
    table = look.table
    holds = f" and the table {table.place} ({counted(table.rows, 'row')})" if table else ", no table"
    typer.echo(f"{folder.name}: {counted(look.images, 'image')}{holds} in {look.path}", err=on_stderr)
    if look.patient_from_path is not None:
        typer.echo(f"Its paths seem to name patients: {look.patient_from_path}", err=on_stderr)
    if look.path_labels is not None:
        typer.echo(f"Its paths seem to name labels: {look.path_labels.pattern}", err=on_stderr)
        if not on_stderr:
            _show_words("What the words in its paths", look.path_labels.labels, look.path_labels.words, "film")
    for note in look.notes:
        typer.echo(f"note: {note}", err=True)
    if table is None:
        return
    if not on_stderr:
        _show_meaning(table.guess)
    for line in unused_lines(table.unused):
        typer.echo(line, err=on_stderr)


def _show_meaning(guess: Guess) -> None:
    """What the columns and words of a table are taken for."""
    rows = [(ours, meaning.column, meaning.why) for ours, meaning in guess.columns.items()]
    if guess.findings:
        rows.append(("label_columns", ", ".join(guess.findings), "by their names, which are answered by yes or no"))
    typer.echo("\nWhat its columns seem to mean:")
    print_table(None, ("ours", "the table's", "why"), rows)
    if guess.labels or guess.words:
        _show_words("What its words", guess.labels, guess.words, "row")


def _show_words(which: str, labels: Mapping[str, str], words: Mapping[str, int], noun: str) -> None:
    """What words are taken for, and the first of those that stand for no label."""
    rows = list(labels.items())
    rows += [(word, f"none ({counted(count, noun)})") for word, count in list(words.items())[:10]]
    typer.echo(f"{which} seem to mean:")
    print_table(None, ("word", "label"), rows)


def _prepare_decisions(layout: Layout) -> None:
    """An empty list of decisions, to be filled in by a person; one that is there is checked before hours of work."""
    if layout.decisions.exists():
        read_decisions(layout.decisions)
    elif is_local(layout.root):
        with atomic(layout.decisions, "w") as file:
            file.write(",".join(DECISION_COLUMNS) + "\n")


def _show_verdict(request: CurateRequest, layout: Layout, profile: Path, params: Params) -> None:
    verdict = read_verdict(layout, [folder.table for folder in params.folders if folder.table])
    report = layout.reports / "index.html"
    if request.as_json:
        typer.echo(json.dumps(verdict.numbers() | {"report": str(report), "profile": str(profile)}, indent=2))
        return
    typer.echo("")
    for line in verdict_lines(verdict):
        typer.echo(line)
    typer.echo(f"\nReport: {report}")
    typer.echo(f"Films: {layout.manifest} (see `cxnet-data schema images`); splits: {layout.splits}")
    typer.echo(f"To change something, edit {profile} or {layout.decisions}, then run `{_again(profile)}`.")


def _command(request: CurateRequest) -> str:
    table = ["--table", request.table] if request.table else []
    return shlex.join(["cxnet-data", "curate", *request.folders, *table])


def _again(profile: Path) -> str:
    return shlex.join(["cxnet-data", "curate", "--profile", str(profile)])
