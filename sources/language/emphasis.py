"""Letters in bold or italic type, which often name the panels of a figure: kept while markup becomes plain words."""

import re

from sources.language.prose import Span

TAGS = frozenset({"bold", "italic", "underline", "sc", "styled-content", "b", "strong", "i", "em"})  # in JATS and HTML
OPEN, CLOSE = "\ue000", "\ue001"  # around emphasized letters, until their places in the words are known
_LETTERS = re.compile(
    r"[(\[]?(?:fig\.?\s?\d*|figures?\s?\d*|panels?\s|\d)?[a-z](?:\s?(?:,|-|–|and|&)\s?[a-z])*[)\]]?[.:,]?",
    re.IGNORECASE,
)
_UNMARKED = {ord(OPEN): None, ord(CLOSE): None}


def marked(tag: str, text: str) -> str:
    """The text of an element, between :data:`OPEN` and :data:`CLOSE` if it is an emphasized letter or a few."""
    text = text.translate(_UNMARKED)
    is_letters = tag in TAGS and _LETTERS.fullmatch(text.strip())
    return f"{OPEN}{text.strip()}{CLOSE}" if is_letters else text


def unmarked(words: str) -> tuple[str, tuple[Span, ...]]:
    """Words without the marks around emphasized letters, and where these letters are."""
    places: list[Span] = []
    plain = ""
    for part in re.split(f"({OPEN}[^{CLOSE}]*{CLOSE})", words):
        letters = part.strip(OPEN + CLOSE)
        if part.startswith(OPEN):
            places.append((len(plain), len(plain) + len(letters)))
        plain += letters
    return plain, tuple(places)
