"""Facts in a source's words: age, sex, findings and tests, in table cells (``parse_*``) and in prose (``*_in_text``).

A cell states one thing, so its words may be short (``M``, ``16month``). Prose states many ("fever for 3 days", "smoker
for 30 years"), so only wordings with a single meaning count there. What is uncertain is None. ``views.py`` does the
same for the picture itself.
"""

import re

from sources.core.limits import PROSE_CHARACTERS

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
    r"years?|yrs?|yo|y/o|y|jahre?|anni|anno|ans?|años?|months?|mos?|mths?|mesi|mese|meses|"
    r"weeks?|wks?|w|settimane?|days?|d|giorn[io]|gg"
)
_NUMBER = r"(?<![\d.,])\d{1,3}(?:[.,]\d{1,3})?"
_PART = re.compile(rf"({_NUMBER})\s*\+?[\s-]*({_UNIT})\b(?:[\s-]*olds?\b)?", re.IGNORECASE)
_BARE = re.compile(rf"(?:age[d:]?\s*|età:?\s*)?({_NUMBER})\s*\+?", re.IGNORECASE)
_RANGE = re.compile(r"\d\s*(?:-|–|to|/)\s*\d|\d0'?s\b", re.IGNORECASE)  # "40-50", "20s": no single age

_IN_TEXT = re.compile(
    rf"(?<!\bda )(?<!\bper )(?<!\bdal )(?<!\bfor )(?<!\bpast )(?<!\blast )(?<!\bago )({_NUMBER})\s*\+?(?:"
    r"[\s-]*(years?|yrs?|y|months?|weeks?|days?)[\s-]+olds?\b|"
    r"\s*(y/o|yo|years?|yrs|yr|y)\b(?!\s*(?:ago|before|later|history|of\s+smok))|"
    r"\s*(anni|anno)\b(?!\s*(?:fa|prima|dopo)\b)|"
    r"\s*(?:di\s+)?(mesi|settimane|giorni)\s+(?:di\s+)?(?:vita|età))",
    re.IGNORECASE,
)
_AGED = re.compile(rf"\b(?:aged|età(?:\s+di)?:?|age:)\s*({_NUMBER})\b(?!\s*(?:days?|weeks?|months?))", re.IGNORECASE)

_ONES = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_TEENS = ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SPELLED = re.compile(
    rf"\b(?:({'|'.join(_TENS)})(?:[\s-]+({'|'.join(_ONES)}))?|({'|'.join([*_TEENS, *_ONES])}))\b", re.IGNORECASE
)


def parse_age(text: str | None) -> float | None:
    """The age in years in a cell (``70 years``, ``50+``, ``16month``, ``027Y``, ``75 anni``, ``65``).

    Parts add up ("1 year 6 months" is 1.5). None for a range, a decade ("40s"), words without a number, and anything
    outside 0 to 120 years.
    """
    words = _spelled_out((text or "")[:100].strip())
    if not words or _RANGE.search(words) or words.startswith("-"):
        return None
    parts = _PART.findall(words)
    if parts:
        return _plausible(sum(_value(number) * _years(unit) for number, unit in parts))
    bare = _BARE.fullmatch(words)
    return _plausible(_value(bare[1])) if bare else None


def age_in_text(text: str | None) -> float | None:
    """The age in years of the patient in prose ("a 65-year-old man", "donna di 75 anni", "3 mesi di vita").

    Durations ("smoker for 30 years", "da 3 giorni") are not ages; the first age counts.
    """
    words = _spelled_out((text or "")[:PROSE_CHARACTERS])
    match = _IN_TEXT.search(words)
    if match:
        unit = next(group for group in match.groups()[1:] if group)
        return _plausible(_value(match[1]) * _years(unit))
    aged = _AGED.search(words)
    return _plausible(_value(aged[1])) if aged else None


_FEMALE = re.compile(
    r"\b(?:femal[es]*|wom[ae]n|girl|lady|mother|donna|femmin\w*|signora|ragazza|bambina|mujer|femenin[oa]|weiblich)\b",
    re.IGNORECASE,
)
_MALE = re.compile(
    r"\b(?:males?|m[ae]n|boy|gentleman|father|uomo|masch\w*|signore|ragazzo|bambino|hombre|masculino|var[oó]n|männlich)\b",
    re.IGNORECASE,
)
_LETTER = re.compile(r"([FM])\b[\s,./:]*(?:\d.*)?|(?:\d{1,3}\s*(?:y(?:rs?|o)?)?[\s,/]*)([FM])", re.IGNORECASE)


