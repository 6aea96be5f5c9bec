"""What a source lists: its own listing, and pages that the user named, now or in an earlier fetch."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from sources.core.errors import CxnetError, StoppedError, UsageError
from sources.core.items import Item, once, unreadable_page
from sources.core.source import Source
from sources.core.text import counted
from sources.core.web import Web

log = logging.getLogger(__name__)

PAGES_NAMED = 3  # in a message


def list_items(
    source: Source,
    web: Web,
    urls: Sequence[str] = (),
    earlier: Sequence[str] = (),
    lost: Callable[[str], None] = lambda url: None,
) -> Iterator[Item]:
    """The images on the pages ``urls``; without ``urls``, all that the source lists and its pages ``earlier`` show.

    An image that is listed twice comes once.

    Args:
        lost: called with every one of the pages that shows no image.

    Raises:
        UsageError: pages are given, and the source has none.
    """

    def warn(item: Item) -> None:
        log.warning("%s lists '%s' twice; the first one counts", source.name, item.item_id)

    if urls:
        yield from once((item for url in urls for item in _page(source, web, url, lost)), repeated=warn)
        return
    seen: set[str] = set()
    yield from once(source.items(web), seen, warn)
    yield from once((item for url in earlier for item in _page(source, web, url, lost, is_earlier=True)), seen)


def limited(items: Iterator[Item], limit: int | None) -> list[Item]:
    """All listed items; wanted ones beyond ``limit`` are skipped with that reason."""
    result, wanted = [], 0
    for item in items:
        wanted += item.skip is None
        is_beyond = limit is not None and wanted > limit and item.skip is None
        reason = f"beyond the limit of {counted(limit or 0, 'image')}"
        result.append(replace(item, skip=reason) if is_beyond else item)
    return result


def pages_left(source: Source, pages: Sequence[str], forgotten: Sequence[str]) -> tuple[str, ...]:
    """``pages`` without the forgotten ones.

    Raises:
        UsageError: one to forget is not among them.
    """
    for url in forgotten:
        if url not in pages:
            known = f"they are: {', '.join(pages)}" if pages else "there are none"
            raise UsageError(f"'{url}' is not one of the pages that were given to '{source.name}' by --url; {known}.")
    return tuple(url for url in pages if url not in forgotten)


def lost_pages_warning(source: Source, pages: Sequence[str]) -> str | None:
    """What to do about pages that show no image, although the user named them."""
    if not pages:
        return None
    named = ", ".join(pages[:PAGES_NAMED]) + (", ..." if len(pages) > PAGES_NAMED else "")
    return (
        f"{counted(len(pages), 'page')} given by --url "
        f"{'shows' if len(pages) == 1 else 'show'} no image ({named}), and later fetches will try again; "
        f"`cxnet-data fetch {source.name} --forget {pages[0]}` drops a page."
    )


def _page(source: Source, web: Web, url: str, lost: Callable[[str], None], is_earlier: bool = False) -> Iterator[Item]:
    """The images of one page; one that an earlier fetch was given, perhaps a saved file, may be missing by now."""
    shows_any = False
    try:
        for item in source.page_items(web, url):
            shows_any |= not item.is_page
            yield item
    except StoppedError:
        raise
    except CxnetError as error:
        if not is_earlier:
            raise
        yield unreadable_page(url, f"page not read: {error}")
    if not shows_any:
        lost(url)
