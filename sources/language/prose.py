"""Prose made ready for reading: one kind of dash and space, no lists of abbreviations, and patterns from plain words.

Rules about words are tables of phrases. In a phrase, ``-`` stands for a hyphen, a space or nothing (``x-ray``), a space
for spaces or hyphens, and a final ``*`` for any ending (``radiograph*``).
"""

import re
from collections.abc import Sequence

from sources.core.limits import PROSE_CHARACTERS

Span = tuple[int, int]

_ONE_FOR_ONE = str.maketrans(dict.fromkeys("‐‑‒–—−", "-") | dict.fromkeys("\u00a0\u2009\u202f\t\r\n", " "))
_ABBREVIATIONS = re.compile(r"\babbreviations?\s*:.*", re.IGNORECASE | re.DOTALL)
_ABBREVIATION = re.compile(
    r"\b([A-Z][A-Za-z]{0,5}[A-Z]s?)(?:-19)?\s?(?:,|:|=|-|indicates|denotes)\s*((?:[\w-]+\s?){1,8})"
)
_WRITTEN_OUT = ("anteroposterior", "posteroanterior", "coronavirus disease 2019", "coronavirus disease 19")
_END = re.compile(r"[.;?!]+(?=\s|$)")
_NO_END = re.compile(r"\b(?:figs?|nos?|vs|approx|ca|dr|st|cf|al|e\.g|i\.e|[ap]\.\s?[ap]|resp)\.$", re.IGNORECASE)


def plain(text: str | None) -> str:
    """``text`` with every dash as ``-`` and every space as " ", character for character, cut to a readable length."""
    return (text or "")[:PROSE_CHARACTERS].translate(_ONE_FOR_ONE)


def any_of(table: str) -> re.Pattern[str]:
    """The pattern of any phrase in a table (separated by commas or line ends), as whole words, in either case."""
    phrases = {entry.strip() for entry in re.split(r"[,\n]", table)} - {""}
    ordered = sorted(phrases, key=lambda words: (-len(words), words))
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(phrase, ordered))})(?!\w)", re.IGNORECASE)


def either(*patterns: str) -> re.Pattern[str]:
    """The pattern of any of some regular expressions, in either case."""
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


def phrase(words: str) -> str:
    """One phrase as a regular expression."""
    parts = re.split(r"([ *-])", words)
    symbols = {" ": r"[\s-]+", "-": r"[\s-]?", "*": r"\w*"}
    return "".join(symbols.get(part, re.escape(part)) for part in parts)


def without_abbreviations(text: str) -> str:
    """Plain text without the explanations that journals append ("CXR, chest X-ray; CT = computed tomography")."""
    return _ABBREVIATION.sub(_explained, _ABBREVIATIONS.sub("", text))


def sentences(text: str, keep: Sequence[Span] = ()) -> list[Span]:
    """(begin, end) of the sentences of plain text; a semicolon ends one, too.

    Args:
        keep: spans whose full stops end no sentence.
    """
    kept = {place for begin, end in keep for place in range(begin, end)}
    ends = [
        match.end()
        for match in _END.finditer(text)
        if match.start() not in kept and not _is_inside_a_sentence(text, match)
    ]
    begins = [0, *ends]
    spans = zip(begins, [*ends, len(text)], strict=True)
    return [(begin, end) for begin, end in spans if text[begin:end].strip()]


def _is_inside_a_sentence(text: str, end: re.Match[str]) -> bool:
    """Does a full stop belong to an abbreviation ("Fig. 2", "a.p. view") rather than end a sentence?"""
    if end[0] != ".":
        return False
    return _NO_END.search(text[max(0, end.start() - 8) : end.end()]) is not None and text[end.end() :].strip() != ""


def _explained(match: re.Match[str]) -> str:
    """What remains of an abbreviation and the words after it: the words, unless they begin by explaining it."""
    letters = [letter.lower() for letter in match[1].rstrip("s") if letter.isalnum()]
    words = [word for word in re.split(r"[\s-]+", match[2]) if word]
    explains = len(words) >= len(letters) and all(
        word[0].lower() == letter for word, letter in zip(words, letters, strict=False)
    )
    if explains:
        return " ".join(words[len(letters) :])
    return "" if match[2].strip().lower() in _WRITTEN_OUT else match[0]
