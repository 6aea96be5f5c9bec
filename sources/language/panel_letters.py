"""Where a caption names its panels: the letters "(A)", "B:", "c and d", "(A-C)", or "left" and "right".

Letters are trusted in this order: in parentheses or in bold or italic type, then with a mark of punctuation at the
beginning of a sentence or after the word "panel", then alone before a capital. They must run from A on without a gap.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from sources.language.prose import Span

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
BEFORE = 16  # characters of the longest words that may refer to a letter: "compare panels "
SIDES = ({"left": "A", "right": "B"}, {"top": "A", "bottom": "B"}, {"upper": "A", "lower": "B"})

_LETTER = r"[A-Za-z](?![\w'’])"
_JOINED = r"(?:\s?,\s?(?:and\s|&\s)?|\s?-\s?|\s(?:and|to|&)\s|\s?&\s?)"
_GROUP = rf"{_LETTER}(?:{_JOINED}{_LETTER}){{0,25}}"
_NAMED = r"(?:panels?|pictures?|parts?|images?|figures?\s?\d*|figs?\.?\s?\d*)"
_ROUND = re.compile(rf"[(\[]\s?(?:{_NAMED}\s?|\d{{1,2}})?({_GROUP})\s?(?:[)\]]|(?=[,;:=]\s))", re.IGNORECASE)
_OPEN = re.compile(rf"(?:^|(?<=[.;:,]\s))({_GROUP})\)", re.IGNORECASE)
_POINTED = re.compile(
    rf"(?:^|(?<=[.;:]\s))(?:{_NAMED}\s?|\d{{1,2}})?({_GROUP})\s?(?:[.:,)](?=\s)|-(?=\s))", re.IGNORECASE
)
_BETWEEN_COMMAS = re.compile(r",\s([A-Z]),(?=\s)")
_AFTER_NAME = re.compile(rf"\b(?:{_NAMED}\s|figs?\.?\s?\d+|figures?\s\d+)\s?({_GROUP})[.:,)]?(?=\s|$)", re.IGNORECASE)
_ALONE = re.compile(r"(?:^|(?<=[.;:]\s))([A-Z])\s(?=[A-Z\d])")
_SIDE = r"(left|right|top|bottom|upper|lower)"
_PLACE = r"(?:panels?|images?|pictures?|sides?|rows?|columns?|figures?)"
_PLACED = re.compile(
    rf"\((?:on\s|at\s)?(?:the\s)?{_SIDE}(?:\s(?:hand\s)?{_PLACE})?\)|"
    rf"(?:^|(?<=[.;,]\s))(?:the\s|on the\s)?{_SIDE}(?:\s{_PLACE}\s?:?|\s?:)",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"\b(?:in|of|than|with|from|as|see|compare|to|and)\s(?:panels?\s)?$", re.IGNORECASE)
_LEAD_IN = re.compile(r"(?:^|(?<=[.;,]\s)|(?<=\band\s))in\s(?:panels?\s)?$", re.IGNORECASE)


@dataclass(frozen=True)
class Mark:
    """One place where a caption names panels.

    Attributes:
        span: with parentheses and punctuation; the words of the panels are before or after it.
        letters: the panels, in capitals ("ABC" for "(a-c)").
        is_enclosed: in parentheses or between commas, so that it may follow the words it belongs to.
    """

    span: Span
    letters: str
    is_enclosed: bool = True


def marks_in(caption: str, emphasized: Sequence[Span] = ()) -> list[Mark]:
    """The marks of a plain caption in its order; none if its letters do not run from A on.

    Args:
        emphasized: where the caption is in bold or italic type.
    """
    sure = [*_found(caption, _ROUND), *_found(caption, _OPEN, False), *_emphasized(caption, emphasized)]
    pointed = [
        *_found(caption, _POINTED, False),
        *_found(caption, _AFTER_NAME, False),
        *_found(caption, _BETWEEN_COMMAS),
    ]
    candidates = [_in_order(caption, marks) for marks in (sure, [*sure, *pointed], _found(caption, _ALONE, False))]
    return max(candidates, key=lambda marks: len({letter for mark in marks for letter in mark.letters}))


def sides_in(caption: str) -> tuple[list[Mark], bool]:
    """(the marks of a plain caption that tells two panels apart by their place, do they stand side by side).

    The marks have the letters A (left, above) and B (right, below); there are none unless both are named.
    """
    found = [(match, (match[1] or match[2]).lower()) for match in _PLACED.finditer(caption)]
    for sides in SIDES:
        marks = [Mark(match.span(), sides[word], match[1] is not None) for match, word in found if word in sides]
        if {mark.letters for mark in marks} == set("AB"):
            return marks, "left" in sides
    return [], False


def _found(caption: str, pattern: re.Pattern[str], is_enclosed: bool = True) -> list[Mark]:
    marks = []
    for match in pattern.finditer(caption):
        if letters := _letters(match[1]):
            begin, end = match.span()
            lead = _right_before(caption, begin, _LEAD_IN)
            marks.append(Mark((lead.start() if lead else begin, end), letters, is_enclosed and lead is None))
    return marks


def _right_before(caption: str, place: int, pattern: re.Pattern[str]) -> re.Match[str] | None:
    """What stands right before a place; few characters are searched, however long the caption is."""
    return pattern.search(caption, max(0, place - BEFORE), place)


def _emphasized(caption: str, spans: Iterable[Span]) -> list[Mark]:
    """Letters in bold or italic type; those with only "and", a comma or a dash between them are one mark."""
    joined: list[Span] = []
    for begin, end in spans:
        if joined and re.fullmatch(_JOINED, caption[joined[-1][1] : begin]):
            joined[-1] = joined[-1][0], end
        else:
            joined.append((begin, end))
    marks = []
    for begin, end in joined:
        words = re.fullmatch(
            rf"[(\[]?(?:{_NAMED}\s?|\d{{1,2}})?({_GROUP})[)\]]?[.:,]?", caption[begin:end], re.IGNORECASE
        )
        if words and (letters := _letters(words[1])):
            around = re.compile(r"[.:,)\]]*").match(caption, end)
            marks.append(Mark((begin, around.end() if around else end), letters, False))
    return marks


def _letters(group: str) -> str:
    """The letters of a group: "ABC" for "a-c", "a, b and c"; "" for a range that runs backwards."""
    letters = ""
    parts = re.split(rf"({_JOINED})", group)
    for joint, letter in zip(["", *(part.strip() for part in parts[1::2])], parts[::2], strict=True):
        if joint in ("-", "to") and letters:
            first, last = LETTERS.index(letters[-1]), LETTERS.index(letter.upper())
            if last <= first:
                return ""
            letters += LETTERS[first + 1 : last + 1]
        else:
            letters += letter.upper()
    return letters


def _in_order(caption: str, marks: Sequence[Mark]) -> list[Mark]:
    """The marks whose letters run from A on without a gap, without overlaps and references ("worse than in (A)")."""
    named = {letter for mark in marks for letter in mark.letters}
    run = set(takewhile(named.__contains__, LETTERS))
    kept: list[Mark] = []
    seen: set[str] = set()
    for mark in sorted(marks, key=lambda mark: (mark.span[0], -mark.span[1])):
        overlaps = kept and mark.span[0] < kept[-1].span[1]
        refers = seen.issuperset(mark.letters) and _right_before(caption, mark.span[0], _REFERENCE)
        if run.issuperset(mark.letters) and not overlaps and not refers:
            kept.append(mark)
            seen |= set(mark.letters)
    return kept if seen == run else []
