"""What `cxnet-data sources` lists: every source, how it is reached, and what has been fetched."""

import json

from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.fetch.access import access
from sources.core.source import Source, registry
from sources.folder import folder_sources

SOURCE_COLUMNS = ("source", "title", "labels", "licence", "access", "state")


def all_sources(params: Params) -> dict[str, Source]:
    """The sources by name: the thirteen, the optional ones, and the profile's own folders, with the profile's options.

    Raises:
        UsageError: an option of a source is unknown or not valid.
    """
    options = params.fetch.options
    known = {name: source.configured(options.get(name, {})) for name, source in registry().items()}
    return known | {source.name: source for source in folder_sources(params.folders)}


def source_rows(layout: Layout, params: Params) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Column names and one row per source: title, labels, license, how it is reached, and its state in this project."""
    rows: list[tuple[str, ...]] = [
        (
            source.name,
            f"{source.title} (optional)" if source.optional else source.title,
            ", ".join(source.labels),
            source.terms.licence,
            access(source, params),
            state(layout, source.name, params),
        )
        for source in all_sources(params).values()
    ]
    return SOURCE_COLUMNS, rows


def state(layout: Layout, name: str, params: Params) -> str:
    """What has been fetched of a source so far."""
    path = layout.raw / name / "fetch.json"
    if not path.exists():
        return "not fetched" if name in params.sources else "not in the profile"
    try:
        receipt = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return "fetch.json is damaged; fetch again"
    if receipt.get("state") == "skipped":
        return f"skipped: {receipt.get('why', 'closed')}"
    return f"{receipt.get('fetched', 0) + receipt.get('cached', 0):,} of {receipt.get('listed', 0):,} fetched"
