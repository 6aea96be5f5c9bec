"""Read what people decided, ``curation/decisions.csv``; :mod:`pipeline.decisions.replay` applies it to the rows.

Each line is one decision, ``image_id,decision,field,value,who,when,why``. A later line on the same subject replaces an
earlier one.

========  =============  ==========================================  ==================================================
decision  field          value                                       what it does
========  =============  ==========================================  ==================================================
set       label          normal, cap, covid or other                 replaces the source's label
set       view           PA, AP, AP_SUPINE, L, CT, OTHER or unknown  replaces the view; a frontal view brings the film
                                                                     back, any other known view excludes it
set       duplicate_of   <source>/<item_id>, or empty                marks a copy of that film, which stays out unless
                                                                     that film is excluded; empty = not a copy
exclude                                                              excludes the film
keep                                                                 brings back a film that a stage excluded, unless
                                                                     ingest did or its label is not used; of
                                                                     byte-identical copies one comes back
========  =============  ==========================================  ==================================================

Decisions name films by ``image_id``. Those on films that are not in the data set wait until they are, and are counted.
``exclude`` overrules every other decision on the film. Copies are excluded last, and never all of them: films
that are declared copies of each other in a circle are refused.
"""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import fields
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, StringConstraints, ValidationError, model_validator
from pydantic.dataclasses import dataclass
from pydantic_core import ErrorDetails
from upath import UPath

from pipeline.core.layout import Layout
from pipeline.core.withdrawn import read_withdrawn
from sources.core.errors import UsageError
from sources.core.items import LABELS, VIEWS

VALUES = {"label": LABELS, "view": VIEWS, "duplicate_of": None}  # field -> its possible values; None = a film's name
LONGEST = 2000  # characters in one cell
IN_ANY_CASE = ("image_id", "decision", "field")  # columns
SEPARATOR = re.compile(r'\A"?sep=."?[\r\n]+', re.IGNORECASE)  # a line of Excel
NO_DATE = "1900-01-01"  # of a withdrawal; its own file has the day
BEHIND_ALL = 1_000_000_000  # line of the first withdrawal
DOTTED_DATE = re.compile(r"(\d\d?)\.(\d\d?)\.(\d{4})")

MESSAGES = {  # type of a pydantic error -> our words
    "string_too_long": "{name} has more than {max_length} characters",
    "string_too_short": "'{name}' is empty; every decision needs who, when and why",
    "string_pattern_mismatch": "image_id {input!r} is not a sha256 of 64 hex digits",
    "literal_error": "{name} {input!r} is not one of: set, exclude, keep",
    "value_error": "{error}",
}


def _check_date(when: str) -> str:
    dotted = DOTTED_DATE.match(when)
    try:
        if dotted:
            date(int(dotted[3]), int(dotted[2]), int(dotted[1]))
        else:
            date.fromisoformat(when[:10])
    except ValueError:
        raise ValueError(f"when {when!r} is not a date like 2020-06-24") from None
    return when


Cell = Annotated[str, StringConstraints(max_length=LONGEST)]
FilledCell = Annotated[Cell, StringConstraints(min_length=1)]


@dataclass(frozen=True, config=ConfigDict(strict=True))
class Decision:
    """One line of the file; ``line`` is its number there."""

    image_id: Annotated[Cell, StringConstraints(pattern="^[0-9a-f]{64}$")]
    decision: Literal["set", "exclude", "keep"]
    field: Cell
    value: Cell
    who: FilledCell
    when: Annotated[FilledCell, AfterValidator(_check_date)]
    why: FilledCell
    line: int

    @model_validator(mode="after")
    def _check_value(self) -> "Decision":
        allowed = VALUES.get(self.field)
        if self.decision != "set":
            if self.field or self.value:
                raise ValueError(f"'{self.decision}' takes no field and no value, found {self.field or self.value!r}")
        elif self.field not in VALUES:
            raise ValueError(f"field {self.field!r} is not one of: {', '.join(VALUES)}")
        elif allowed is not None and self.value not in allowed:
            raise ValueError(f"{self.field} {self.value!r} is not one of: {', '.join(allowed)}")
        elif allowed is None and self.value and "/" not in self.value:
            raise ValueError(f"{self.field} {self.value!r} does not look like <source>/<item_id>")
        return self

    @property
    def subject(self) -> tuple[str, str]:
        """What is decided; a later line on the same subject replaces this one."""
        return self.image_id, self.field or "status"

    @property
    def reason(self) -> str:
        return f"by a person: {self.who}, {self.why}"


