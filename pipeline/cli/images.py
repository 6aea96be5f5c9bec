"""Commands that look at any image files, in the data set or not, and the one that trains for them."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.console import print_table, timed, without_native_chatter
from pipeline.cli.options import PARAMS_FILE, ParamsFile, Root, Workers, layout_at, read_params, stage_params


def add_image_commands(app: typer.Typer, look: str, learn: str) -> None:
    """Add the commands of this module to the command line, listed in the panels ``look`` and ``learn``."""
    for panel, command in ((look, similar), (look, lungs), (learn, train_lungs)):
        app.command(rich_help_panel=panel)(command)


def similar(
    image: Annotated[Path, typer.Argument(help="Any image file.")],
    nearest: Annotated[int, typer.Option(min=1, max=50, help="How many films to list.")] = 5,
    overlay: Annotated[
        Path | None, typer.Option(help="Write the image over a film that shows the same exposure to this PNG.")
    ] = None,
    params: ParamsFile = PARAMS_FILE,
    root: Root = ".",
) -> None:
    """Find the films of the data set that are most similar to an image file."""
    from pipeline.dedupe.similar import similar_films

    result = similar_films(layout_at(root), image, read_params(params), nearest=nearest, overlay=overlay)
    print_table(str(result), result.columns(), result.rows())
    if overlay is not None and result.proven:
        typer.echo(f"{overlay}: the image in red, the first film in cyan; gray where they agree.")
    elif overlay is not None:
        typer.echo(f"{overlay} was not written: no film is proven to show this exposure, so none can be aligned.")


def lungs(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Image files, or folders with images.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the masks: <image>.png.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace masks that are there.")] = False,
    params: ParamsFile = PARAMS_FILE,
    workers: Workers = None,
) -> None:
    """Write the lung mask of each image as a PNG file of its size; exit code 1 if an image cannot be used."""
    from pipeline.core.parallel import open_executor
    from pipeline.segment.files import plan, write_masks
    from sources.core.errors import CxnetError
    from sources.core.temporary import scratch_folder
    from sources.core.text import counted, visible

    options = read_params(params)
    jobs = plan(images, out, overwrite)
    count = 1 if len(jobs) == 1 else workers or options.workers
    rows, bad = [], 0
    with scratch_folder(), open_executor(count) as executor:
        for found in write_masks(jobs, options.ingest, options.segment, executor):
            if found.problem is not None:
                typer.echo(f"cxnet-data: {visible(found.problem)}", err=True)
                bad += 1
            else:
                rows.append(
                    (str(found.image), found.share, found.quality, "cut" if found.is_cut else None, found.reason)
                )
    print_table(f"{counted(len(rows), 'mask')} in {out}", ("image", "share", "quality", "lungs", "remark"), rows)
    if bad:
        raise CxnetError(f"{bad} of {counted(len(jobs), 'image')} could not be used.")


def train_lungs(params: ParamsFile = PARAMS_FILE, root: Root = ".") -> None:
    """Train a lung network on the masks that sources publish (options `lungs`), and write models/lungs."""
    from importlib import import_module

    from sources.core.temporary import scratch_folder

    with scratch_folder(), stage_params(params) as options:
        with without_native_chatter():
            run = import_module("training.segment.stage").run
        with timed("train-lungs") as say:
            say(run(layout_at(root), options))
