"""The ``report`` stage: one self-contained page that shows what the data set is and how it came about.

Reads the manifest, the splits, the proven duplicates, the pool's pictures and what ``evaluate`` wrote per experiment.
Adds ``reports/index.html``; excludes nothing. All text on it is escaped by the template.
"""

import base64
import hashlib
import json
from collections.abc import Iterable
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment

from pipeline.layout import Layout
from pipeline.params import Params
from pipeline.pictures import Name, read_pictures, thumbnail
from sources.errors import CxnetError
from sources.lock import KEY
from sources.storage import atomic, read_table

FUNNEL = (
    ("fetch", "bytes received"),
    ("ingest", "decoded"),
    ("dedupe", "one film per exposure"),
    ("views", "frontal chest films"),
    ("harmonise", "histograms matched"),
    ("manifest", "kept"),
)
PER_SHEET = 12
PAIRS_PER_KIND = 2
TONES = 6

Rows = list[tuple[Any, ...]]


def run(layout: Layout, params: Params) -> str:
    """Write ``reports/index.html`` and return the stage's summary.

    Raises:
        CxnetError: a table that the page shows has not been written yet.
    """
    manifest = read_table(layout.manifest / "manifest.parquet")
    splits = read_table(layout.splits)
    pairs = read_table(layout.duplicates)
    page = _page(layout, params, manifest, splits, pairs)
    with atomic(layout.reports / "index.html", "w") as file:
        file.write(page)
    return f"{layout.reports / 'index.html'}, {len(page.encode()) / 1e6:.1f} MB"


def _page(layout: Layout, params: Params, manifest: pd.DataFrame, splits: pd.DataFrame, pairs: pd.DataFrame) -> str:
    kept = manifest[manifest["status"] == "kept"]
    chosen = choose_pairs(pairs)
    tones = choose_tones(manifest)
    sheets = {"kept": choose_kept(kept), "excluded": choose_excluded(manifest)}
    pictures = _thumbnails(layout, _names(sheets, chosen, tones))
    columns, label_rows = crosstab(kept, "source", "label")
    view_columns, view_rows = crosstab(manifest, "view", "status")
    split_columns, split_rows = split_table(kept, splits)
    by_source_columns, by_source = crosstab(splits[splits["split"].notna()], "source", "split")
    return _template().render(
        profile=params.profile,
        version=version("cxnet-data"),
        manifest_sha256=_sha256(layout),
        numbers=headline(manifest, splits),
        funnel=funnel(manifest),
        reasons=top_reasons(manifest),
        source_columns=("source", "licence", "listed", "fetched", "kept", "bytes may be passed on"),
        source_rows=source_table(manifest),
        skipped=_skipped(layout, params),
        label_columns=columns,
        label_rows=label_rows,
        view_columns=view_columns,
        view_rows=view_rows,
        kept=_sheets(sheets["kept"], pictures, "label"),
        excluded=_sheets(sheets["excluded"], pictures, "reason"),
        duplicate_rows=_counts(pairs["kind"]),
        pairs=_pairs(chosen, pictures),
        tones=_tones(layout, tones),
        tone_sources=", ".join(params.harmonise.sources),
        split_columns=split_columns,
        split_rows=split_rows,
        split_source_columns=by_source_columns,
        split_source_rows=by_source,
        models=[_model(layout, name) for name in params.experiments if layout.report(name).exists()],
    )


# ------------------------------------------------------------------------------------------------------ numbers


def headline(manifest: pd.DataFrame, splits: pd.DataFrame) -> Rows:
    """The page's first numbers: (number, what it counts)."""
    kept = manifest[manifest["status"] == "kept"]
    return [
        (len(manifest), "images listed"),
        (len(kept), "films kept"),
        (int(kept["patient_key"].nunique()), "patients"),
        (int(manifest["source"].nunique()), "sources"),
        (int((manifest["excluded_by"] == "dedupe").sum()), "duplicates left out"),
        *((int((kept["label"] == label).sum()), label) for label in ("normal", "cap", "covid")),
    ]


def funnel(manifest: pd.DataFrame) -> list[dict[str, Any]]:
    """What is left after each stage: name, rows left, rows lost, per cent of all rows."""
    total = left = len(manifest)
    steps = [{"name": "listed", "left": left, "lost": 0, "percent": 100.0}]
    for stage, name in FUNNEL:
        lost = int((manifest["excluded_by"] == stage).sum())
        left -= lost
        steps.append({"name": name, "left": left, "lost": lost, "percent": round(70 * left / max(total, 1), 2)})
    steps[0]["percent"] = 70.0
    return steps


