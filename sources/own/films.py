"""From the rows of a user's table and the files of the folder to films: several rows of one file are one film."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from sources.core.addresses import web_address
from sources.core.items import Item, StatedBox
from sources.language.ages import is_child
from sources.own.boxes import BOX_COLUMNS, sides_of
from sources.own.cells import Column, ages, ids, modalities, numbers, rt_pcr_results, sexes, texts, views
from sources.own.labels import LabelWords, is_conflict, one_label
from sources.own.listing import Entry
from sources.own.patients import unique_studies
from sources.own.patterns import PathPattern
from sources.own.places import Match, masks_beside
from sources.own.sheets import text_of
from sources.own.table import Table

READERS: dict[str, Callable[[Sequence[str]], Column[Any]]] = {
    **{
        "age": ages,
        "sex": sexes,
        "view": views,
        "rt_pcr": rt_pcr_results,
        "modality": modalities,
        "offset_days": numbers,
    },
    **dict.fromkeys(BOX_COLUMNS, numbers),
    **{"patient_id": ids, "study_id": ids},
    **dict.fromkeys(("finding", "page_url", "licence", "attribution"), texts),
}
COLUMNS = (
    *("item_id", "label", "finding", "view", "modality", "patient_id", "study_id", "age", "sex"),
    *("offset_days", "rt_pcr", "page_url", "licence", "attribution", *BOX_COLUMNS),
)
OTHER_VIEWS = {"CT": "CT", "other": "OTHER"}  # modality -> view of what is no film
BETWEEN = " | "  # the findings of several rows


class Facts(Protocol):
    """What the profile says of all films of a folder."""

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


@dataclass(frozen=True)
class Film:
    """An image, and the rows of the table that mean it (none, if it is not in the table)."""

    item_id: str
    entry: Entry
    rows: tuple[int, ...] = ()


@dataclass
class Remarks:
    """What a person should know about a table.

    Attributes:
        unmapped: words that have no label, and how often each occurs.
        unknown: words that are not understood and left empty, by column.
        conflicts: how many films have rows that disagree, by column.
        examples: for each such column, the first of these films, and what its rows say.
    """

    unmapped: Counter[str] = field(default_factory=Counter)
    unknown: dict[str, Counter[str]] = field(default_factory=dict)
    conflicts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, tuple[str, list[str]]] = field(default_factory=dict)


def films_of(
    written: Sequence[str], matches: Mapping[str, Match], entries: Sequence[Entry], no_films: Collection[int] = ()
) -> list[Film]:
    """One film per file that a row means, in the order of the rows, then one per other image, by place.

    A row without a file is a film with that problem.

    Args:
        written: the paths in the table, row by row.
        matches: what each path means.
        entries: the images of the folder.
        no_films: rows that are left out.
    """
    by_place = {entry.place: entry for entry in entries}
    groups: dict[str | tuple[str, str | int], list[int]] = {}
    for row, path in enumerate(written):
        if row in no_films:
            continue
        key: str | tuple[str, str | int] = matches[path].place or (("path", path) if path else ("row", row))
        groups.setdefault(key, []).append(row)
    films, taken = [], set(by_place)
    for key, rows in groups.items():
        if isinstance(key, str):
            films.append(Film(key, by_place[key], tuple(rows)))
        else:
            path = written[rows[0]]
            item_id = _free(path or "unnamed", taken)
            films.append(Film(item_id, Entry(item_id, matches[path].problem), tuple(rows)))
    masks = masks_beside(list(by_place))
    for entry in entries:
        if entry.place not in groups:
            film = masks.get(entry.place)
            films.append(Film(entry.place, replace(entry, problem=f"a mask of {film}") if film else entry))
    return films


class FilmTable:
    """The facts of a table, column by column, and the items that they make.

    Args:
        table: its columns have our names.
        facts: what the profile says of all films.
    """

    def __init__(self, table: Table, facts: Facts) -> None:
        self.remarks = Remarks()
        self._facts = facts
        self._patterns = {
            option: PathPattern(pattern, option)
            for option in ("patient_from_path", "label_from_path")
            if (pattern := getattr(facts, option)) is not None
        }
        self._words = LabelWords(facts.labels)
        self._labels, self.remarks.unmapped = self._words.read(table.column("label"))
        self._values: dict[str, list[Any]] = {}
        for name in ("label", "modality"):
            self._values[f"{name} word"] = texts(table.column(name)).values
        for name, read in READERS.items():
            if name in table.cells:
                column = read(table.cells[name])
                self._values[name] = column.values
                if column.unknown:
                    self.remarks.unknown[name] = column.unknown

    def ids(self, films: Sequence[Film]) -> tuple[list[str | None], list[str | None]]:
        """The patient and the study of every film: from the table, else from the path."""
        patients, studies = [], []
        for film in films:
            in_path = self._in_path(film, "patient_from_path")
            patients.append(self._agreed(film, "patient_id") or in_path.get("patient_id"))
            studies.append(self._agreed(film, "study_id") or in_path.get("study_id"))
        return patients, unique_studies(patients, studies)

    def item(self, film: Film, url: str, patient: str | None, study: str | None) -> Item:
        """The item of a film; what its rows disagree about is left empty and noted in :attr:`remarks`."""
        age = self._agreed(film, "age")
        label, finding = self._label(film)
        return Item(
            item_id=film.item_id,
            url=url,
            member=film.entry.member,
            page_url=web_address(self._first(film, "page_url") or ""),
            label=label,
            finding=finding,
            view=self._view(film),
            modality=self._first(film, "modality word"),
            patient_id=patient,
            study_id=study,
            age=age,
            sex=self._agreed(film, "sex"),
            pediatric=is_child(age),
            offset_days=self._agreed(film, "offset_days"),
            rt_pcr=self._agreed(film, "rt_pcr"),
            licence=self._first(film, "licence") or self._facts.licence,
            attribution=self._first(film, "attribution"),
            redistributable=self._facts.redistributable,
            skip=film.entry.problem,
            boxes=self._boxes(film),
        )

    def _stated(self, film: Film, name: str) -> list[Any]:
        """The values that a film's rows state."""
        column = self._values.get(name)
        return [] if column is None else [value for row in film.rows if (value := column[row]) is not None]

    def _agreed(self, film: Film, name: str) -> Any:
        """The value that a film's rows agree on; None if they state none, or several."""
        values = self._stated(film, name)
        if len(values) > 1 and len(set(values)) > 1:
            self._note_conflict(film, name, values)
            return None
        return values[0] if values else None

    def _first(self, film: Film, name: str) -> str | None:
        return next(iter(self._stated(film, name)), None)

    def _in_path(self, film: Film, option: str) -> dict[str, str]:
        """What the pattern of an option finds in a film's path."""
        pattern = self._patterns.get(option)
        return pattern.facts_in(film.item_id) if pattern is not None else {}

    def _label(self, film: Film) -> tuple[str | None, str | None]:
        """Label and finding of a film: from the table, or from the path if its table states neither."""
        readings = [self._labels[row] for row in film.rows]
        if len(readings) > 1 and is_conflict(readings):
            self._note_conflict(film, "label", self._stated(film, "label word"))
        finding = self._finding(film)
        word = self._in_path(film, "label_from_path").get("label") if finding is None else None
        if word is None:
            return one_label(readings), finding
        readings, unmapped = self._words.read([word])
        self.remarks.unmapped.update(unmapped)
        return one_label(readings), word

    def _finding(self, film: Film) -> str | None:
        """The findings of the rows in the table's own words, each once."""
        return BETWEEN.join(dict.fromkeys(filter(None, map(self._finding_in, film.rows)))) or None

    def _finding_in(self, row: int) -> str | None:
        finding: str | None = self._values["finding"][row] if "finding" in self._values else None
        return finding or self._values["label word"][row]

    def _view(self, film: Film) -> str:
        modality = self._agreed(film, "modality")
        view: str | None = OTHER_VIEWS.get(modality) or self._agreed(film, "view")
        return view or "unknown"

    def _boxes(self, film: Film) -> tuple[StatedBox, ...]:
        """What each row says, if it states a box, or if there are several rows."""
        boxes = []
        columns = [self._values.get(name) for name in BOX_COLUMNS]
        for row in film.rows if len(film.rows) > 1 or any(columns) else ():
            sides = sides_of(*(None if column is None else column[row] for column in columns))
            if sides is not None or len(film.rows) > 1:
                left, top, width, height = sides or (None, None, None, None)
                label = self._labels[row].label
                boxes.append(StatedBox(left, top, width, height, self._finding_in(row), label))
        return tuple(boxes)

    def _note_conflict(self, film: Film, name: str, values: Sequence[Any]) -> None:
        self.remarks.conflicts[name] += 1
        self.remarks.examples.setdefault(name, (film.item_id, list(dict.fromkeys(map(text_of, values)))))


def _free(item_id: str, taken: set[str]) -> str:
    """``item_id``, or with a number behind it if another row has it; it is taken then."""
    free, number = item_id, 2
    while free in taken:
        free, number = f"{item_id}#{number}", number + 1
    taken.add(free)
    return free