def parse_sex(text: str | None) -> str | None:
    """``F`` or ``M`` for a cell such as ``f``, ``Female``, ``femal 32yrs``, ``donna``; None if it states neither."""
    words = (text or "").strip()
    letter = _LETTER.fullmatch(words[:40])
    if letter:
        return (letter[1] or letter[2]).upper()
    return sex_in_text(words)


def sex_in_text(text: str | None) -> str | None:
    """``F`` or ``M`` for prose that mentions one of them only; None if both or neither occur."""
    words = (text or "")[:PROSE_CHARACTERS]
    female, male = bool(_FEMALE.search(words)), bool(_MALE.search(words))
    if female == male:
        return None
    return "F" if female else "M"


_DAY = re.compile(r"\b(?:day|giorno|día)\s+(\d{1,3})\b(?!\s*(?:-|–|to|/)\s*\d)", re.IGNORECASE)
_CHILD = re.compile(
    r"\b(?:child|children|pa?ediatric|infant|neonat\w*|newborn|toddler|bambin[oai]|lattante)\b", re.IGNORECASE
)


def day_in_text(text: str | None) -> float | None:
    """The day ("Day 7", "giorno 3") in prose, as its source counts; None if it names none or several."""
    days = set(_DAY.findall((text or "")[:PROSE_CHARACTERS]))
    return float(days.pop()) if len(days) == 1 else None


def is_child(age: float | None, text: str | None = None) -> bool | None:
    """Is the patient younger than 18: by ``age`` (years), else by a word such as "child"; None = unknown."""
    if age is not None:
        return age < 18
    return True if _CHILD.search((text or "")[:PROSE_CHARACTERS]) else None


_UNKNOWN = re.compile(
    r"(?:todo|unknown|un-?specified|not stated|n/?a|nan|none|null|unclear|pending|\W*)", re.IGNORECASE
)
_NEGATED = re.compile(
    r"\b(?:non|no|not|without|negative\s+for|ruled?\s+out|excluded)[\s-]+(?:evidence\s+of\s+|signs?\s+of\s+)?"
    r"(?:covid(?:[\s-]*19)?|sars-?cov-?2|pneumonia)\b|"
    r"\b(?:covid(?:[\s-]*19)?|sars-?cov-?2)[\s,:(-]*(?:pcr[\s-]*)?(?:negative|ruled\s+out|excluded)\b",
    re.IGNORECASE,
)
_UNPROVEN = re.compile(
    r"\b(?:suspect(?:ed)?|possible|probable|query)\s+(?:of\s+|case\s+of\s+)?(?:covid|sars-?cov-?2)", re.IGNORECASE
)
_COVID = re.compile(
    r"covid|\bsars[\s-]*cov[\s-]*2|\b(?:2019[\s-]*ncov|ncov[\s-]*2019)\b|novel coronavirus", re.IGNORECASE
)
_NORMAL = re.compile(
    r"no\s+(?:acute\s+)?(?:findings?|abnormalit(?:y|ies))(?:\s+seen)?|healthy|"
    r"normal(?:\s+(?:chest|cxr|films?|x[\s-]?rays?|radiographs?|study|adult|child|infant|neonate|(?:fe)?male|\(|\)|"
    r"\d{1,3}[\s-]+(?:year|month|week|day)s?(?:[\s-]+old)?))*",
    re.IGNORECASE,
)
_NOT_COMMUNITY = re.compile(
    r"pneumocystis|\bpcp\b|aspirati|lipoid|eosinophil|organi[sz]ing|\bcop\b|\bboop\b|hospital|nosocomial|ventilator|"
    r"fungal|aspergill|interstitial\s+pneumonia|tubercul|\btb\b",
    re.IGNORECASE,
)
_PNEUMONIA = re.compile(
    r"pneumon(?!ect|itis)|\bsars\b|\bmers\b|influenza|\bh[157]n[19]\b|varicella|chickenpox|herpes|streptococ|klebsiella|"
    r"legionell|\be\.?\s?coli\b|escherichia|chlamyd|mycoplasma|staphylococ|\bmrsa\b|haemophilus|adenovir|\brsv\b|nocardi|"
    r"\bbacterial?\b|\bviral\b|\bvirus\b|\bcap\b",
    re.IGNORECASE,
)