def top_reasons(manifest: pd.DataFrame, most: int = 15) -> Rows:
    """(stage, reason, images) of the most frequent reasons; names of single films are left out of a reason."""
    excluded = manifest[manifest["excluded_by"].notna()]
    general = excluded["reason"].map(general_reason)
    counts = excluded.groupby([excluded["excluded_by"], general]).size()
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return [(stage, reason, int(count)) for (stage, reason), count in ordered[:most]]


def general_reason(reason: str) -> str:
    """The part of a reason that many films share: ``duplicate of cohen/a.png (...)`` becomes ``duplicate``."""
    if reason.startswith("duplicate of "):
        return "duplicate of a better film"
    return reason.split(": ")[0].split(" (")[0]


def source_table(manifest: pd.DataFrame) -> Rows:
    """One row per source: licences, images listed, fetched, kept, and share of kept bytes that may be passed on."""
    rows: Rows = []
    for source, films in manifest.groupby("source"):
        kept = films[films["status"] == "kept"]
        licences = ", ".join(sorted(films["licence"].dropna().unique())[:4]) or "not stated"
        free = f"{100 * kept['redistributable'].fillna(False).astype(bool).mean():.0f} %" if len(kept) else ""
        fetched = int((films["fetch_status"] == "fetched").sum())
        rows.append((source, licences, len(films), fetched, len(kept), free))
    return rows


def crosstab(rows: pd.DataFrame, down: str, across: str) -> tuple[tuple[str, ...], Rows]:
    """Counts of ``down`` by ``across``, with totals: column names and rows."""
    if rows.empty:
        return (down,), []
    filled = rows[[down, across]].astype("string").fillna("unknown")
    counts = pd.crosstab(filled[down], filled[across], margins=True, margins_name="all")
    return (down, *map(str, counts.columns)), [
        (str(name), *map(int, values)) for name, values in zip(counts.index, counts.to_numpy(), strict=True)
    ]


def split_table(kept: pd.DataFrame, splits: pd.DataFrame) -> tuple[tuple[str, ...], Rows]:
    """Films by split and label, with the number of groups (patients and clusters) that a split holds."""
    joined = kept[[*KEY, "label"]].merge(splits[[*KEY, "split", "group_id"]], on=list(KEY))
    columns, rows = crosstab(joined, "split", "label")
    groups = joined.groupby("split")["group_id"].nunique()
    totals = [*(int(groups.get(row[0], 0)) for row in rows[:-1]), int(joined["group_id"].nunique())]
    return (*columns, "groups"), [(*row, total) for row, total in zip(rows, totals, strict=True)]


def _counts(values: "pd.Series[str]") -> Rows:
    return [
        (str(name), int(count))
        for name, count in sorted(values.value_counts().items(), key=lambda entry: (-entry[1], entry[0]))
    ]


# ----------------------------------------------------------------------------------------------------- pictures


