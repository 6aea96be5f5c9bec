"""The command line: one verb per stage, the sources, and what one wants to look up.

The only module that knows all stages. Every verb imports what it needs when it runs, so that ``--help`` is instant.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.console import Verbs, print_table, run_guarded, stage, without_native_chatter

if TYPE_CHECKING:
    from pipeline.core.layout import Layout
    from pipeline.core.params import Params

app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Build one clean, documented, versioned chest X-ray data set from thirteen public sources, "
    "and train and judge the COVID-CXNet models on it. Start with `cxnet-data run`.",
)

LOOK, STAGES, LEARN = "Look", "Pipeline stages, in their order", "Models"

ParamsFile = Annotated[Path, typer.Option("--params", metavar="FILE", help="Profile to read.")]
Root = Annotated[
    str, typer.Option("--root", metavar="DIR", help="Folder or bucket URL that holds data/, models/ and reports/.")
]
Workers = Annotated[
    int | None, typer.Option(envvar="CXNET_WORKERS", help="Processes; empty = as the profile says.", min=1)
]
Scheduler = Annotated[
    str | None,
    typer.Option(envvar="CXNET_SCHEDULER", metavar="ADDRESS", help="Dask scheduler (tcp://host:port) to work on."),
]

PARAMS_FILE = Path("params.yaml")


def main() -> None:
    """Entry point of ``cxnet-data``."""
    run_guarded(app)


# ---------------------------------------------------------------------------------------------------- look


@app.command(rich_help_panel=LOOK)
def sources(params: ParamsFile = PARAMS_FILE, root: Root = ".") -> None:
    """List the sources: what they hold, under which licence, how they are reached, and their state here."""
    from pipeline.fetch.overview import source_rows

    columns, rows = source_rows(_layout(root), _params(params))
    print_table(None, columns, rows)


@app.command(rich_help_panel=LOOK)
def show(
    manifest: Annotated[str | None, typer.Argument(help="A manifest.parquet; empty = this project's.")] = None,
    root: Root = ".",
) -> None:
    """Summarise a manifest: rows by label, source, view and status, and the top reasons of exclusion."""
    from pipeline.report.summary import summarise

    for title, columns, rows in summarise(_layout(root), manifest):
        print_table(title, columns, rows)


@app.command(rich_help_panel=LOOK)
def schema(
    table: Annotated[
        str,
        typer.Argument(
            help="items, pool, dedupe, duplicates, conflicts, views, harmonise, manifest, images, splits or "
            "contradictions."
        ),
    ] = "manifest",
) -> None:
    """Print the columns of a table: name, type and meaning."""
    from pipeline.fetch.overview import schema_rows

    print_table(None, ("column", "type", "meaning"), schema_rows(table))


@app.command(rich_help_panel=LOOK)
def similar(
    image: Annotated[Path, typer.Argument(help="Any image file.")],
    nearest: Annotated[int, typer.Option(min=1, max=50, help="How many films to list.")] = 5,
    overlay: Annotated[
        Path | None, typer.Option(help="Write the aligned overlay with the nearest film to this PNG.")
    ] = None,
    root: Root = ".",
) -> None:
    """Find the films of the data set that are nearest to an image file."""
    from pipeline.dedupe.similar import similar_films

    found, columns, rows = similar_films(_layout(root), image, nearest=nearest, overlay=overlay)
    print_table(found, columns, rows)
    if overlay is not None:
        typer.echo(f"{overlay}: the image in red, the first film in cyan; gray where they agree.")


# ------------------------------------------------------------------------------------------------- everything


@app.command(rich_help_panel=LOOK)
def run(
    profile: Annotated[
        str | None,
        typer.Option(help="Name of a file in profiles/: sandbox, mirror, paper or your own; empty = the active one."),
    ] = None,
) -> None:
    """Run the whole pipeline (`dvc repro`) and say where the report is."""
    from pipeline.cli.reproduce import reproduce

    typer.echo(f"Report: {reproduce(Path.cwd(), profile)}")


# ----------------------------------------------------------------------------------------------------- stages


@app.command(rich_help_panel=STAGES)
def sandbox(params: ParamsFile = PARAMS_FILE, root: Root = ".") -> None:
    """Draw the sandbox: an offline world of all sources, with the truth about it (only where the profile uses it)."""
    from pipeline.fetch.world import draw_sandbox

    with stage("sandbox") as say:
        say(draw_sandbox(_layout(root), _params(params)))


@app.command(rich_help_panel=STAGES)
def fetch(
    names: Annotated[list[str] | None, typer.Argument(metavar="SOURCE...", help="Sources, by name.")] = None,
    url: Annotated[list[str] | None, typer.Option(help="Read this page instead of the source's listing.")] = None,
    urls: Annotated[Path | None, typer.Option(metavar="FILE", help="Read the pages in this file, one a line.")] = None,
    accept_terms: Annotated[
        list[str] | None, typer.Option(metavar="SOURCE", help="The owner of this source permitted you to copy it.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=0, help="Fetch at most so many images per source.")] = None,
    update: Annotated[bool, typer.Option("--update", help="Ask for what changed, and list it.")] = False,
    locked: Annotated[
        bool, typer.Option("--locked", help="Fetch exactly the files that items.parquet names, by their sha256.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be fetched, and its size.")] = False,
    record: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also keep every page as an offline copy in this folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer as JSON.")] = False,
    pipeline: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="As a pipeline stage: one source, passed over when closed.")
    ] = None,
    params: ParamsFile = PARAMS_FILE,
    root: Root = ".",
) -> None:
    """List and download sources: politely, resumably, each image with its address, hash and licence."""
    from pipeline.cli.fetch import Asked, fetch_asked, fetch_stage
    from sources.download.driver import Wishes

    layout, options = _layout(root), _params(params)
    if pipeline is not None:
        with stage(f"fetch@{pipeline}") as say:
            say(fetch_stage(layout, options, pipeline))
        return
    wishes = Wishes(tuple(url or ()), options.fetch.limit if limit is None else limit, update, record)
    asked = Asked(tuple(names or ()), tuple(accept_terms or ()), wishes, urls, locked, dry_run, as_json)
    fetch_asked(layout, options, asked)


@app.command(rich_help_panel=STAGES)
def ingest(
    params: ParamsFile = PARAMS_FILE, root: Root = ".", workers: Workers = None, scheduler: Scheduler = None
) -> None:
    """Decode every fetched image once into the pool, and measure its quality."""
    from pipeline.ingest.stage import run as ingest_images

    options = _params(params)
    _on_images(
        "ingest",
        options,
        workers,
        scheduler,
        lambda executor: ingest_images(_layout(root), options.ingest, executor, options.source_names),
    )


@app.command(rich_help_panel=STAGES)
def dedupe(
    params: ParamsFile = PARAMS_FILE, root: Root = ".", workers: Workers = None, scheduler: Scheduler = None
) -> None:
    """Find films that show the same exposure, prove it, and keep the best one of each cluster."""
    from pipeline.dedupe.stage import run as find_duplicates

    options = _params(params)
    _on_images(
        "dedupe", options, workers, scheduler, lambda executor: find_duplicates(_layout(root), options.dedupe, executor)
    )


@app.command(rich_help_panel=STAGES)
def views(
    params: ParamsFile = PARAMS_FILE, root: Root = ".", workers: Workers = None, scheduler: Scheduler = None
) -> None:
    """Tell frontal films from laterals, CT slices and figures, and exclude the latter."""
    from pipeline.views.stage import run as judge_views

    options = _params(params)
    _on_images(
        "views", options, workers, scheduler, lambda executor: judge_views(_layout(root), options.views, executor)
    )


@app.command(rich_help_panel=STAGES)
def harmonise(
    params: ParamsFile = PARAMS_FILE, root: Root = ".", workers: Workers = None, scheduler: Scheduler = None
) -> None:
    """Match the histograms of the chosen sources to a reference, as tone curves."""
    from pipeline.harmonise.stage import run as match_histograms

    options = _params(params)
    _on_images(
        "harmonise", options, workers, scheduler, lambda executor: match_histograms(_layout(root), options, executor)
    )


@app.command(rich_help_panel=STAGES)
def manifest(params: ParamsFile = PARAMS_FILE, root: Root = ".") -> None:
    """Join all decisions into the manifest, and the kept films into image shards."""
    from pipeline.manifest.stage import run as build_manifest

    with stage("manifest") as say:
        say(build_manifest(_layout(root), _params(params).manifest))


@app.command(rich_help_panel=STAGES)
def conceal(
    params: ParamsFile = PARAMS_FILE, root: Root = ".", workers: Workers = None, scheduler: Scheduler = None
) -> None:
    """Write the kept films once more with burnt-in text and drawn marks in-painted (data/concealed)."""
    from pipeline.manifest.conceal import run as conceal_marks

    options = _params(params)
    _on_images("conceal", options, workers, scheduler, lambda executor: conceal_marks(_layout(root), executor))


@app.command(rich_help_panel=STAGES)
def split(params: ParamsFile = PARAMS_FILE, root: Root = ".") -> None:
    """Divide the kept films into train, val, test and external, patients and duplicates together."""
    from pipeline.split.stage import run as split_groups

    with stage("split") as say:
        say(split_groups(_layout(root), _params(params).split))


@app.command(rich_help_panel=STAGES)
def prepare(
    size: Annotated[int, typer.Argument(help="Side of the square inputs in pixels.", min=32, max=1024)],
    params: ParamsFile = PARAMS_FILE,
    root: Root = ".",
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Make the model inputs: resize, tone curve and enhancement channels, as memory maps."""
    from pipeline.prepare.stage import run as prepare_arrays

    options = _params(params)
    _on_images(
        "prepare",
        options,
        workers,
        scheduler,
        lambda executor: prepare_arrays(_layout(root), options.prepare, size, executor),
    )


