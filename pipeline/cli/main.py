"""The command line: one command per stage, and commands to look things up.

The only module that knows all stages. Each command imports what it needs when it runs, so that ``--help`` is instant.
"""

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.audit import add_audit_commands
from pipeline.cli.console import Verbs, print_table, run_guarded, timed
from pipeline.cli.images import add_image_commands
from pipeline.cli.models import add_model_commands
from pipeline.cli.options import (
    PARAMS_FILE,
    Inputs,
    ParamsFile,
    Root,
    Scheduler,
    Workers,
    layout_at,
    read_params,
    stage_params,
)
from pipeline.cli.release import export_films, snapshots
from pipeline.core.stages import PICTURE_STAGES, STAGES
from sources.core.temporary import scratch_folder

app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Build one clean, documented, versioned chest X-ray data set from thirteen public sources, "
    "and train and evaluate the COVID-CXNet models on it. Start with `cxnet-data run`.",
)

RUN, LOOK, STAGE_PANEL, LEARN = "Run everything", "Look things up", "Pipeline stages, in order", "Models"
SHARE = "Prove and share"


def main() -> None:
    """Entry point of ``cxnet-data``."""
    run_guarded(app)


@app.command(rich_help_panel=RUN)
def run(
    profile: Annotated[
        str | None,
        typer.Option(help="A file in profiles/, by name: sandbox, mirror, paper or your own. Default: the active one."),
    ] = None,
) -> None:
    """Run the whole pipeline (`dvc repro`) and print where the report is."""
    from pipeline.cli.reproduce import reproduce

    typer.echo(f"Report: {reproduce(Path.cwd(), profile)}")


@app.command(rich_help_panel=LOOK)
def sources(params: ParamsFile = PARAMS_FILE, root: Root = ".") -> None:
    """List the sources: content, license, access, and what has been fetched."""
    from pipeline.fetch.overview import source_rows

    columns, rows = source_rows(layout_at(root), read_params(params))
    print_table(None, columns, rows)


@app.command(rich_help_panel=LOOK)
def doctor(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="SOURCE", help="Sources, by name. Default: the profile's.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for a nightly job.")] = False,
    params: ParamsFile = PARAMS_FILE,
    root: Root = ".",
) -> None:
    """Check with a few requests whether the sources still look as expected; exit code 1 if one does not."""
    from pipeline.cli.doctor import doctor as check

    check(layout_at(root), read_params(params), names or (), as_json)


@app.command(rich_help_panel=LOOK)
def show(
    manifest: Annotated[str | None, typer.Argument(help="A manifest.parquet. Default: this project's.")] = None,
    where: Annotated[
        str | None,
        typer.Option(metavar="SQL", help="Only rows for which this holds: \"label = 'covid' and age < 40\"."),
    ] = None,
    sheet: Annotated[Path | None, typer.Option(metavar="FILE", help="Write their films to this PNG.")] = None,
    root: Root = ".",
) -> None:
    """Summarize a manifest or snapshot: rows by label, source, view and status, and the reasons for exclusion."""
    from pipeline.cli.show import show_manifest

    show_manifest(layout_at(root), manifest, where, sheet)


@app.command(rich_help_panel=LOOK)
def schema(
    table: Annotated[
        str,
        typer.Argument(
            help="items, pool, dedupe, duplicates, conflicts, views, segment, harmonise, manifest, images, splits "
            "or contradictions."
        ),
    ] = "manifest",
) -> None:
    """Describe the columns of a table: name, type and meaning."""
    from pipeline.core.schema import schema_rows

    print_table(None, ("column", "type", "meaning"), schema_rows(table))


add_image_commands(app, LOOK, LEARN)


@app.command(rich_help_panel=RUN)
def curate(
    folders: Annotated[list[str] | None, typer.Argument(metavar="FOLDER", help="Folders or buckets.")] = None,
    table: Annotated[
        str | None, typer.Option(metavar="FILE", help="Table of the films. Default: one found in FOLDER.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the results go. Default: curated.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the data set. Default: as the folder.")] = None,
    profile: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Run an earlier curation again, with its edited profile.")
    ] = None,
    root: Annotated[
        str | None, typer.Option(metavar="URL", help="Folder or bucket for data/ and reports/. Default: as --out.")
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
) -> None:
    """Make a clean data set of your own films: no project, no profile and no labels needed."""
    from pipeline.cli.curate import CurateRequest, curate_films

    request = CurateRequest(tuple(folders or ()), table, profile, out, root, name, workers, scheduler, as_json)
    curate_films(request)


@app.command(rich_help_panel=LOOK)
def profile(
    given: Annotated[
        str | None, typer.Argument(metavar="NAME|FILE", help="A profile. Default: the active one, params.yaml.")
    ] = None,
) -> None:
    """Print a profile with all its options, whatever it extends, as YAML that can be saved and used."""
    from pipeline.profile.text import profile_text

    typer.echo(profile_text(read_params(given or PARAMS_FILE)), nl=False)


