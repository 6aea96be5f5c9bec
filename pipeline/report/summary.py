"""What a manifest holds, as plain tables: rows by source, label, view and status, and the top reasons for exclusion."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
from upath import UPath

from pipeline.core.layout import Layout
from pipeline.core.receipts import fetch_receipt, origin_of
from pipeline.core.schema import UNLABELED
from sources.core.items import LABELS, VIEWS
from sources.core.storage import read_arrow
from sources.core.text import counted

COLUMNS = ["source", "label", "view", "status", "excluded_by", "reason"]
TOP = 12  # reasons listed


@dataclass(frozen=True)
class Table:
    """A table to print.

    Attributes:
        columns: names of the columns.
        rows: one cell per column; numbers are not formatted yet.
        title: what the table shows; None if that is clear from its place.
        faded: places of the rows whose numbers say little.
    """

    columns: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]
    title: str | None = None
    faded: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Kind:
    """What rows of a manifest are counted by; the fields are ``COLUMNS``, with the reason in general terms."""

    source: str
    label: str
    view: str | None
    status: str
    excluded_by: str | None
    reason: str


Counts = Counter[Kind]


def manifest_tables(layout: Layout, manifest: str | None = None) -> list[Table]:
    """The tables that ``cxnet-data show`` prints.

    Args:
        layout: where this project's manifest is.
        manifest: another ``manifest.parquet``, or the folder that holds it; None = this project's.

    Raises:
        CxnetError: the file is absent, not Parquet, or not a manifest, or the receipt of a source is damaged.
    """
    path = manifest_path(layout, manifest)
    kinds = count_kinds(read_arrow(path, COLUMNS))
    return kind_tables(kinds, origins(path, kinds))


def manifest_path(layout: Layout, manifest: str | None = None) -> UPath:
    """The manifest that is meant: a file, the one in a folder, or this project's."""
    folder = UPath(manifest) if manifest else layout.manifest
    return folder if folder.suffix == ".parquet" else folder / "manifest.parquet"


def kind_tables(kinds: Counts, fetched_from: Sequence[str] = ()) -> list[Table]:
    """Rows by label, by source and label, and the most frequent reasons."""
    return [label_table(kinds, fetched_from), stratum_table(kinds), reason_table(kinds)]


def count_kinds(rows: pa.Table) -> Counts:
    """How many rows of each kind a manifest has."""
    values = rows.select(COLUMNS).to_pydict().values()
    return Counter(
        Kind(source, label or UNLABELED, view, status, excluded_by, general_reason(reason or ""))
        for source, label, view, status, excluded_by, reason in zip(*values, strict=True)
    )


def origins(path: UPath, kinds: Counts) -> list[str]:
    """What the sources of a manifest were fetched from, by the receipts beside it."""
    receipts = [fetch_receipt(path.parent.parent / "raw", source) for source in {kind.source for kind in kinds}]
    return sorted({origin for origin in map(origin_of, receipts) if origin is not None})


def label_table(kinds: Counts, fetched_from: Sequence[str]) -> Table:
    """Kept and excluded rows of each label, and of all."""
    labels = {kind.label for kind in kinds}
    rows = [(label, *_by_status(kinds, label=label)) for label in (*LABELS, UNLABELED) if label in labels]
    title = f"{counted(kinds.total(), 'row')} from {counted(len({kind.source for kind in kinds}), 'source')}"
    if fetched_from:
        title += f", fetched from {' and '.join(fetched_from)}"
    return Table(("label", "kept", "excluded", "rows"), [*rows, ("all", *_by_status(kinds))], title)


def stratum_table(kinds: Counts) -> Table:
    """Each label of each source: its kept films by view, then all kept and excluded rows."""
    shown = {kind.view or "unknown" for kind in kinds if kind.status == "kept"}
    views = [view for view in VIEWS if view in shown]
    by_view: Counter[tuple[str, str, str]] = Counter()
    for kind, count in kinds.items():
        by_view[kind.source, kind.label, kind.view or "unknown"] += count * (kind.status == "kept")
    rows = [
        (source, label, *(by_view[source, label, view] for view in views), *_by_status(kinds, source, label))
        for source, label in sorted({(kind.source, kind.label) for kind in kinds})
    ]
    return Table(("source", "label", *views, "kept", "excluded", "rows"), rows, "Kept films by view")


def reason_table(kinds: Counts, top: int = TOP) -> Table:
    """The most frequent kinds of reasons for exclusion, and the stages that gave them."""
    counts: Counter[tuple[str, str]] = Counter()
    for kind, count in kinds.items():
        if kind.status == "excluded" and kind.excluded_by is not None:
            counts[kind.excluded_by, kind.reason] += count
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:top]
    rows = [(*names, number) for names, number in ordered]
    return Table(("stage", "reason", "rows"), rows, f"Top {len(rows)} reasons for exclusion")


def general_reason(reason: str) -> str:
    """A reason without the details of one film: its copy, what follows ``: `` or `` (``, its address."""
    if reason.startswith("duplicate of "):
        return "duplicate of a better film"
    return reason.removeprefix("parse: ").split(": ")[0].split(" (")[0].split(" at http")[0]


def _by_status(kinds: Counts, source: str | None = None, label: str | None = None) -> tuple[int, int, int]:
    """Kept rows, the other rows and all rows, of one source and one label or of all."""
    chosen = {
        kind: count for kind, count in kinds.items() if source in (None, kind.source) and label in (None, kind.label)
    }
    kept = sum(count for kind, count in chosen.items() if kind.status == "kept")
    total = sum(chosen.values())
    return kept, total - kept, total
