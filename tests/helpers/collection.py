"""A small collection below ``data/raw`` for tests of whole runs: exposures, copies, an archive, a broken file."""

import hashlib
import io
import zipfile

import cv2
import numpy as np
import pandas as pd
import yaml
from exposures import cropped, draw_exposure, inverted, jpeg

from sources.core.items import LOCK_SCHEMA
from sources.core.storage import write_table

SIDE = 256
OPTIONS = {
    "ingest": {"long_side": SIDE, "shard_rows": 5},
    "views": {"frontal_score": 0.0, "review_score": 1.0},
    "manifest": {"shard_rows": 4},
}


def write_profile(path):
    """The sandbox profile, with options for small films and small shards."""
    path.write_text(yaml.safe_dump({"extends": "sandbox", **OPTIONS}))
    return path


def draw_collection(layout, films=6):
    """Two sources with ``films`` exposures each; the second also has copies of films of the first."""
    covid = [draw_exposure(seed, SIDE) for seed in range(films)]
    normal = [draw_exposure(seed, SIDE) for seed in range(films, 2 * films)]
    copies = [jpeg(covid[0]), cropped(covid[1]), inverted(covid[2])]
    files = {"cohen": {f"c{n}": png(film) for n, film in enumerate(covid)}}
    files["cohen"]["broken"] = b"\x89PNG\r\n\x1a\nnothing"
    files["nih"] = {f"n{n}": png(film) for n, film in enumerate(normal + copies)}
    _write_files(layout, "cohen", files["cohen"], label="covid")
    _write_archive(layout, "nih", files["nih"], label="normal")


def png(film):
    return cv2.imencode(".png", film)[1].tobytes()


def tables(layout):
    """The bytes of every file that a stage wrote below ``data/``, by path."""
    contents = {}
    for path in layout.data.rglob("*"):
        name = str(path.relative_to(layout.data)).replace("\\", "/")
        if not name.startswith("raw") and path.is_file():
            contents[name] = path.read_bytes()
    return contents


def _write_files(layout, source, files, label):
    folder = layout.raw / source / "files"
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for item_id, data in files.items():
        name = f"{hashlib.sha256(data).hexdigest()}.png"
        (folder / name).write_bytes(data)
        rows.append(_row(source, item_id, data, f"files/{name}", label))
    write_table(layout.raw / source / "items.parquet", pd.DataFrame(rows), LOCK_SCHEMA)


def _write_archive(layout, source, files, label):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for item_id, data in files.items():
            archive.writestr(zipfile.ZipInfo(f"{item_id}.png"), data)
    folder = layout.raw / source / "files"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "films.zip").write_bytes(buffer.getvalue())
    rows = [
        _row(source, item_id, buffer.getvalue(), "files/films.zip", label, member=f"{item_id}.png") for item_id in files
    ]
    write_table(layout.raw / source / "items.parquet", pd.DataFrame(rows), LOCK_SCHEMA)


def _row(source, item_id, data, file, label, **values):
    facts = {"source": source, "item_id": item_id, "label": label, "view": "PA", "patient_id": f"{source}:{item_id}"}
    fetched = {"url": "u", "fetch_status": "fetched", "file": file, "file_sha256": hashlib.sha256(data).hexdigest()}
    return dict.fromkeys(LOCK_SCHEMA.names) | facts | fetched | {"redistributable": True, "age": np.nan} | values
