"""The user's own films: any local folder or bucket URL of images is a source, with or without a table beside them.

The profile's ``folders:`` says where they are. A table is a CSV inside the folder; ``columns`` maps our names to its
columns, ``labels`` its words to our labels. A file without a row is a row without label; a row without its file is a
row with that reason. Nothing outside the folder is read: not by ``..`` in the table, not through a link.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Protocol

from sources.core.addresses import web_address
from sources.core.errors import MissingColumnError, UsageError, unknown
from sources.core.items import LABELS, Item
from sources.core.source import Source, Terms, registry
from sources.core.web import Web
from sources.reading.files import Entry, Files, is_outside
from sources.reading.tables import Row, distinct, number, read_rows
from sources.reading.words import is_child, parse_age, parse_sex, parse_view

log = logging.getLogger(__name__)

COLUMNS = (
    *("item_id", "label", "finding", "view", "modality", "patient_id", "study_id", "age", "sex"),
    *("offset_days", "rt_pcr", "page_url", "licence", "attribution"),
)
TABLE_LIMIT = 256 << 20  # bytes
WORDS_NAMED = 5  # of those that no label is mapped to


class FolderSpec(Protocol):
    """What the profile says of one folder (``pipeline.core.params.FolderParams``)."""

    @property
    def name(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def table(self) -> str | None: ...
    @property
    def columns(self) -> Mapping[str, str]: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def licence(self) -> str | None: ...
    @property
    def redistributable(self) -> bool: ...


def folder_sources(folders: Sequence[FolderSpec]) -> list["Folder"]:
    """One source per folder of the profile, in its order.

    Raises:
        UsageError: a name is taken, ``columns`` has a name that is not ours, or a table comes without ``item_id``.
    """
    taken = set(registry())
    for spec in folders:
        if spec.name in taken:
            raise UsageError(f"The folder name '{spec.name}' is taken by another source; choose another in `folders`.")
        taken.add(spec.name)
    return [Folder(spec) for spec in folders]


class Folder(Source):
    """Films in one folder or bucket, as the profile describes it."""

    hosts: tuple[str, ...] = ()
    optional = True

    def __init__(self, spec: FolderSpec) -> None:
        _check(spec)
        self._spec = spec
        self.name = spec.name
        self.title = f"Own films ({spec.name})"
        self.homepage = spec.path
        self.labels = tuple(label for label in LABELS if not spec.labels or label in spec.labels.values())
        self.terms = Terms(licence=spec.licence or "not stated", redistributable=spec.redistributable)

    def items(self, web: Web) -> Iterator[Item]:
        """Every row of the table in its order, then every other image in the order of their paths.

        Raises:
            CxnetError: the folder or its table cannot be read.
            UsageError: the table lacks a column that the profile names.
        """
        files = Files(self._spec.path)
        rows = read_table(self._spec, files)
        _say_unmapped(self._spec, rows)
        yield from parse(self._spec, rows, files.images(), files)

    def read(self, item: Item) -> Iterator[bytes]:
        """The bytes of an item's file, in chunks.

        Raises:
            CxnetError: it is gone, or lies outside the folder.
        """
        return Files(self._spec.path).chunks(item.url)

    def size(self, item: Item) -> int:
        """Bytes of an item's file.

        Raises:
            CxnetError: it is gone.
        """
        return Files(self._spec.path).size(item.url)


def read_table(spec: FolderSpec, files: Files) -> list[Row]:
    """The rows of a folder's table under *our* column names; none without a table.

    Raises:
        CxnetError: it cannot be read.
        UsageError: it lacks a column that the profile names.
    """
    if spec.table is None:
        return []
    try:
        rows = read_rows(files.read(spec.table, TABLE_LIMIT), list(spec.columns.values()), f"{spec.path}/{spec.table}")
    except MissingColumnError as error:
        raise UsageError(f"{error} Correct `columns` of the folder '{spec.name}' in the profile.") from error
    return [{ours: row[theirs] for ours, theirs in spec.columns.items()} for row in rows]


def parse(spec: FolderSpec, rows: Sequence[Row], entries: Sequence[Entry], files: Files) -> Iterator[Item]:
    """Yield one item per row (of our column names), then one per image that no row names."""
    problems = {entry.place: entry.problem for entry in entries}
    places = _Places([entry.place for entry in entries])
    used = set()
    for item_id, row in distinct(rows, key=lambda row: places.of(row["item_id"]), tie=lambda _: "row"):
        place = places.of(row["item_id"])
        used.add(place)
        problem = problems[place] if place in problems else _why_absent(row["item_id"])
        yield _item(spec, item_id, row, files.url(place), problem)
    for place, problem in problems.items():
        if place not in used:
            yield _item(spec, place, {}, files.url(place), problem)


class _Places:
    """Find the file that a row means: its path below the folder, or its name or stem where only one file has it."""

    def __init__(self, places: Sequence[str]) -> None:
        self._places = set(places)
        self._short: dict[str, set[str]] = {}
        for place in places:
            path = PurePosixPath(place)
            for short in (str(path.with_suffix("")), path.name, path.stem):
                self._short.setdefault(short, set()).add(place)

    def of(self, written: str) -> str:
        """The path of the file that ``written`` means, or ``written`` itself."""
        if written in self._places:
            return written
        candidates = self._short.get(written, set())
        return next(iter(candidates)) if len(candidates) == 1 else written or "unnamed"


def _item(spec: FolderSpec, item_id: str, row: Row, url: str, problem: str | None) -> Item:
    told = {name: row.get(name, "") for name in COLUMNS}
    age = parse_age(told["age"])
    return Item(
        item_id=item_id,
        url=url,
        page_url=web_address(told["page_url"]),
        label=_label(spec, told["label"]),
        finding=told["finding"] or told["label"] or None,
        view=parse_view(told["view"]),
        modality=told["modality"] or None,
        patient_id=told["patient_id"] or None,
        study_id=told["study_id"] or None,
        age=age,
        sex=parse_sex(told["sex"]),
        pediatric=is_child(age),
        offset_days=number(told["offset_days"]),
        rt_pcr=told["rt_pcr"].lower() if told["rt_pcr"].lower() in ("positive", "negative") else None,
        licence=told["licence"] or spec.licence,
        attribution=told["attribution"] or None,
        redistributable=spec.redistributable,
        skip=problem,
    )


def _say_unmapped(spec: FolderSpec, rows: Sequence[Row]) -> None:
    """A label that nobody mapped may be meant so, or be a slip in the profile: say how many rows it costs."""
    unmapped = Counter(word for row in rows if (word := row.get("label", "")) and _label(spec, word) is None)
    if unmapped:
        named = ", ".join(f"'{word[:60]}' ({count:,})" for word, count in sorted(unmapped.items())[:WORDS_NAMED])
        more = ", ..." if len(unmapped) > WORDS_NAMED else ""
        log.warning("%s: no label for %s%s; `labels` of the folder in the profile maps words.", spec.name, named, more)


def _label(spec: FolderSpec, word: str) -> str | None:
    """The label of a table's word: as the profile maps it, else the word itself where it is one of our labels."""
    return spec.labels.get(word, word if word in LABELS else None)


def _why_absent(written: str) -> str:
    if not written:
        return "the table names no file"
    return "the table's path leaves the folder" if is_outside(written) else "the table names a file that is not there"


def _check(spec: FolderSpec) -> None:
    """Refuse a description that cannot work, before anything is read."""
    for name in spec.columns:
        if name not in COLUMNS:
            raise unknown(f"column of the folder '{spec.name}' in the profile:", name, COLUMNS)
    if spec.table is not None and "item_id" not in spec.columns:
        raise UsageError(
            f"The folder '{spec.name}' has a table, but `columns` does not say which of its columns names the file; "
            "add `item_id: <column>` in the profile."
        )
    if spec.table is not None and is_outside(spec.table):
        raise UsageError(f"The table of the folder '{spec.name}' must lie inside it: '{spec.table}' does not.")
