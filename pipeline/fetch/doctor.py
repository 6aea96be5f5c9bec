"""A checkup of the sources: a few polite requests tell whether a source still looks as its module expects.

Per source: robots.txt, the listing or API, one page, and the beginning of one file. Offline, the origin of the profile
is checked in the same way. ``data/doctor.json`` remembers since when a source has been in its state.
"""

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.fetch.access import closed_reason
from pipeline.fetch.origin import mirror_folder, origin
from pipeline.fetch.overview import named_sources
from pipeline.fetch.probe import EnoughError, ProbeWeb, SeenPage, is_archive
from pipeline.fetch.session import policy
from sources.core.errors import CxnetError, StoppedError, UsageError, WebError
from sources.core.formats import may_be_image
from sources.core.items import Item
from sources.core.source import Source
from sources.core.storage import write_json
from sources.reading.answers import mapping
from sources.transport.client import Client

OK, CHANGED, BROKEN, CLOSED = "ok", "changed", "broken", "closed"
PAGES = 4  # requests for pages per source; an API may need two before its first answer
ITEMS = 500  # that are looked at: the first rows of a table may all be unwanted
FILES = 5  # that are tried until one answers: single files may be gone without harm
RETRIES = 1
SOURCES_AT_ONCE = 8
FACTS = ("label", "finding", "view", "modality", "patient_id", "study_id", "age", "sex", "offset_days", "licence")


@dataclass(frozen=True)
class Diagnosis:
    """The state of one source.

    Attributes:
        state: ok, changed (answers, but not as its module expects), broken or closed (terms, token).
        reachable: yes, or why not; ``layouts``: those that its pages showed, with the date they were last seen to work.
        fields: facts that its first images state; ``images``: how many were looked at.
        file: type of the first file that answers, or why none does.
        changes: what differs from the last known layout, and what to do about it; why a source is closed.
        since: the day on which the state was first seen; ``last_ok``: the last day on which all was well (None: never).
    """

    source: str
    state: str
    reachable: str
    layouts: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    images: int = 0
    file: str | None = None
    changes: tuple[str, ...] = ()
    since: str | None = None
    last_ok: str | None = None

    @property
    def needs_attention(self) -> bool:
        return self.state in (CHANGED, BROKEN)


def check_sources(layout: Layout, params: Params, names: Sequence[str] = ()) -> list[Diagnosis]:
    """Check sources (by default all of the profile) at the profile's origin, and remember the result.

    Raises:
        UsageError: a name is unknown or names a folder.
        CxnetError: the profile's offline copy does not exist.
    """
    chosen = named_sources(params, list(dict.fromkeys(names or params.sources)))
    for source in chosen:
        if source.is_local:
            raise UsageError(f"'{source.name}' is a folder of your own; the doctor checks sources on the web.")
    limits = policy(params)
    client = Client(replace(limits, retries=min(RETRIES, limits.retries)), mirror_folder(layout, params))
    place = origin(params)
    with ThreadPoolExecutor(SOURCES_AT_ONCE, thread_name_prefix="doctor") as pool:
        try:
            found = list(pool.map(lambda source: _check(source, client, params, place), chosen))
        except BaseException:
            client.stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return _remembered(layout, place, found, datetime.now(UTC).date())


def diagnose(source: Source, client: Client, place: str) -> Diagnosis:
    """Look at one source.

    Args:
        place: name of the origin that ``client`` reads.
    """
    web = ProbeWeb(source, client, place, PAGES)
    items, problem = _first_items(source, web)
    pictures = [item for item in items if not item.is_page]
    file, file_problem = _first_file(web, pictures)
    if problem is None and not pictures and web.archive_kind is None:
        reasons = [item.skip for item in items if item.skip]
        problem = reasons[0] if reasons else "no image is listed"
    changes = _changes(web.pages)
    notes = [] if client.offline or problem else [f"a fallback serves: {error}".rstrip(".") for error in web.failures]
    state = CHANGED if changes and web.pages else BROKEN if problem or file_problem else OK
    answers = bool(web.pages or web.archive_kind)
    remarks = (problem if answers else None, file_problem, *changes, *notes)
    return Diagnosis(
        source=source.name,
        state=state,
        reachable="yes" if answers else problem or "no",
        layouts=tuple(dict.fromkeys(_known(page) for page in web.pages if page.layout and not page.missing)),
        fields=tuple(fact for fact in FACTS if any(_states(item, fact) for item in pictures)),
        images=len(pictures),
        file=file,
        changes=tuple(remark for remark in remarks if remark),
    )