@app.command(rich_help_panel=STAGES)
def contradictions(params: ParamsFile = PARAMS_FILE, root: Root = ".") -> None:
    """List labels that something speaks against: tests, findings, copies, ages, sexes, a cross-validated model."""
    from pipeline.contradictions.stage import run as find_contradictions

    options = _params(params)
    with stage("contradictions") as say:
        say(find_contradictions(_layout(root), options.contradictions, min(options.prepare.sizes)))


# ----------------------------------------------------------------------------------------------------- models


@app.command(rich_help_panel=LEARN)
def train(
    experiment: Annotated[str, typer.Argument(help="An experiment of the profile.")],
    params: ParamsFile = PARAMS_FILE,
    root: Root = ".",
) -> None:
    """Train one experiment of the profile; validation alone chooses the checkpoint."""
    options = _experiment(params, experiment)
    with without_native_chatter():
        from training.train.stage import run as train_model

    with stage(f"train@{experiment}") as say:
        say(train_model(_layout(root), options, experiment))


@app.command(rich_help_panel=LEARN)
def evaluate(
    experiment: Annotated[str, typer.Argument(help="An experiment of the profile.")],
    params: ParamsFile = PARAMS_FILE,
    root: Root = ".",
) -> None:
    """Judge a trained experiment on the test split: metrics with intervals, curves, Grad-CAM."""
    options = _experiment(params, experiment)
    with without_native_chatter():
        from training.evaluate.stage import run as judge_model

    with stage(f"evaluate@{experiment}") as say:
        say(judge_model(_layout(root), options, experiment))


