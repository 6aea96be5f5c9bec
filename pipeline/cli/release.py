"""``cxnet-data snapshot``: make, list, prove, compare, rebuild and describe versions of a data set."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer
from upath import UPath

from pipeline.cli.audit import show_violations
from pipeline.cli.console import print_table
from pipeline.cli.options import PARAMS_FILE, ParamsFile, Root, Workers, layout_at, read_params
from sources.core.errors import CxnetError, UsageError
from sources.core.text import counted

Snapshot = Annotated[str, typer.Argument(metavar="SNAPSHOT", help="A snapshot: its name, folder or bucket URL.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Purpose = Literal["open", "commercial", "noncommercial"]

snapshots = typer.Typer(
    no_args_is_help=True, help="Versions of the data set that others can verify, compare and rebuild."
)


@snapshots.command()
def create(
    name: Annotated[str, typer.Argument(help="Name of the version, such as v1.0.")],
    to: Annotated[
        str | None, typer.Option(metavar="DIR", help="Folder or bucket (s3://...) of snapshots. Default: snapshots.")
    ] = None,
    licence: Annotated[
        Purpose, typer.Option(help="Take the pictures whose license allows this use.")
    ] = "noncommercial",
    include: Annotated[
        Literal["all"] | None,
        typer.Option(help="'all' takes every picture, whatever its license says; the snapshot then says so."),
    ] = None,
    params: ParamsFile = PARAMS_FILE,
    root: Root = ".",
) -> None:
    """Make a snapshot of the data set: tables, splits, locks, report, and the pictures that may be passed on."""
    from pipeline.release.create import SNAPSHOTS
    from pipeline.release.create import create as make

    layout = layout_at(root)
    place = UPath(to) if to else layout.root / SNAPSHOTS
    made = make(layout, read_params(params), name, place, include or licence)
    typer.echo(str(made))
    if include:
        typer.echo("warning: this snapshot holds pictures that may not be passed on.", err=True)


@snapshots.command("list")
def list_snapshots(
    place: Annotated[str | None, typer.Argument(metavar="DIR", help="Default: snapshots.")] = None,
    as_json: AsJson = False,
    root: Root = ".",
) -> None:
    """List the snapshots of a folder or bucket."""
    from pipeline.release.create import SNAPSHOTS
    from pipeline.release.record import plain, read_record

    folder = UPath(place) if place else layout_at(root).root / SNAPSHOTS
    found = [read_record(path.parent) for path in sorted(folder.glob("*/snapshot.json"), key=str)]
    if as_json:
        typer.echo(json.dumps([plain(record) for record in found], indent=2))
        return
    rows = [
        (
            record.name,
            record.profile,
            record.purpose,
            sum(record.films.values()),
            sum(record.pictures.values()),
            round(sum(file.bytes for file in record.files.values()) / 1e6, 1),
            record.root_sha256[:16],
        )
        for record in found
    ]
    print_table(f"Snapshots in {folder}", ("name", "profile", "for", "films", "pictures", "MB", "root hash"), rows)


@snapshots.command()
def verify(snapshot: Snapshot, as_json: AsJson = False, root: Root = ".") -> None:
    """Hash every file of a snapshot; exit code 1 if one has changed."""
    from pipeline.release.verify import verify as prove

    found = prove(_place(snapshot, root))
    if as_json:
        wrong = [each.as_json() for each in found.violations]
        typer.echo(json.dumps({"name": found.record.name, "files": found.files, "violations": wrong}, indent=2))
    else:
        typer.echo(str(found))
        show_violations(found.violations)
    if found.violations:
        raise CxnetError(f"{counted(len(found.violations), 'file is', 'files are')} not as recorded.")


@snapshots.command()
def diff(
    first: Snapshot,
    second: Snapshot,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write every change to this Parquet file.")] = None,
    root: Root = ".",
) -> None:
    """Show what changed between two snapshots, and why."""
    from pipeline.release.diff import compare

    found = compare(_place(first, root), _place(second, root))
    title = f"{found.before.name} -> {found.after.name}: {counted(len(found.rows), 'change')}"
    print_table(title, ("change", "why", "rows"), found.table())
    if out is not None:
        found.write(UPath(str(out)))
        typer.echo(f"{out}: every change, a row each.")


@snapshots.command()
def restore(
    snapshot: Snapshot,
    out: Annotated[Path, typer.Argument(metavar="DIR", help="New folder for the data set.")],
    mirror: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Offline copy of the sources, where the snapshot was made from one."),
    ] = None,
    withdrawn: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A later list of withdrawn films; they are left out.")
    ] = None,
    workers: Workers = None,
    root: Root = ".",
) -> None:
    """Rebuild a snapshot's data set from the sources, by the hashes of its locks, and compare the result."""
    from pipeline.core.layout import Layout
    from pipeline.core.parallel import open_executor
    from pipeline.fetch.session import fetch_all_locked, open_session
    from pipeline.profile.load import load_params
    from pipeline.release.restore import missing_files, outcome, prepare, rebuild
    from sources.core.temporary import scratch_folder
    from sources.download.driver import Watcher

    later = UPath(str(withdrawn)) if withdrawn is not None else None
    record, gone = prepare(_place(snapshot, root), UPath(str(out)), later)
    options = load_params(out / "profile.yaml")
    if mirror is not None:
        options = options.model_copy(update={"mirror": mirror})
    layout = Layout.at(str(out))
    names = [path.parent.name for path in sorted(layout.raw.glob("*/items.parquet"), key=str)]
    with scratch_folder(), open_executor(workers or options.workers) as executor:
        session = open_session(layout, options, names, names)
        fetch_all_locked(session, lambda source: Watcher(), lambda text: typer.echo(text, err=True))
        lost = missing_files(layout)
        if len(lost):
            typer.echo(f"{counted(len(lost), 'file')} cannot be had; see data/raw/<source>/locked.parquet.", err=True)
        rebuild(layout, options, executor, typer.echo)
    found = outcome(layout, record, gone)
    typer.echo(str(found))
    if not found.is_identical and not gone:
        raise CxnetError(f"{record.name} could not be restored whole.")


