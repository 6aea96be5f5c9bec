"""What the cells of a user's own table say: placeholders say nothing, words that are not understood are counted."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sources.language.ages import parse_age
from sources.language.views import names_no_view, parse_modality, parse_view
from sources.language.words import has_no_result, parse_rt_pcr, parse_sex
from sources.own.names import same_form
from sources.reading.tables import number

T = TypeVar("T")

PLACEHOLDERS = frozenset(
    (
        *("nan", "na", "n/a", "n.a", "n.d", "n/d", "nat", "none", "null", "nil", "undefined", "missing", "blank"),
        *("unknown", "unk", "unkn", "unclear", "unspecified", "not specified", "not stated", "not available"),
        *("not known", "not given", "not reported", "not recorded", "not applicable", "no data", "tbd", "todo", "xxx"),
        *("unbekannt", "keine angabe", "k.a", "inconnu", "inconnue", "desconocido", "desconocida", "desconhecido"),
        *("sconosciuto", "sconosciuta", "anonymous", "anonymized", "anonymised", "anon"),
    )
)
LONGEST_PLACEHOLDER = 40  # with what stands around it
_SPREADSHEET_ERROR = re.compile(r"#(?:n/?a|ref!|value!|name\?|num!|div/0!|null!|getting_data|error)", re.IGNORECASE)
_MARKS = " -\u2010\u2011\u2012\u2013\u2014\u2212_.,;:?!*/\\#~'\"()[]{}<>|="
_MINUS = frozenset(("-", "\u2212", "\u2013"))
_NEGATIVE_NUMBER = re.compile(r"-\d+(?:\.0*)?")  # no id; how some programs write "none"
_WHOLE_NUMBER = re.compile(r"(\d+)\.0+")  # how programs write whole numbers in a column with empty cells
_ROUNDED_NUMBER = re.compile(r"\d(?:[.,]\d+)?E\+\d+")  # how spreadsheets write long numbers: their last digits are lost
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")
_NO_SEX = frozenset(("o", "u", "x", "d", "other", "others", "divers", "diverse", "intersex", "not sure", "t"))
_AGE_AND_SEX = re.compile(r"(\d{1,3})\s*[/,]?\s*[FW]", re.IGNORECASE)
_AGE_AND_MALE = re.compile(r"(\d{1,3})\s*[/,]?\s*M", re.IGNORECASE)
_RANGE = re.compile(  # an age that is no number
    r"\d{1,3}\s*(?:-|–|to)\s*\d{1,3}(?![-\d]).*|\d0'?s|<\s*\d.*", re.IGNORECASE
)


@dataclass(frozen=True)
class Column(Generic[T]):
    """The values of a column, one per cell, and how often each word occurs that is not understood."""

    values: list[T | None]
    unknown: Counter[str]


def is_placeholder(text: str) -> bool:
    """Does a cell stand for no value (``nan``, ``Unknown``, ``N/A``, ``-``, ``?``)?"""
    if len(text) > LONGEST_PLACEHOLDER or text.isdecimal():
        return False
    plain = " ".join(same_form(text).split())
    if not plain or plain in PLACEHOLDERS or plain == "\\n" or _SPREADSHEET_ERROR.fullmatch(plain):
        return True
    bare = plain.strip(_MARKS)
    return not bare or bare in PLACEHOLDERS


def texts(cells: Sequence[str]) -> Column[str]:
    """The cells as they are, without placeholders."""
    return _read(cells, lambda word: word)


def ids(cells: Sequence[str]) -> Column[str]:
    """Ids, without placeholders and negative numbers, which no id is; ``100.0`` is 100, and ``1.23E+11`` not known."""

    def parse(word: str) -> str | None:
        if _NEGATIVE_NUMBER.fullmatch(word) or _ROUNDED_NUMBER.fullmatch(word):
            return None
        whole = _WHOLE_NUMBER.fullmatch(word)
        return whole[1] if whole else word

    return _read(cells, parse, lambda word: _ROUNDED_NUMBER.fullmatch(word) is None)


def ages(cells: Sequence[str]) -> Column[float]:
    """Ages in years. Where a column holds an age and a sex ("45F"), M is a sex, too, and no month."""
    has_sex = any(_AGE_AND_SEX.fullmatch(word) for word in set(cells))

    def parse(word: str) -> float | None:
        both = (_AGE_AND_SEX.fullmatch(word) or _AGE_AND_MALE.fullmatch(word)) if has_sex else None
        return parse_age(both[1] if both else word)

    return _read(cells, parse, lambda word: _RANGE.fullmatch(word) is not None)


def sexes(cells: Sequence[str]) -> Column[str]:
    """``F`` and ``M``. Where a column has H and no F, it is Spanish: M is mujer."""
    letters = {word.casefold() for word in set(cells)}
    is_spanish = "h" in letters and "m" in letters and "f" not in letters

    def parse(word: str) -> str | None:
        return "F" if is_spanish and word.casefold() == "m" else parse_sex(word)

    return _read(cells, parse, lambda word: word.casefold() in _NO_SEX)


def views(cells: Sequence[str]) -> Column[str]:
    """Views, as of ``sources.core.items.VIEWS``; ``unknown`` is None."""

    def parse(word: str) -> str | None:
        view = parse_view(word)
        return None if view == "unknown" else view

    return _read(cells, parse, names_no_view)


def modalities(cells: Sequence[str]) -> Column[str]:
    """``X-ray``, ``CT`` or ``other``."""
    return _read(cells, parse_modality, lambda word: word.casefold() == "ot")


def rt_pcr_results(cells: Sequence[str]) -> Column[str]:
    """Results of RT-PCR. ``-`` is negative where ``+`` is positive; else it is a placeholder."""
    column = _read(cells, parse_rt_pcr, has_no_result)
    if "+" in set(cells):
        values = ["negative" if cell in _MINUS else value for cell, value in zip(cells, column.values, strict=True)]
        return Column(values, column.unknown)
    return column


def numbers(cells: Sequence[str]) -> Column[float]:
    """Numbers, with a decimal point or a decimal comma."""

    def parse(word: str) -> float | None:
        return number(word.replace(",", ".") if _DECIMAL_COMMA.fullmatch(word) else word)

    return _read(cells, parse)


def _read(
    cells: Sequence[str], parse: Callable[[str], T | None], says_nothing: Callable[[str], bool] = lambda word: False
) -> Column[T]:
    """Every different word is read once; a word without a value is unknown, unless it says nothing."""
    counts = Counter(cells)
    values: dict[str, T | None] = {}
    unknown: Counter[str] = Counter()
    for word, count in counts.items():
        if is_placeholder(word):
            values[word] = None
            continue
        values[word] = value = parse(word)
        if value is None and not says_nothing(word):
            unknown[word] = count
    return Column([values[cell] for cell in cells], unknown)