def _check(source: Source, client: Client, params: Params, place: str) -> Diagnosis:
    reason = closed_reason(source, params, os.environ)
    if reason is not None:
        return Diagnosis(source.name, CLOSED, "not requested", changes=(reason,))
    return diagnose(source, client, place)


def _first_items(source: Source, web: ProbeWeb) -> tuple[list[Item], str | None]:
    """The first items that a source lists, and what went wrong."""
    items: list[Item] = []
    try:
        for item in source.items(web):
            items.append(item)
            if item.skip is None:
                web.close()  # a page with a film has been seen
            if len(items) >= ITEMS or sum(item.skip is None for item in items) >= FILES:
                break
    except EnoughError:
        pass
    except StoppedError:
        raise
    except CxnetError as error:
        return items, str(error).rstrip(".")
    return items, None


def _first_file(web: ProbeWeb, items: Sequence[Item]) -> tuple[str | None, str | None]:
    """(type of the first file that answers, why none of the files that were tried does)."""
    if web.archive_kind is not None:
        return web.archive_kind, None
    problem: WebError | None = None
    for item in [item for item in items if item.skip is None][:FILES]:
        is_wanted = is_archive if item.member else may_be_image
        for url in (item.url, *item.alternates):
            try:
                return web.kind_of(url, is_wanted), None
            except WebError as error:
                problem = problem or error
    return None, None if problem is None else f"no file could be fetched: {problem}".rstrip(".")


def _changes(pages: Sequence[SeenPage]) -> list[str]:
    """Where pages have moved, and which layouts none of their pages shows whole; a single odd page is no change."""
    changes = [f"{page.url} has moved to {page.answered}: update the address" for page in pages if page.has_moved]
    whole = {page.layout.addresses for page in pages if page.layout and not page.missing}
    for page in pages:
        if page.layout is not None and page.layout.addresses not in whole:
            missing = ", ".join(f"{name} ({page.layout[name]})" for name in page.missing)
            changes.append(
                f"{page.url} no longer shows {missing} of '{_known(page)}': save it with --record and compare"
            )
            whole.add(page.layout.addresses)  # one page of each kind is enough
    return changes


def _known(page: SeenPage) -> str:
    return f"{page.layout.name}, {page.layout.seen}" if page.layout else ""


def _states(item: Item, fact: str) -> bool:
    return getattr(item, fact) not in (None, "unknown")


def _remembered(layout: Layout, place: str, found: Sequence[Diagnosis], today: date) -> list[Diagnosis]:
    """The diagnoses with the days since when; ``data/doctor.json`` keeps them for the next checkup."""
    path = layout.data / "doctor.json"
    try:
        history = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        history = {}
    history = mapping(history)
    earlier = mapping(history.get(place))
    dated = [_dated(diagnosis, earlier.get(diagnosis.source), today) for diagnosis in found]
    entries = {one.source: {"state": one.state, "since": one.since, "last_ok": one.last_ok} for one in dated}
    write_json(path, {**history, place: {**earlier, **entries}})
    return dated


def _dated(diagnosis: Diagnosis, earlier: Any, today: date) -> Diagnosis:
    before = mapping(earlier)
    is_same = before.get("state") == diagnosis.state and isinstance(before.get("since"), str)
    last_ok = str(today) if diagnosis.state == OK else before.get("last_ok")
    return replace(diagnosis, since=before["since"] if is_same else str(today), last_ok=last_ok)
