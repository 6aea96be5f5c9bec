"""The commands that use a trained model: predict and export-model."""

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.console import print_table, without_native_chatter
from pipeline.cli.options import ParamsFile, read_params

Trained = Annotated[str, typer.Option("--model", metavar="DIR", help="Folder of a trained model: models/<experiment>.")]


def predict(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Image files, or folders with images.")],
    model: Trained,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    heatmap: Annotated[Path | None, typer.Option(metavar="DIR", help="Write a Grad-CAM picture of each film.")] = None,
    abstain: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Name no class if its confidence is lower.")
    ] = None,
    passes: Annotated[int, typer.Option(min=0, max=1000, help="Passes with dropout, for the uncertainty.")] = 30,
    params: ParamsFile = "",
) -> None:
    """Predict the class of any images, DICOM too, as in training; exit code 1 if one cannot be used."""
    from pipeline.core.params import IngestParams
    from sources.core.errors import CxnetError
    from sources.core.temporary import scratch_folder
    from sources.core.text import counted

    with without_native_chatter():
        command = import_module("training.predict.command")
    ingest = read_params(params).ingest if params else IngestParams()
    with scratch_folder():
        found = list(command.predict(command.Request(images, model, passes, abstain, heatmap, ingest)))
    if as_json:
        typer.echo(json.dumps({"notice": command.NOTICE, "films": [each.as_json() for each in found]}, indent=2))
    else:
        _print(found)
        typer.echo(command.NOTICE)
    bad = [each for each in found if each.problem is not None]
    if bad:
        raise CxnetError(f"{len(bad)} of {counted(len(found), 'image')} could not be used.")


def export_model(
    model: Annotated[str, typer.Argument(metavar="DIR", help="Folder of a trained model: models/<experiment>.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write. Default: <experiment>.onnx here.")
    ] = None,
) -> None:
    """Write a trained model as an ONNX file, which runs without Keras and TensorFlow."""
    with without_native_chatter():
        export = import_module("training.export.command").export_model
    path = out or Path(f"{Path(model).name}.onnx")
    export(model, path)
    typer.echo(f"{path}: films (N, 3, size, size) in [0, 1] to probabilities; the record is in its metadata.")


def _print(found: Sequence[Any]) -> None:
    """One row per film; a file that cannot be used is one sentence on stderr."""
    from sources.core.text import visible

    for each in found:
        if each.problem is not None:
            typer.echo(f"cxnet-data: {visible(each.problem)}", err=True)
    good = [each for each in found if each.probabilities is not None]
    classes = list(good[0].probabilities or {}) if good else []
    rows = [
        (
            each.image,
            each.label or "abstains",
            *((each.probabilities or {}).values()),
            each.confidence,
            each.sd,
            "unlike the training films" if each.unlike else "",
            each.heatmap,
        )
        for each in good
    ]
    if rows:
        print_table(
            None,
            ("image", "class", *(f"p({name})" for name in classes), "confidence", "sd", "warning", "heat map"),
            rows,
        )