@snapshots.command()
def card(snapshot: Snapshot, root: Root = ".") -> None:
    """Print the card of a snapshot: what is in it, what may be done with it, what to be careful about."""
    from pipeline.release.record import read_record

    folder = _place(snapshot, root)
    read_record(folder)
    typer.echo((folder / "README.md").read_text(encoding="utf-8"))


@snapshots.command()
def withdraw(
    images: Annotated[list[str], typer.Argument(metavar="IMAGE", help="image_id or <source>/<item_id> of the films.")],
    why: Annotated[str, typer.Option(help="The reason, for the list that travels with every snapshot.")],
    root: Root = ".",
) -> None:
    """Withdraw films and their proven copies: the next run excludes them; says which versions and models hold them."""
    from pipeline.release.withdraw import withdraw as add

    found = add(layout_at(root), images, why)
    typer.echo(str(found))
    _list("versions that hold one", found.versions)
    _list("models that learned from one", found.models)
    typer.echo("Run `cxnet-data run` to exclude them, then make a new snapshot.")


def export_films(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="New folder.")],
    form: Annotated[
        Literal["csv", "folder", "hf", "webdataset", "tfrecord", "torchxrayvision"],
        typer.Option("--format", help="What reads the films."),
    ],
    root: Root = ".",
) -> None:
    """Write the kept films, by split, in a form that other tools read; for your own use."""
    from pipeline.release.export import export, told

    place = UPath(str(out))
    typer.echo(told(export(layout_at(root), form, place), place))


def _list(what: str, names: Sequence[str]) -> None:
    typer.echo(f"{what}: {', '.join(names) if names else 'none'}")


def _place(given: str, root: str) -> UPath:
    """The folder of a snapshot, given as such or by its name."""
    from pipeline.audit.dataset import SNAPSHOT
    from pipeline.release.create import SNAPSHOTS

    here, named = UPath(given), layout_at(root).root / SNAPSHOTS / given
    for folder in (here, named):
        if (folder / SNAPSHOT).exists():
            return folder
    raise UsageError(f"{given} is no snapshot, and there is none of this name in {named.parent}.")