COLUMNS = tuple(column.name for column in fields(Decision) if column.name != "line")


def read_decisions(path: UPath) -> list[Decision]:
    """The decisions in file order; none if there is no file. Spreadsheets may separate by semicolons or tabs.

    Raises:
        UsageError: it is no file, or a line is not a valid decision; the message names file and line.
    """
    if path.exists() and not path.is_file():  # a pipe would never end
        raise UsageError(f"{path} is a folder, a pipe or a device; decisions are read from a CSV file: move it away.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return []
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text; save it as CSV in UTF-8.") from None
    text = SEPARATOR.sub("", text, count=1)
    start = text.lower().replace('"', "")
    delimiter = next((sign for sign in ";\t" if start.startswith(f"{COLUMNS[0]}{sign}")), ",")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    decisions = []
    try:
        header = _without_empty_end(next(reader, []))
        if tuple(cell.strip().lower() for cell in header) != COLUMNS:
            raise UsageError(f"{path} must begin with the line {','.join(COLUMNS)}, found {','.join(header)[:200]!r}.")
        for cells in reader:
            if any(cells):
                decisions.append(_decision(_as_wide(cells), f"{path}, line {reader.line_num}", reader.line_num))
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num}: not valid CSV ({error}).") from None
    return decisions


def all_decisions(layout: Layout) -> list[Decision]:
    """The decisions of people, and after them, so that nothing overrules them, the films that were withdrawn.

    Raises:
        UsageError: a line of either file is not valid.
    """
    withdrawn = [
        Decision(image_id, "exclude", "", "", "withdrawn", NO_DATE, why or "no reason stated", BEHIND_ALL + number)
        for number, (image_id, why) in enumerate(sorted(read_withdrawn(layout.withdrawn).items()))
    ]
    return [*read_decisions(layout.decisions), *withdrawn]


def in_force(decisions: Iterable[Decision]) -> list[Decision]:
    """The decisions that no later line replaces, in the order in which they are applied."""
    last = {decision.subject: decision for decision in decisions}
    return sorted(last.values(), key=lambda decision: (decision.decision == "exclude", decision.line))


def _without_empty_end(cells: list[str]) -> list[str]:
    """The cells without the empty ones that spreadsheets add at the end."""
    while cells and not cells[-1].strip():
        cells = cells[:-1]
    return cells


def _as_wide(cells: list[str]) -> list[str]:
    """The cells of a line without empty ones beyond the columns."""
    return cells[: len(COLUMNS)] + _without_empty_end(cells[len(COLUMNS) :])


def _decision(cells: list[str], where: str, line: int) -> Decision:
    if len(cells) != len(COLUMNS):
        raise UsageError(f"{where}: has {len(cells)} values, expected {len(COLUMNS)} ({', '.join(COLUMNS)}).")
    values = dict(zip(COLUMNS, (cell.strip() for cell in cells), strict=True))
    values |= {name: values[name].lower() for name in IN_ANY_CASE}
    known = {value.lower(): value for value in VALUES.get(values["field"]) or ()}
    values["value"] = known.get(values["value"].lower(), values["value"])
    try:
        return Decision(**values, line=line)  # type: ignore[arg-type]  # that is what pydantic checks
    except ValidationError as error:
        raise UsageError(f"{where}: {_sentence(error.errors()[0])}.") from None


def _sentence(entry: ErrorDetails) -> str:
    name = str(entry["loc"][0]) if entry["loc"] else ""
    return MESSAGES[entry["type"]].format(name=name, input=entry["input"], **entry.get("ctx", {}))
