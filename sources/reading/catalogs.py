"""The catalog of real case addresses that ships with the project: one table per source, facts only.

Columns: ``page_url``, and ``patients`` where a page is known to show more than one patient (blank = one, or unknown).
"""

import csv
import io
from functools import cache
from importlib.resources import files


@cache
def catalog(source: str) -> dict[str, int]:
    """Case address -> number of patients known to be on that page (1 if nothing else is known).

    Raises:
        FileNotFoundError: there is no catalog for ``source``.
    """
    text = (files("sources") / "data" / "catalog" / f"{source}.csv").read_text(encoding="utf-8")
    return {row["page_url"]: int(row.get("patients") or 1) for row in csv.DictReader(io.StringIO(text))}


def patients_of(source: str, page_url: str) -> int:
    """How many patients the page is known to show; 1 if nothing is known."""
    return catalog(source).get(page_url, 1)
