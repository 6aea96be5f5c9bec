"""The commands that prove a data set or a split: check and audit-split."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from upath import UPath

from pipeline.cli.console import print_table, timed, without_native_chatter
from pipeline.cli.options import PARAMS_FILE, ParamsFile, Root, layout_at, stage_params
from sources.core.errors import CxnetError
from sources.core.temporary import scratch_folder
from sources.core.text import counted

if TYPE_CHECKING:
    from pipeline.audit.violations import Violation

SHOWN = 50  # violations on screen; --json has all


def add_audit_commands(app: typer.Typer, panel: str) -> None:
    """Add them to ``app``, under the heading ``panel`` of its help."""
    for name, command in (("check", check), ("audit", audit), ("audit-split", audit_split)):
        app.command(name, rich_help_panel=panel)(command)


def check(
    place: Annotated[
        str | None, typer.Argument(metavar="[MANIFEST|SNAPSHOT]", help="Default: this project's data set.")
    ] = None,
    certificate: Annotated[
        bool,
        typer.Option(
            "--certificate",
            help="Also make the certificate of the splits: a project gets it as reports/splits.certificate.json, "
            "that of a snapshot is compared.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with every violation.")] = False,
    root: Root = ".",
) -> None:
    """Prove a data set: tables against their rules, files against their hashes; exit code 1 if a rule is broken."""
    from pipeline.audit.check import certify
    from pipeline.audit.check import check as check_place
    from pipeline.audit.dataset import find_place

    layout = layout_at(root)
    data = find_place(place, layout)
    found = check_place(data)
    if certificate and found.rows:
        path, differences = certify(data, layout)
        found = found.with_more(differences)
        typer.echo(f"{path}: {'not what the tables say' if differences else 'certified'}", err=as_json)
    if as_json:
        facts = {"place": found.place, "rows": found.rows, "kept": found.kept, "splits": found.has_splits}
        facts |= {"pictures": found.pictures, "files": found.files}
        typer.echo(json.dumps({**facts, "violations": [each.as_json() for each in found.violations]}, indent=2))
    else:
        typer.echo(str(found))
        show_violations(found.violations)
    if found.violations:
        raise CxnetError(f"{counted(len(found.violations), 'violation')} of the rules of a data set.")


def show_violations(violations: Sequence["Violation"]) -> None:
    """The first violations as a table."""
    rows = [(each.rule, each.row, each.value) for each in violations[:SHOWN]]
    if rows:
        print_table(None, ("should be so", "is not, for", "value"), rows)
    if len(violations) > SHOWN:
        typer.echo(f"... and {len(violations) - SHOWN:,} more; --json lists all.")


def audit(
    against: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE", help="Only compare with the audit of another version: audit.json, or its folder."
        ),
    ] = None,
    params: ParamsFile = PARAMS_FILE,
    root: Root = ".",
) -> None:
    """Measure what can be read off the films that is not the disease: source, view, sex, age; and by what."""
    from pipeline.audit.changes import changes, read_audit

    layout = layout_at(root)
    if against is not None:
        rows = changes(read_audit(UPath(against)), read_audit(layout.reports / "audit.json"))
        print_table("AUC before and now", ("read", "from", "seen", "before", "now", "change"), rows)
        return
    with without_native_chatter():
        from pipeline.audit.stage import run
    with scratch_folder(), stage_params(params) as options, timed("audit") as say:
        say(run(layout, options))


def audit_split(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="A CSV with a row per film (file or id, patient, split), one list per split, or a folder of splits.",
        ),
    ],
    images: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the films, to find copies among them.")
    ] = None,
    repair: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the list with the smallest change that removes the leaks."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with every leak.")] = False,
) -> None:
    """Find what anybody's split leaks: patients, films and copies on both sides; exit code 1 if there is any."""
    from pipeline.audit.split_list import audit as audit_list

    found = audit_list(files, images)
    if repair is not None:
        moved = found.write_repaired(repair)
        typer.echo(f"{repair}: {counted(moved, 'row')} moved to another split", err=as_json)
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2))
    else:
        typer.echo(str(found))
        for note in found.notes:
            typer.echo(f"note: {note}")
        rows = [(leak.kind, leak.evidence, leak.splits, leak.rows) for leak in found.leaks[:SHOWN]]
        if rows:
            print_table(None, ("leak", "evidence", "splits", "rows"), rows)
    if found.leaks:
        raise CxnetError(f"{counted(len(found.leaks), 'leak')} between the splits.")
