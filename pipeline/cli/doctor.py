"""What ``doctor`` shows: one row per source, or JSON for a nightly job."""

from collections.abc import Sequence

from pipeline.cli.console import print_table
from pipeline.cli.fetch_console import show_json
from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.fetch.doctor import BROKEN, Diagnosis, check_sources
from sources.core.errors import CxnetError
from sources.core.text import counted

COLUMNS = (
    "source",
    "state",
    "reachable",
    "known layouts, last seen",
    "fields",
    "file",
    "changes",
    "since",
    "last ok",
)


def doctor(layout: Layout, params: Params, names: Sequence[str], as_json: bool) -> None:
    """Check sources and show the result.

    Raises:
        CxnetError: a source is broken or has changed.
    """
    found = check_sources(layout, params, names)
    if as_json:
        show_json(found)
    else:
        print_table(None, COLUMNS, [_row(diagnosis) for diagnosis in found])
    ill = [diagnosis for diagnosis in found if diagnosis.needs_attention]
    if ill:
        named = ", ".join(f"{one.source} ({'broken' if one.state == BROKEN else 'changed'})" for one in ill)
        verb = "needs" if len(ill) == 1 else "need"
        raise CxnetError(f"{len(ill)} of {counted(len(found), 'source')} {verb} attention: {named}.")


def _row(diagnosis: Diagnosis) -> tuple[object, ...]:
    return (
        diagnosis.source,
        diagnosis.state,
        diagnosis.reachable,
        "; ".join(diagnosis.layouts) or None,
        ", ".join(diagnosis.fields) or None,
        diagnosis.file,
        "; ".join(diagnosis.changes) or None,
        diagnosis.since,
        diagnosis.last_ok,
    )
