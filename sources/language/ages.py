"""Ages, in table cells (``parse_age``) and in prose (``age_in_text``), and which patients are children.

A cell states one thing, so its words may be short (``16month``). Prose states many ("fever for 3 days", "smoker for 30
years"), so only wordings with a single meaning count there. What is uncertain is None.
"""

import re

from sources.core.limits import PROSE_CHARACTERS
from sources.language.prose import plain
from sources.language.relatives import without_relatives

OLDEST = 120.0  # years; a larger number is a typing error (NIH's first tables had 400)

UNITS = {  # how the word of a unit begins -> length in years
    "y": 1.0,
    "j": 1.0,  # Jahre
    "ann": 1.0,
    "an": 1.0,  # ans, años
    "añ": 1.0,
    "mon": 1 / 12,
    "mo": 1 / 12,
    "mth": 1 / 12,
    "mes": 1 / 12,
    "w": 7 / 365.25,
    "sett": 7 / 365.25,
    "d": 1 / 365.25,
    "gior": 1 / 365.25,
    "g": 1 / 365.25,
}
_UNIT = (
    r"years?|yrs?|yo|y/o|y|jahre?|jährig(?:e[rsnm]?)?|anni|anno|ans?|años?|months?|mos?|mths?|mesi|mese|meses|"
    r"weeks?|wks?|w|settimane?|days?|d|giorn[io]|gg"
)
_NUMBER = r"(?<![\d.,])\d{1,3}(?:[.,]\d{1,3})?"
_PART = re.compile(rf"({_NUMBER})\s*\+?[\s-]*({_UNIT})\b(?:[\s-]*olds?\b)?", re.IGNORECASE)
_BARE = re.compile(r"(?:age[d:]?\s*|età:?\s*)?[>≥]?\s*(\d{1,3}(?:[.,]\d+)?)\s*\+?", re.IGNORECASE)
_MONTHS = re.compile(r"(?:(\d{1,3})\s*y\w*[\s,]*)?(\d{1,3})\s*(m)(?:[\s,]*(\d{1,2})\s*d\w*)?", re.IGNORECASE)
MOST_SHORT_MONTHS = 36  # "45M" may also be a man of 45; DICOM writes months with three digits
_WITH_SEX = re.compile(r"[FMWH]\s*/?\s*(\d{1,3})|(\d{1,3})\s*/?\s*F|(\d{1,3})\s*/\s*M", re.IGNORECASE)
_RANGE = re.compile(r"\d\s*(?:-|–|to|/)\s*\d|\d0'?s\b", re.IGNORECASE)  # "40-50", "20s": no single age

_SEX = r"(?:(?:fe)?males?|man|woman|boy|girl|lady|gentleman|donna|uomo|homme|femme|garçon|fille|hombre|mujer|var[oó]n)"
_PERSON = rf"(?:{_SEX}|child|infant|newborn|patiente?|paziente|bambin[oa]|enfant|paciente|niñ[oa]|case)"
_YEARS = r"(?:years?|yrs?|y|anni|ans|años)"
_ANY = rf"({_YEARS}|months?|mo|weeks?|wks?|days?)"
_ALONE = (
    r"(?<!\d-)(?<!\d - )(?<!\dto )(?<!\d to )(?<!over )(?<!under )(?<!than )(?<!after )(?<!for )(?<!past )(?<!last )"
)
_NO_TIME = (  # a number of years before these words is a duration or a distance in time
    r"(?!\W*(?:ago|before|after|later|earlier|prior|previous|follow|from|since|post|pre|history|duration|surviv|interval|"
    r"into|apart|of(?!\s+age)|(?:or|and)\s+(?:over|older|above|under|younger)|fa\b|prima|dopo|depuis|après|después))"
)
_WORDINGS = tuple(
    re.compile(wording, re.IGNORECASE)
    for wording in (
        # a 65-year-old man, 18 months old; no five-year-old scar
        rf"{_ALONE}({_NUMBER})\s*\+?[\s-]*{_ANY}[\s-]+old\b(?!\s+(?:scar|lesion|fracture|film|graft|implant|device|injury))",
        rf"{_ALONE}({_NUMBER})\s*\+?[\s-]*(y/o\b|yo\b|y\.o\.)",  # 57 y/o
        rf"({_NUMBER})[\s-]*(j)ährig",
        # aged 44, at the age of 12 years, at age 2, Età: 75
        rf"\b(?:aged|at age|âgée? de|età(?: di)?:?|age:)\s+({_NUMBER})\b\s*{_ANY}?{_NO_TIME}(?!\s*(?:-|to)\s*\d)",
        rf"(?<!bone )(?<!mean )(?<!median )(?<!gestational )\bage(?:\s+of)?\s+({_NUMBER})\s*{_ANY}\b",
        rf"{_ALONE}({_NUMBER})\s*{_ANY}(?:\s+(?:and\s+)?\d+\s*months?)?\s+of\s+age\b",
        # female, 63 years; homme de 54 ans; a man of 60; 81 years, male; 38 years old male; 55M, 63/F
        rf"\b{_PERSON}[\s,;:(/]{{1,3}}(?:of\s+|de\s+|di\s+|d')?({_NUMBER})\s*({_YEARS})\b{_NO_TIME}",
        rf"\b{_SEX}\s+of\s+({_NUMBER})\b(?!\s*[%\w-])",
        rf"\b{_SEX}\s+of\s+({_NUMBER})\s+(?:with|who|in|on|at|and)\b",
        rf"{_ALONE}({_NUMBER})\s*({_YEARS})\b[\s,(/]{{1,3}}{_SEX}\b",
        r"(?<![\w.,\[-])(?!18F)(\d{1,2})\s?/?\s?(?-i:[MF])\b(?=\s*(?:[.,;:)]|$|with\b|who\b|present))",
        r"(?<![\w.,\[-])(?-i:[MF])\s?/\s?(\d{1,2})\b(?!\s?[/%])",  # M/45
        r"\((?-i:[MF])(\d{2})[),;]",  # (F58)
        # 60 años, 52 ans by themselves
        rf"(?:^|[.,;:(]\s*)({_NUMBER})\s*(años|ans)\b(?=\s*(?:[.,;)]|$))",
        # 75 anni; 3 mesi di vita
        rf"(?<!da )(?<!per )(?<!dal )(?<!dopo )(?<!ultimi )(?<!circa )({_NUMBER})\s*(anni|anno)\b{_NO_TIME}",
        rf"({_NUMBER})\s*(?:di\s+)?(mesi|settimane|giorni)\s+(?:di\s+)?(?:vita|età)",
    )
)