@app.command(rich_help_panel=LEARN)
def report(params: ParamsFile = PARAMS_FILE, root: Root = ".") -> None:
    """Write reports/index.html: the funnel, contact sheets, duplicates, splits and model figures on one page."""
    from pipeline.report.stage import run as write_report

    with stage("report") as say:
        say(write_report(_layout(root), _params(params)))


# ---------------------------------------------------------------------------------------------------- helpers


def _params(path: Path) -> "Params":
    from pipeline.core.params import load_params

    return load_params(path)


def _layout(root: str) -> "Layout":
    from pipeline.core.layout import Layout

    return Layout.at(root)


def _experiment(path: Path, name: str) -> "Params":
    """The profile, once ``name`` is known to be one of its experiments."""
    from sources.core.errors import unknown

    options = _params(path)
    if name not in options.experiments:
        raise unknown("experiment", name, list(options.experiments))
    return options


def _on_images(
    name: str, options: "Params", workers: int | None, scheduler: str | None, work: Callable[[Executor | None], Any]
) -> None:
    """Run a stage that works image by image, on this machine's processes or a Dask cluster."""
    from pipeline.core.parallel import open_executor

    with stage(name) as say, open_executor(workers or options.workers, scheduler) as executor:
        say(work(executor))


if __name__ == "__main__":
    main()