def label_of(finding: str | None, rt_pcr: str | None = None) -> str | None:
    """The label (normal | cap | covid | other) of a source's finding; None if it does not decide one.

    - COVID-19 in any spelling, alone, with others ("COVID-19, ARDS") or as a path (``Pneumonia/Viral/COVID-19``):
      covid. Suspected or excluded COVID-19, or COVID-19 with a negative RT-PCR (``rt_pcr``): None.
    - "No Finding", "normal": normal.
    - Pneumonia acquired outside hospital (SARS, MERS, Streptococcus, Influenza, "Pneumonia", ...): cap.
    - Pneumonia that is not community-acquired (Pneumocystis, aspiration, lipoid, eosinophilic, organizing, fungal,
      hospital-acquired), tuberculosis, ARDS alone and any other disease: other.
    - "todo", "Unknown", blank, "?": None.

    The mapping follows COVID-Net's ``create_COVIDx.ipynb`` and Cohen's list; which pneumonias count as
    *community*-acquired is our choice.
    """
    words = (finding or "")[:PROSE_CHARACTERS].strip()
    if _UNKNOWN.fullmatch(words) or _UNPROVEN.search(words):
        return None
    rest = _NEGATED.sub(" ", words)
    if _COVID.search(rest):
        return None if rt_pcr == "negative" else "covid"
    if _NORMAL.fullmatch(words.rsplit("/", 1)[-1].strip()):
        return "normal"
    if _UNKNOWN.fullmatch(rest.strip()) or not re.search(r"[^\W\d_]{2}", rest):
        return None  # nothing but "no pneumonia", "COVID-19 negative" or a number
    if _NOT_COMMUNITY.search(rest):
        return "other"
    return "cap" if _PNEUMONIA.search(rest) else "other"


_DISEASE = re.compile(
    rf"{_NOT_COMMUNITY.pattern}|\bards\b|acute respiratory distress|\b(?:lung )?cancer\b", re.IGNORECASE
)


def label_in_text(text: str | None, rt_pcr: str | None = None) -> str | None:
    """The label of prose about a film (a caption, a post), by the rules of :func:`label_of`.

    Prose that names no disease decides nothing: it is None, where a finding would be ``other``.
    """
    label = label_of(text, rt_pcr)
    return label if label != "other" or _DISEASE.search((text or "")[:PROSE_CHARACTERS]) else None


_TEST = r"(?:rt-?\s?pcr|pcr|swabs?|nucleic acid tests?|tampon[ei])"
_TEST_RESULT = re.compile(
    rf"\b{_TEST}\b[^.;]{{0,120}}?\b(positiv|negativ|confirm)|\b(positiv|negativ|confirm)\w*\s+(?:\S+\s+){{0,3}}?{_TEST}\b",
    re.IGNORECASE,
)


def rt_pcr_in_text(text: str | None) -> str | None:
    """The result of RT-PCR in prose, ``positive`` or ``negative``; None if it states neither or both."""
    words = {(after or before).lower() for after, before in _TEST_RESULT.findall((text or "")[:PROSE_CHARACTERS])}
    results = {"negative" if word == "negativ" else "positive" for word in words}
    return results.pop() if len(results) == 1 else None


def _spelled_out(text: str) -> str:
    """``text`` with English numbers below one hundred as digits ("seventy-five" -> "75")."""

    def digits(match: re.Match[str]) -> str:
        tens, one, small = (part.lower() if part else "" for part in match.groups())
        if small:
            return str(1 + [*_ONES, *_TEENS].index(small))
        return str(20 + 10 * _TENS.index(tens) + (1 + _ONES.index(one) if one else 0))

    return _SPELLED.sub(digits, text)


def _value(number: str) -> float:
    return float(number.replace(",", "."))


def _years(unit: str) -> float:
    """The length of a unit of age in years, by the longest beginning of its word that is in :data:`UNITS`."""
    word = unit.lower()
    return next(UNITS[word[:length]] for length in range(len(word), 0, -1) if word[:length] in UNITS)


def _plausible(years: float) -> float | None:
    return round(years, 4) if 0 <= years <= OLDEST else None
