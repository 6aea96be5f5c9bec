"""``cxnet-data export-model``: a trained model as an ONNX file, with its record."""

import json
from pathlib import Path

from upath import UPath

from sources.core.storage import atomic
from training.core.model_file import MODEL, load_model
from training.export.onnx import to_onnx


def export_model(folder: str, out: Path) -> None:
    """Write the model in ``folder`` to ``out``: films float32 (N, 3, size, size) in [0, 1] to probabilities.

    Raises:
        CxnetError: there is no such model, it has a layer that cannot be written, or the file cannot be written.
    """
    model, record = load_model(UPath(folder) / MODEL)
    facts = {
        "experiment": record.experiment,
        "classes": json.dumps(record.classes),
        "channels": json.dumps(record.channels),
        "scaling": record.scaling,
        "inputs": json.dumps(record.inputs, sort_keys=True),
        "pretrained": json.dumps(record.pretrained, sort_keys=True),
    }
    content = to_onnx(model, facts)
    with atomic(out) as file:
        file.write(content)
