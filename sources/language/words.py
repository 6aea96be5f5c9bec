"""Facts in a source's words: sex, day and RT-PCR, in table cells (``parse_*``) and in prose (``*_in_text``).

A cell states one thing, so its words may be short (``M``). Prose states many, so only wordings with a single meaning
count there. What is uncertain is None. ``ages.py``, ``labels.py`` and ``views.py`` do the same for age, label and view.
"""

import re

from sources.language.prose import plain
from sources.language.relatives import without_relatives

_FEMALE = re.compile(
    r"\b(?:femal[es]*|wom[ae]n|girl|lady|mother|donna|femmin\w*|signora|ragazza|bambina|mujer|femenin[oa]|weiblich)\b",
    re.IGNORECASE,
)
_MALE = re.compile(
    r"\b(?:males?|m[ae]n|boy|gentleman|father|uomo|masch\w*|signore|ragazzo|bambino|hombre|masculino|var[oó]n|männlich)\b",
    re.IGNORECASE,
)
_LETTER = re.compile(r"([FMW])\b[\s,./:]*(?:\d.*)?|(?:\d{1,3}\s*(?:y(?:rs?|o)?)?[\s,/]*)([FMW])", re.IGNORECASE)
_LETTER_IN_TEXT = re.compile(  # 58F, 63/F, M/45, (F58)
    r"(?<![\w.,\[-])(?!18F)\d{1,2}\s?/?\s?([MF])\b(?=\s*(?:[.,;:)]|$|with\b|who\b|present))|"
    r"(?<![\w.,\[-])([MF])\s?/\s?\d{1,2}\b(?!\s?[/%])|\(([MF])\d{2}[),;]"
)
_SEX_WORDS = {  # of one cell, beside those of prose; W is the German letter, H the French and Spanish one
    **dict.fromkeys(("femme", "féminin", "feminine", "feminino", "fem", "frau", "vrouw", "kvinna", "♀", "女"), "F"),
    **dict.fromkeys(("h", "homme", "masculin", "masculine", "masc", "mann", "herr", "♂", "男"), "M"),
}


def parse_sex(text: str | None) -> str | None:
    """``F`` or ``M`` for a cell such as ``f``, ``Female``, ``femal 32yrs``, ``donna``; None if it states neither."""
    words = (text or "").strip()
    letter = _LETTER.fullmatch(words[:40])
    if letter:
        return (letter[1] or letter[2]).upper().replace("W", "F")
    return _SEX_WORDS.get(words.casefold()) or sex_in_text(words)


def sex_in_text(text: str | None) -> str | None:
    """``F`` or ``M`` for prose that mentions one of them only; None if both or neither occur."""
    words = without_relatives(plain(text))
    sexes = {sex for sex, pattern in (("F", _FEMALE), ("M", _MALE)) if pattern.search(words)}
    sexes |= {letter for match in _LETTER_IN_TEXT.finditer(words) for letter in match.groups() if letter}
    return sexes.pop() if len(sexes) == 1 else None


_DAY = re.compile(r"\b(?:day|giorno|día)\s+(\d{1,3})\b(?!\s*(?:-|–|to|/)\s*\d)", re.IGNORECASE)


def day_in_text(text: str | None) -> float | None:
    """The day ("Day 7", "giorno 3") in prose, as its source counts; None if it names none or several."""
    days = set(_DAY.findall(plain(text)))
    return float(days.pop()) if len(days) == 1 else None


_TEST = r"(?:rt-?\s?pcr|pcr|swabs?|nucleic acid tests?|tampon[ei])"
_TEST_RESULT = re.compile(
    rf"\b{_TEST}\b[^.;]{{0,120}}?\b(positiv|negativ|confirm)|\b(positiv|negativ|confirm)\w*\s+(?:\S+\s+){{0,3}}?{_TEST}\b",
    re.IGNORECASE,
)


_NO_RESULT = re.compile(
    r"\bpending\b|\bunclear\b|\bindetermin\w*|\binconclusive\b|\binvalid\b|\bequivocal\b|\buntested\b|"
    r"\bnot\s+(?:done|tested|performed|available|known|taken)\b|\bno\s+(?:test|pcr|swab|result)\b",
    re.IGNORECASE,
)
_NEGATIVE = re.compile(
    r"\b(?:not|non|un)[\s-]*(?:detected|reactive|found|confirmed|positive)\b|\bneg(?:ativ\w*|atif|\.)?(?=\W|$)|"
    r"\b(?:n|no|non|nein|false|falsch|absent)\b(?!\s*-?\s*reactive)|^0(?:\.0+)?$|\bpcr\s*[-\u2212\u2013]$",
    re.IGNORECASE,
)
_POSITIVE = re.compile(
    r"\bpos(?:itiv\w*|itif|\.)?(?=\W|$)|\bdetected\b|\breactive\b|\bconfirmed\b|\bpresent\b|\b(?:y|yes|s[ií]|oui|ja|true)\b|"
    r"^1(?:\.0+)?$|^\++$|\bpcr\s*\+$",
    re.IGNORECASE,
)


def parse_rt_pcr(text: str | None) -> str | None:
    """``positive`` or ``negative`` for a cell such as ``Y``, ``not detected``, ``pos``, ``1``; None for any other."""
    words = (text or "")[:100].strip()
    if has_no_result(words):
        return None
    without = _NEGATIVE.sub(" ", words)
    results = {"negative"} if without != words else set()
    if _POSITIVE.search(without.strip()):
        results.add("positive")
    return results.pop() if len(results) == 1 else None


def has_no_result(text: str) -> bool:
    """Does a cell say that there is no result of a test (yet)?"""
    return _NO_RESULT.search(text) is not None


def rt_pcr_in_text(text: str | None) -> str | None:
    """The result of RT-PCR in prose, ``positive`` or ``negative``; None if it states neither or both."""
    words = {(after or before).lower() for after, before in _TEST_RESULT.findall(plain(text))}
    results = {"negative" if word == "negativ" else "positive" for word in words}
    return results.pop() if len(results) == 1 else None
