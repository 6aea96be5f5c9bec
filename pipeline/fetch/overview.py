"""What `cxnet-data sources` lists: every source, how it is reached, and what has been fetched."""

from collections.abc import Sequence

from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.receipts import fetch_receipt, origin_of
from pipeline.fetch.access import access
from sources.core.errors import CxnetError, unknown
from sources.core.source import Source, get_source, source_names

SOURCE_COLUMNS = ("source", "title", "labels", "licence", "access", "state")


def known_names(params: Params) -> list[str]:
    """The names of all sources: the thirteen, the optional ones, and the profile's own folders."""
    return [*source_names(), *(folder.name for folder in params.folders)]


def named_sources(params: Params, names: Sequence[str]) -> list[Source]:
    """The sources of these names, with the profile's options; the module of no other source is imported.

    Raises:
        UsageError: a name is unknown, an option of a source is unknown or not valid, or a folder of the profile.
    """
    folders = _folders(params)
    known = known_names(params)
    for name in names:
        if name not in known:
            raise unknown("source", name, known)
    options = params.fetch.options
    return [folders[name] if name in folders else get_source(name).configured(options.get(name, {})) for name in names]


def _folders(params: Params) -> dict[str, Source]:
    if not params.folders:
        return {}
    from sources.folder import folder_sources  # slow to import, as it reads any table

    return {source.name: source for source in folder_sources(params.folders)}


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
        for source in named_sources(params, known_names(params))
    ]
    return SOURCE_COLUMNS, rows


def state(layout: Layout, name: str, params: Params) -> str:
    """What has been fetched of a source so far."""
    try:
        receipt = fetch_receipt(layout.raw, name)
    except CxnetError:
        return "fetch.json is damaged; fetch again"
    if not receipt:
        return "not fetched" if name in params.sources else "not in the profile"
    if receipt.get("state") == "skipped":
        return f"skipped: {receipt.get('why', 'closed')}"
    fetched = f"{receipt.get('fetched', 0):,} of {receipt.get('listed', 0):,} fetched"
    origin = origin_of(receipt)
    return fetched if origin is None else f"{fetched} from {origin}"
