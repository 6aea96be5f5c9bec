"""Collects the rows of a fetch as they come: the table in a few bytes per row, and what its receipt says."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

import pandas as pd
import pyarrow as pa

from sources.core.errors import CxnetError
from sources.core.text import counted
from sources.download.rows import Row

CHUNK_ROWS = 10_000
UNPARSED = re.compile(r"parse: no image found at .* \(selector (?P<selector>.*)\)$", re.DOTALL)  # see items.unparsed
UNANSWERED = ("is given up for this run", "its robots.txt cannot be read")  # see transport.health and transport.robots
UNPARSED_SHARE = 0.2  # share of a source's pages that may show no image without a warning


class Tally:
    """Counts rows: how many there are of each status, why, and their bytes."""

    def __init__(self) -> None:
        self._rows = 0
        self._status: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._sizes: dict[str, int] = {}
        self._pages: set[str | None] = set()
        self._unparsed: Counter[str] = Counter()
        self._unanswered: Counter[str] = Counter()

    def add(self, row: Row) -> None:
        """Count one row."""
        self._rows += 1
        self._status["cached" if row["cached"] else row["fetch_status"]] += 1
        self._pages.add(row["page_url"])
        if row["file_sha256"]:
            self._sizes[row["file_sha256"]] = row["file_size"]
        if reason := row["fetch_reason"]:
            self._reasons[f"{row['fetch_status']}: {reason}"] += 1
            if any(words in reason for words in UNANSWERED):
                self._unanswered[reason] += 1
            if match := UNPARSED.match(reason):
                self._unparsed[match["selector"]] += 1

    @property
    def counts(self) -> dict[str, int]:
        """How many rows are listed, fetched, cached, skipped and failed, and the bytes of their files (each once)."""
        names = ("fetched", "cached", "skipped", "failed")
        by_status = {name: self._status[name] for name in names}
        return {"listed": self._rows, **by_status, "bytes": sum(self._sizes.values())}

    @property
    def reasons(self) -> dict[str, int]:
        """How many rows were skipped or failed for each reason, the most frequent first."""
        return dict(sorted(self._reasons.items(), key=lambda entry: (-entry[1], entry[0])))

    def unparsed_warning(self, name: str) -> str | None:
        """A warning if too many pages of the source ``name`` show no image: then the site has probably changed."""
        failed, pages = self._unparsed.total(), len(self._pages)
        if failed <= UNPARSED_SHARE * pages:
            return None
        selector, count = self._unparsed.most_common(1)[0]
        return (
            f"{failed} of {counted(pages, 'page')} of '{name}' {'shows' if failed == 1 else 'show'} no image where one "
            f"is expected, {count} of them for the selector {selector}: the site has probably changed; save such a "
            "page with --record and fix the source."
        )

    def unanswered_warning(self, name: str) -> str | None:
        """A warning if a host of the source ``name`` did not answer: a later fetch may have more success."""
        if not self._unanswered:
            return None
        ((reason, _),) = self._unanswered.most_common(1)
        return f"{counted(self._unanswered.total(), 'image')} of '{name}' failed: {reason}."


def collect(rows: Iterable[Row], schema: pa.Schema) -> tuple[pd.DataFrame, Tally]:
    """The rows as a table with the columns of ``schema``, and their tally.

    Raises:
        CxnetError: a value does not fit its column.
    """
    tally, chunks = Tally(), []
    remaining = iter(rows)
    while chunk := list(islice(_counted(remaining, tally), CHUNK_ROWS)):
        try:
            chunks.append(pa.Table.from_pylist(chunk, schema=schema))
        except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError) as error:
            raise CxnetError(f"A row holds a value that cannot be stored: {error}.") from error
    table = pa.concat_tables(chunks).combine_chunks() if chunks else schema.empty_table()
    return table.to_pandas(types_mapper=pd.ArrowDtype), tally


def _counted(rows: Iterator[Row], tally: Tally) -> Iterator[Row]:
    for row in rows:
        tally.add(row)
        yield row