@app.command(rich_help_panel=STAGE_PANEL)
def sandbox(params: ParamsFile = PARAMS_FILE, root: Root = ".") -> None:
    """Draw the synthetic offline copy of all sources, with the truth about it (only if the profile uses it)."""
    _run_stage("sandbox", root, params, module="pipeline.fetch.sandbox")


@app.command(rich_help_panel=STAGE_PANEL)
def fetch(
    names: Annotated[list[str] | None, typer.Argument(metavar="SOURCE", help="Sources, by name.")] = None,
    url: Annotated[list[str] | None, typer.Option(help="Read this page instead of the listing; repeatable.")] = None,
    urls: Annotated[Path | None, typer.Option(metavar="FILE", help="Read the pages in this file, one a line.")] = None,
    forget: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Read a page of an earlier --url no longer; repeatable.")
    ] = None,
    accept_terms: Annotated[
        list[str] | None, typer.Option(metavar="SOURCE", help="Its owner allowed you to copy it.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=0, help="Fetch at most this many images per source.")] = None,
    update: Annotated[bool, typer.Option("--update", help="Check for changes and list them.")] = False,
    locked: Annotated[
        bool, typer.Option("--locked", help="Fetch exactly the files recorded in items.parquet, checked by sha256.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be fetched, with sizes.")] = False,
    record: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also save every page to this folder, as an offline mirror.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    pipeline: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="As a pipeline stage: one source, skipped if closed.")
    ] = None,
    params: ParamsFile = PARAMS_FILE,
    root: Root = ".",
) -> None:
    """List and download sources. Each image keeps its address, hash and license. Interrupted fetches resume."""
    from pipeline.cli.fetch import FetchRequest, fetch_as_stage, fetch_for_user
    from sources.download.driver import FetchOptions

    layout = layout_at(root)
    if pipeline is not None:
        with timed(f"fetch@{pipeline}") as say, scratch_folder(), stage_params(params) as options:
            say(fetch_as_stage(layout, options, pipeline))
        return
    options = read_params(params)
    most = options.fetch.limit if limit is None else limit
    fetch_options = FetchOptions(tuple(url or ()), tuple(forget or ()), most, update, record)
    request = FetchRequest(tuple(names or ()), tuple(accept_terms or ()), fetch_options, urls, locked, dry_run, as_json)
    fetch_for_user(layout, options, request)


def _add_stage(name: str, panel: str = STAGE_PANEL) -> None:
    """Add a command for the stage ``name``. The docstring of its package is the help text."""
    describe = app.command(name, help=import_module(f"pipeline.{name}").__doc__, rich_help_panel=panel)

    def table_stage(params: ParamsFile = PARAMS_FILE, root: Root = ".") -> None:
        _run_stage(name, root, params)

    def picture_stage(
        params: ParamsFile = PARAMS_FILE, root: Root = ".", workers: Workers = None, scheduler: Scheduler = None
    ) -> None:
        _run_stage(name, root, params, (workers, scheduler))

    def inputs_stage(
        inputs: Inputs,
        params: ParamsFile = PARAMS_FILE,
        root: Root = ".",
        workers: Workers = None,
        scheduler: Scheduler = None,
    ) -> None:
        _run_stage(name, root, params, (workers, scheduler), inputs=inputs)

    describe(inputs_stage if name == "prepare" else picture_stage if name in PICTURE_STAGES else table_stage)


for _stage in STAGES:
    _add_stage(_stage)


@app.command(rich_help_panel=STAGE_PANEL)
def conceal(
    params: ParamsFile = PARAMS_FILE, root: Root = ".", workers: Workers = None, scheduler: Scheduler = None
) -> None:
    """Write the kept films again with burned-in text and drawn marks painted over (data/concealed)."""
    _run_stage("conceal", root, params, (workers, scheduler), module="pipeline.manifest.conceal")


add_audit_commands(app, SHARE)
app.command("export", rich_help_panel=SHARE)(export_films)
app.add_typer(snapshots, name="snapshot", rich_help_panel=SHARE)
add_model_commands(app, LEARN)
_add_stage("report", LEARN)


def _run_stage(
    name: str,
    root: str,
    profile: str,
    parallel: tuple[int | None, str | None] | None = None,
    module: str | None = None,
    **item: object,
) -> None:
    """Run a stage and print its summary; ``parallel``: processes and Dask scheduler for its pictures."""
    run_it = import_module(module or f"pipeline.{name}.stage").run
    label = "@".join([name, *map(str, item.values())])
    with timed(label) as say, scratch_folder(), stage_params(profile) as params:
        if parallel is None:
            say(run_it(layout_at(root), params, None, **item))
            return
        from pipeline.core.parallel import open_executor

        workers, scheduler = parallel
        with open_executor(workers or params.workers, scheduler) as executor:
            say(run_it(layout_at(root), params, executor, **item))