_ONES = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_TEENS = ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SPELLED = re.compile(
    rf"\b(?:({'|'.join(_TENS)})(?:[\s-]+({'|'.join(_ONES)}))?|({'|'.join([*_TEENS, *_ONES])}))\b", re.IGNORECASE
)


def parse_age(text: str | None) -> float | None:
    """The age in years in a cell (``70 years``, ``50+``, ``16month``, ``027Y``, ``018M``, ``75 anni``, ``65``).

    Parts add up ("1 year 6 months", "1Y 6M" are 1.5). None for a range, a decade ("40s"), words without a number,
    anything outside 0 to 120 years, and what may be an age and a sex or months ("45M").
    """
    words = _spelled_out((text or "")[:100].strip())
    if not words or _RANGE.search(words) or words.startswith("-"):
        return None
    if months := _MONTHS.fullmatch(words):
        return _in_months(*months.groups())
    if with_sex := _WITH_SEX.fullmatch(words):
        return _plausible(_value(next(filter(None, with_sex.groups()))))
    parts = _PART.findall(words)
    if parts:
        return _plausible(sum(_value(number) * _years(unit) for number, unit in parts))
    bare = _BARE.fullmatch(words)
    return _plausible(_value(bare[1])) if bare else None


def age_in_text(text: str | None) -> float | None:
    """The age in years of the patient in prose ("a 65-year-old man", "donna di 75 anni", "3 mesi di vita").

    Durations and distances in time ("smoker for 30 years", "14 years after transplantation") are not ages; the first
    age counts.
    """
    words = without_relatives(_spelled_out(plain(text)))
    matches = [match for wording in _WORDINGS if (match := wording.search(words))]
    if not matches:
        return None
    first = min(matches, key=lambda match: match.start(1))
    unit = first[2] if first.re.groups > 1 and first[2] else "years"
    return _plausible(_value(first[1]) * _years(unit))


_CHILD = re.compile(
    r"\b(?:child|children|pa?ediatric|infant|neonat\w*|newborn|toddler|bambin[oai]|lattante)\b", re.IGNORECASE
)


def is_child(age: float | None, text: str | None = None) -> bool | None:
    """Is the patient younger than 18: by ``age`` (years), else by a word such as "child"; None = unknown."""
    if age is not None:
        return age < 18
    return True if _CHILD.search((text or "")[:PROSE_CHARACTERS]) else None


def _spelled_out(text: str) -> str:
    """``text`` with English numbers below one hundred as digits ("seventy-five" -> "75")."""

    def digits(match: re.Match[str]) -> str:
        tens, one, small = (part.lower() if part else "" for part in match.groups())
        if small:
            return str(1 + [*_ONES, *_TEENS].index(small))
        return str(20 + 10 * _TENS.index(tens) + (1 + _ONES.index(one) if one else 0))

    return _SPELLED.sub(digits, text)


def _in_months(years: str | None, months: str, letter: str, days: str | None) -> float | None:
    is_short = years is None and days is None and letter == "M" and len(months) < 3
    if is_short and int(months) > MOST_SHORT_MONTHS:
        return None
    return _plausible(int(years or 0) + int(months) / 12 + int(days or 0) / 365.25)


def _value(number: str) -> float:
    return float(number.replace(",", "."))


def _years(unit: str) -> float:
    """The length of a unit of age in years, by the longest beginning of its word that is in :data:`UNITS`."""
    word = unit.lower()
    return next(UNITS[word[:length]] for length in range(len(word), 0, -1) if word[:length] in UNITS)


def _plausible(years: float) -> float | None:
    return round(years, 4) if 0 <= years <= OLDEST else None
