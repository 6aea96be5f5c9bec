"""The user's own films: any local folder or bucket URL with images is a source, with or without a table of facts.

The profile's ``folders:`` says where they are. ``columns`` maps our column names to the table's, ``labels`` maps its
words, or those of paths, to our labels. A file without a row becomes a row without a label, unless its path names one;
a row without its file becomes a row with that reason; several rows of one film are one film with its boxes. Nothing
outside the folder is read, neither through ``..`` in the table nor through a link, and no table says where the folder
is. ``sources/own/`` does the work.
"""

import logging
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from sources.core.errors import MissingColumnError, UsageError, unknown
from sources.core.items import LABELS, Item
from sources.core.limits import TABLE_BYTES
from sources.core.source import Source, Terms, source_names
from sources.core.web import Web
from sources.own.boxes import BOX_COLUMNS, KNOWN_NAMES
from sources.own.files import Files
from sources.own.films import COLUMNS, FilmTable, films_of
from sources.own.findings import names_of, with_labels
from sources.own.messages import about_rows, about_table, passed_over
from sources.own.names import is_outside
from sources.own.patients import patient_warning, similar_patients_warning
from sources.own.places import match_files
from sources.own.table import Table, read_table

log = logging.getLogger(__name__)


class FolderSpec(Protocol):
    """A folder as the profile describes it (``pipeline.core.own_folder.FolderParams``)."""

    @property
    def name(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def table(self) -> str | None: ...
    @property
    def columns(self) -> Mapping[str, str]: ...
    @property
    def label_columns(self) -> Sequence[str]: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def patient_from_path(self) -> str | None: ...
    @property
    def label_from_path(self) -> str | None: ...
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
    is_local = True

    def __init__(self, spec: FolderSpec) -> None:
        _check(spec)
        self._spec = spec
        self.name = spec.name
        self.title = f"Own films ({spec.name})"
        self.homepage = spec.path
        self.labels = tuple(label for label in LABELS if not spec.labels or label in spec.labels.values())
        self.terms = Terms(licence=spec.licence or "not stated", redistributable=spec.redistributable)

    def items(self, web: Web) -> Iterator[Item]:
        """Every film of the table in its order, then every other image in the order of their paths.

        Raises:
            CxnetError: the folder or its table cannot be read.
            UsageError: the table lacks a column that the profile names.
        """
        spec, files = self._spec, Files(self._spec.path, self.name)
        table = self._table(files)
        listing = files.list(but=spec.table)
        written = table.column("item_id")
        matches = match_files(
            written,
            [entry.place for entry in listing.entries],
            folder=files.folder,
            below=posixpath.dirname(spec.table or ""),
            exists=files.has,
        )
        sums = {row for row in table.sums if matches[written[row]].place is None}
        films, facts = films_of(written, matches, listing.entries, sums), FilmTable(table, spec)
        patients, studies = facts.ids(films)
        for film, patient, study in zip(films, patients, studies, strict=True):
            yield facts.item(film, files.url(film.entry.file), patient, study)
        self._warn(*passed_over(listing.passed_over), *about_rows(table.notes, len(sums)), *about_table(facts.remarks))
        readable = [place for place, film in enumerate(films) if film.entry.problem is None]
        known = [patients[place] for place in readable]
        warnings = patient_warning(known, [films[place].item_id for place in readable]), similar_patients_warning(known)
        self._warn(*filter(None, warnings))

    def read(self, item: Item) -> Iterator[bytes]:
        """The bytes of an item's file (of its archive, if it is a member of one), in chunks.

        Raises:
            CxnetError: it is missing, outside the folder, or changes while it is read.
        """
        return Files(self._spec.path, self.name).chunks(item.url)

    def size(self, item: Item) -> int:
        """The size of an item's file in bytes.

        Raises:
            CxnetError: it is missing.
        """
        return Files(self._spec.path, self.name).size(item.url)

    def _table(self, files: Files) -> Table:
        """The table under *our* column names; an empty one without a table.

        Raises:
            CxnetError: it cannot be read.
            UsageError: it lacks a column that the profile names.
        """
        spec = self._spec
        if spec.table is None:
            return Table({})
        groups = () if set(spec.columns) & set(BOX_COLUMNS) else KNOWN_NAMES
        with files.opened(spec.table, TABLE_BYTES) as file:
            try:
                names = {**spec.columns, **names_of(spec.label_columns)}
                table = read_table(file, names, f"{spec.path}/{spec.table}", groups)
            except MissingColumnError as error:
                raise UsageError(f"{error} Correct `columns` of the folder '{spec.name}' in the profile.") from error
        return with_labels(table, spec.label_columns) if spec.label_columns else table

    def _warn(self, *messages: str) -> None:
        for message in messages:
            log.warning("%s: %s", self.name, message)


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
    if spec.label_columns and "label" in spec.columns:
        raise UsageError(
            f"The folder '{spec.name}' has `label_columns` and a column for `label`; leave one of them out."
        )
    if spec.table is not None and is_outside(spec.table):
        raise UsageError(f"The table of the folder '{spec.name}' must be inside it: '{spec.table}' is not.")