def choose_kept(kept: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A few kept films per label, spread over the sources."""
    return {str(label): _spread(films) for label, films in kept.groupby("label")}


def choose_excluded(manifest: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A few excluded films that have a picture, per stage and general reason."""
    seen = manifest[manifest["excluded_by"].notna() & manifest["pixel_sha256"].notna()]
    titles = seen["excluded_by"].astype(str) + ": " + seen["reason"].map(general_reason)
    return {str(title): _spread(films) for title, films in seen.groupby(titles)}


def _spread(films: pd.DataFrame) -> pd.DataFrame:
    """At most a sheet of films, taking turns between sources, in a fixed order."""
    turn = films.sort_values(list(KEY)).groupby("source").cumcount()
    return films.assign(turn=turn).sort_values(["turn", *KEY]).head(PER_SHEET)


def choose_pairs(pairs: pd.DataFrame) -> pd.DataFrame:
    """Some pairs of every kind."""
    return (
        pairs.sort_values(["kind", "a_source", "a_item_id", "b_source", "b_item_id"])
        .groupby("kind")
        .head(PAIRS_PER_KIND)
    )


def choose_tones(manifest: pd.DataFrame) -> pd.DataFrame:
    """Some kept films that have a tone curve."""
    return manifest[(manifest["status"] == "kept") & manifest["tone_curve"].notna()].head(TONES)


def _names(sheets: dict[str, dict[str, pd.DataFrame]], pairs: pd.DataFrame, tones: pd.DataFrame) -> set[Name]:
    shown = [films for group in sheets.values() for films in group.values()]
    names = {name for films in [*shown, tones] for name in _keys(films)}
    return names | set(_keys(pairs, "a_")) | set(_keys(pairs, "b_"))


def _keys(rows: pd.DataFrame, prefix: str = "") -> list[Name]:
    return list(zip(rows[f"{prefix}source"], rows[f"{prefix}item_id"], strict=True))


def _thumbnails(layout: Layout, names: Iterable[Name]) -> dict[Name, bytes]:
    return {name: thumbnail(png) for name, png in read_pictures(layout, names).items()}


def _sheets(
    groups: dict[str, pd.DataFrame], pictures: dict[Name, bytes], told: str
) -> list[tuple[str, list[dict[str, Any]]]]:
    """(title, films) with the picture, a caption and an alternative text each."""
    shown = []
    for title, films in groups.items():
        figures = [
            {
                "picture": pictures[row["source"], row["item_id"]],
                "caption": _caption(row, told),
                "alt": f"film of {row['source']}",
            }
            for row in films.to_dict("records")
            if (row["source"], row["item_id"]) in pictures
        ]
        if figures:
            shown.append((title, figures))
    return shown


def _caption(row: dict[str, Any], told: str) -> str:
    detail = row["view"] if told == "label" else row["reason"]
    return f"{row['source']}/{row['item_id']} · {detail}"


def _pairs(pairs: pd.DataFrame, pictures: dict[Name, bytes]) -> list[dict[str, Any]]:
    return [
        {
            "a": pictures[row["a_source"], row["a_item_id"]],
            "b": pictures[row["b_source"], row["b_item_id"]],
            "kind": row["kind"],
            "similarity": None if pd.isna(row["similarity"]) else row["similarity"],
            "names": f"{row['a_source']}/{row['a_item_id']} and {row['b_source']}/{row['b_item_id']}",
        }
        for row in pairs.to_dict("records")
        if (row["a_source"], row["a_item_id"]) in pictures and (row["b_source"], row["b_item_id"]) in pictures
    ]


def _tones(layout: Layout, tones: pd.DataFrame) -> list[dict[str, Any]]:
    curves = dict(zip(_keys(tones), tones["tone_curve"], strict=True))
    return [
        {
            "before": thumbnail(png),
            "after": thumbnail(png, tone_curve=curves[name]),
            "path": curve_path(curves[name]),
            "name": "/".join(name),
        }
        for name, png in sorted(read_pictures(layout, curves).items())
    ]


def curve_path(tone_curve: bytes) -> str:
    """SVG path of a 256-entry look-up table in a 256 x 256 box whose origin is at the bottom left."""
    levels = np.frombuffer(tone_curve, np.uint8)
    return "M" + " L".join(f"{grey} {255 - int(level)}" for grey, level in enumerate(levels))


# ------------------------------------------------------------------------------------------------------- models


def _model(layout: Layout, experiment: str) -> dict[str, Any]:
    """Metrics and figures of one judged experiment."""
    folder = layout.report(experiment)
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError) as error:
        raise CxnetError(
            f"{folder / 'metrics.json'} is not readable ({error}); run `cxnet-data evaluate {experiment}` again."
        ) from None
    figures = sorted((folder / "figures").glob("*.png"), key=str)
    return {
        "name": experiment,
        "about": metrics.get("about", ""),
        "metrics": _metric_rows(metrics),
        "figures": [(path.stem.replace("_", " "), path.read_bytes()) for path in figures],
    }


def _metric_rows(metrics: dict[str, Any]) -> Rows:
    rows: Rows = []
    for split, values in metrics.items():
        if not isinstance(values, dict):
            continue
        for name, value in values.items():
            if isinstance(value, int | float) and f"{name}_low" in values:
                interval = f"{values[f'{name}_low']:.3f} – {values[f'{name}_high']:.3f}"
                rows.append((name.replace("_", " "), f"{value:.3f}", interval, split, int(values.get("n", 0))))
    return rows


def _skipped(layout: Layout, params: Params) -> list[tuple[str, str]]:
    """Sources that this run did not read, and why."""
    skipped = []
    for name in params.sources:
        receipt = layout.raw / name / "fetch.json"
        found = json.loads(receipt.read_text(encoding="utf-8")) if receipt.exists() else {}
        if found.get("state") == "skipped":
            skipped.append((name, str(found.get("why", "closed"))))
    return skipped


def _sha256(layout: Layout) -> str:
    with (layout.manifest / "manifest.parquet").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def _template() -> Any:
    environment = Environment(autoescape=True, trim_blocks=True)
    environment.filters["uri"] = _data_uri
    environment.filters["cell"] = _cell
    return environment.from_string(files("pipeline").joinpath("report.html").read_text(encoding="utf-8"))


def _data_uri(picture: bytes) -> str:
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
