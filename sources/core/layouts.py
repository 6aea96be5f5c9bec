"""What is known of the form of a site's pages, an API's answers and published tables, and when it was last seen.

Each source lists its layouts at the top of its module and reads pages by them; ``cxnet-data doctor`` compares what a
site shows today with them. A site that changes gets a new layout beside the old one, because offline copies keep
showing the old.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

HTML, JSON, TABLE, ARCHIVE = "html", "json", "table", "archive"


@dataclass(frozen=True)
class Layout:
    """One form of a page, an answer or a table.

    Attributes:
        name: in a few words.
        seen: when it was last seen to work, as year and month (``2026-11``) or as year.
        addresses: a regular expression that matches in the addresses that show it.
        fields: what every such page has: name -> CSS selector, path in a JSON answer (``study.series[].frames[].id``),
            or column of a table (``Patient Sex|Patient Gender`` where it has several names).
        facts: the same for what only some pages have.
        kind: :data:`HTML`, :data:`JSON`, :data:`TABLE` or :data:`ARCHIVE`.
    """

    name: str
    seen: str
    addresses: str
    fields: Mapping[str, str]
    facts: Mapping[str, str] = field(default_factory=dict)
    kind: str = HTML

    def __getitem__(self, name: str) -> str:
        """The selector, path or column of a field or fact."""
        return self.fields[name] if name in self.fields else self.facts[name]


def table_layout(name: str, seen: str, address: str, columns: Sequence[str]) -> Layout:
    """The layout of the one table at ``address``, whose readers need ``columns``."""
    return Layout(name, seen, f"^{re.escape(address)}$", {column: column for column in columns}, kind=TABLE)
