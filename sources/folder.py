"""The user's own films: any local folder or bucket URL with images is a source, with or without a table of facts.

The profile's ``folders:`` says where they are. A table is a CSV file inside the folder; ``columns`` maps our column
names to the table's, ``labels`` maps its words to our labels. A file without a row becomes a row without a label; a row
without its file becomes a row with that reason. Nothing outside the folder is read, neither through ``..`` in the table
nor through a link.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Protocol

from sources.core.addresses import web_address
from sources.core.errors import MissingColumnError, UsageError, unknown
from sources.core.items import LABELS, Item
from sources.core.limits import FOLDER_TABLE_BYTES
from sources.core.source import Source, Terms, source_names
from sources.core.web import Web
from sources.reading.ages import is_child, parse_age
from sources.reading.files import Entry, Files, is_outside
from sources.reading.tables import Row, distinct, number, read_rows
from sources.reading.views import parse_view
from sources.reading.words import parse_sex

log = logging.getLogger(__name__)

COLUMNS = (
    *("item_id", "label", "finding", "view", "modality", "patient_id", "study_id", "age", "sex"),
    *("offset_days", "rt_pcr", "page_url", "licence", "attribution"),
)
UNMAPPED_NAMED = 5  # words without a label that a warning names


class FolderSpec(Protocol):
    """A folder as the profile describes it (``pipeline.core.params.FolderParams``)."""

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
    taken = set(source_names())
    for spec in folders:
        if spec.name in taken:
            raise UsageError(f"The folder name '{spec.name}' is taken by another source; choose another in `folders`.")
        taken.add(spec.name)
    return [Folder(spec) for spec in folders]


class Folder(Source):
    """Films in one folder or bucket, as the profile describes it."""

    hosts = ()
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
        _warn_of_unmapped_labels(self._spec, rows)
        yield from parse(self._spec, rows, files.images(), files)

    def read(self, item: Item) -> Iterator[bytes]:
        """The bytes of an item's file, in chunks.

        Raises:
            CxnetError: it is missing, or outside the folder.
        """
        return Files(self._spec.path).chunks(item.url)

    def size(self, item: Item) -> int:
        """The size of an item's file in bytes.

        Raises:
            CxnetError: it is missing.
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
    content = files.read(spec.table, FOLDER_TABLE_BYTES)
    try:
        rows = read_rows(content, list(spec.columns.values()), f"{spec.path}/{spec.table}")
    except MissingColumnError as error:
        raise UsageError(f"{error} Correct `columns` of the folder '{spec.name}' in the profile.") from error
    return [{ours: row[theirs] for ours, theirs in spec.columns.items()} for row in rows]


def parse(spec: FolderSpec, rows: Sequence[Row], entries: Sequence[Entry], files: Files) -> Iterator[Item]:
    """Yield one item per row (with our column names), then one per image without a row."""
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
    """Finds the file that a row means: by its path below the folder, or by a name or stem that only one file has."""

    def __init__(self, places: Sequence[str]) -> None:
        self._places = set(places)
        self._by_short_name: dict[str, set[str]] = {}
        for place in places:
            path = PurePosixPath(place)
            for short in (str(path.with_suffix("")), path.name, path.stem):
                self._by_short_name.setdefault(short, set()).add(place)

    def of(self, written: str) -> str:
        """The path of the file that ``written`` means, or ``written`` itself."""
        if written in self._places:
            return written
        candidates = self._by_short_name.get(written, set())
        return next(iter(candidates)) if len(candidates) == 1 else written or "unnamed"


def _item(spec: FolderSpec, item_id: str, row: Row, url: str, problem: str | None) -> Item:
    cells = {name: row.get(name, "") for name in COLUMNS}
    age = parse_age(cells["age"])
    rt_pcr = cells["rt_pcr"].lower()
    return Item(
        item_id=item_id,
        url=url,
        page_url=web_address(cells["page_url"]),
        label=_label(spec, cells["label"]),
        finding=cells["finding"] or cells["label"] or None,
        view=parse_view(cells["view"]),
        modality=cells["modality"] or None,
        patient_id=cells["patient_id"] or None,
        study_id=cells["study_id"] or None,
        age=age,
        sex=parse_sex(cells["sex"]),
        pediatric=is_child(age),
        offset_days=number(cells["offset_days"]),
        rt_pcr=rt_pcr if rt_pcr in ("positive", "negative") else None,
        licence=cells["licence"] or spec.licence,
        attribution=cells["attribution"] or None,
        redistributable=spec.redistributable,
        skip=problem,
    )


def _warn_of_unmapped_labels(spec: FolderSpec, rows: Sequence[Row]) -> None:
    """Log labels that the profile does not map, with their rows: intended, or an error in the profile."""
    unmapped = Counter(word for row in rows if (word := row.get("label", "")) and _label(spec, word) is None)
    if unmapped:
        named = ", ".join(f"'{word[:60]}' ({count:,})" for word, count in sorted(unmapped.items())[:UNMAPPED_NAMED])
        more = ", ..." if len(unmapped) > UNMAPPED_NAMED else ""
        log.warning("%s: no label for %s%s; `labels` of the folder in the profile maps words.", spec.name, named, more)


def _label(spec: FolderSpec, word: str) -> str | None:
    """The label of a table's word: as the profile maps it, else the word itself if it is one of our labels."""
    return spec.labels.get(word, word if word in LABELS else None)


def _why_absent(written: str) -> str:
    if not written:
        return "the table names no file"
    return "the table's path leaves the folder" if is_outside(written) else "the table names a file that does not exist"


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
        raise UsageError(f"The table of the folder '{spec.name}' must be inside it: '{spec.table}' is not.")
