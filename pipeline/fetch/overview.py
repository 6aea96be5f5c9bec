"""What `cxnet-data sources` lists: every source, how it is reached, and what was fetched of it."""

import json

from pipeline.core.layout import Layout
from pipeline.core.params import Params
from sources.core.source import Source, registry
from sources.folder import folder_sources

SOURCE_COLUMNS = ("source", "title", "labels", "licence", "access", "state")


def all_sources(params: Params) -> dict[str, Source]:
    """The sources by name: the thirteen, the optional ones, and the profile's own folders."""
    return dict(registry()) | {source.name: source for source in folder_sources(params.folders)}


def source_rows(layout: Layout, params: Params) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Column names and one row per source: title, labels, licence, how it is reached, and its state in this project."""
    rows: list[tuple[str, ...]] = []
    for source in all_sources(params).values():
        title = f"{source.title} (optional)" if source.optional else source.title
        licence = source.terms.licence
        rows.append(
            (
                source.name,
                title,
                ", ".join(source.labels),
                licence,
                access(source, params),
                state(layout, source.name, params),
            )
        )
    return SOURCE_COLUMNS, rows


def access(source: Source, params: Params) -> str:
    """How the source is reached under this profile, in a few words."""
    if params.mirror is not None:
        return "offline copy"
    if source.terms.needs_acceptance and source.name not in params.fetch.accept_terms:
        return f"closed: needs permission, then --accept-terms {source.name}"
    if source.terms.token:
        return f"API, needs {' and '.join(filter(None, (source.terms.token, source.terms.account)))}"
    return "open"


def state(layout: Layout, name: str, params: Params) -> str:
    """What has been fetched of it so far."""
    receipt = layout.raw / name / "fetch.json"
    if not receipt.exists():
        return "not fetched" if name in params.sources else "not in the profile"
    try:
        found = json.loads(receipt.read_text(encoding="utf-8"))
    except ValueError:
        return "fetch.json is damaged; fetch again"
    if found.get("state") == "skipped":
        return f"skipped: {found.get('why', 'closed')}"
    return f"{found.get('fetched', 0) + found.get('cached', 0):,} of {found.get('listed', 0):,} fetched"
