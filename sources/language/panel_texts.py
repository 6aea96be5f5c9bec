"""What a caption says about each panel of a figure.

A letter stands before its words ("(A) Chest X-ray. (B) CT."), after them ("Chest X-ray (A) and CT (B)") or among them
("Chest X-ray (A) shows ..., CT (B) shows ..."), and captions mix these. So each sentence is parted by itself.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from sources.language.panel_letters import Mark, marks_in, sides_in
from sources.language.prose import Span, plain, sentences

_JOINT = r"(?:and|or|but|while|whereas|&)"
_STARTS_WITH_JOINT = re.compile(rf"\s*(?:[,.;:]|{_JOINT}\b)", re.IGNORECASE)
_ENDS_WITH_JOINT = re.compile(rf"(?:[,;:-]|\b{_JOINT}|\b(?:at|on|after|from))\s*$", re.IGNORECASE)
_LAST_JOINT = re.compile(rf"(?:,\s*)?\b{_JOINT}\b|[,;]", re.IGNORECASE)
_ENDS_A_LEAD = re.compile(r"[:,;-]\s*$")
_SPEAKS_OF_THE_LAST = re.compile(
    r"\s*(?:shows|reveals|demonstrates|depicts|is|was|has|with|showed|revealed)\b", re.IGNORECASE
)
_EDGES = " ,;:-"


@dataclass
class PanelText:
    """What a caption says about one panel.

    Attributes:
        head: the words beside its letter.
        rest: what else is said about it.
        base: the words before it in the same sentence that it continues ("Chest X-ray on day 1 (A), on day 9 (B)").
    """

    head: str = ""
    rest: list[str] = field(default_factory=list)
    base: str = ""

    @property
    def text(self) -> str:
        """All that is said about the panel alone."""
        return " ".join(part for part in (self.head, *self.rest) if part)


@dataclass
class PartedCaption:
    """A caption by its panels.

    Attributes:
        shared: what it says about all of them; the whole caption if it does not tell them apart.
        panels: by letter, from A on.
        side_by_side: are panels A and B told apart as left and right (True), above and below (False), or by letter?
    """

    shared: str
    panels: dict[str, PanelText] = field(default_factory=dict)
    side_by_side: bool | None = None


def part_caption(caption: str, emphasized: Sequence[Span] = (), by_place: bool = False) -> PartedCaption:
    """A caption by its panels.

    Args:
        emphasized: where it is in bold or italic type.
        by_place: may "left" and "right" tell panels apart where letters do not? Only a figure of two panels may.
    """
    text = plain(caption)
    marks, side_by_side = marks_in(text, emphasized), None
    if not marks and by_place:
        marks, side_by_side = sides_in(text)
    if not marks:
        return PartedCaption(caption.strip())
    reader = _Reader(text, marks)
    for span in sentences(text, [mark.span for mark in marks]):
        reader.read(span)
    shared = " ".join(reader.shared)
    return PartedCaption(shared, dict(sorted(reader.panels.items())), side_by_side)


def without_letters(caption: str) -> str:
    """A plain caption without the letters of its panels, so that "PA (a) and lateral (b) film" names both views."""
    text = plain(caption)
    for mark in reversed(marks_in(text)):
        text = f"{text[: mark.span[0]]} {text[mark.span[1] :]}"
    return " ".join(text.split())


class _Reader:
    """Reads a caption sentence by sentence.

    Attributes:
        shared: the words about all panels; ``panels``: the words about each.
    """

    def __init__(self, text: str, marks: Sequence[Mark]) -> None:
        self.shared: list[str] = []
        self.panels: dict[str, PanelText] = {letter: PanelText() for mark in marks for letter in mark.letters}
        self._text = text
        self._marks = marks
        self._subject = ""  # the panels that the sentence before was about

    def read(self, span: Span) -> None:
        """Give the words of a sentence to the panels they are about."""
        begin, end = span
        marks = [mark for mark in self._marks if begin <= mark.span[0] < end]
        if not marks:
            self._add(self._subject, self._text[begin:end].strip())
            return
        edges = [begin, *(edge for mark in marks for edge in mark.span), max(end, marks[-1].span[1])]
        between = [self._text[edges[place] : edges[place + 1]] for place in range(0, len(edges), 2)]
        if _stand_before(marks, between):
            self._read_before(marks, between)
        else:
            self._read_after(marks, between)

    def _read_before(self, marks: Sequence[Mark], between: Sequence[str]) -> None:
        """Letters before their words; what precedes the first letter is about all panels."""
        if lead := between[0].strip(" ("):
            self._add("" if not self._subject else _letters(marks), lead)
        base = ""
        for mark, words in zip(marks, between[1:], strict=True):
            base = self._set(mark, _trimmed(words), base)
        self._subject = marks[-1].letters

    def _read_after(self, marks: Sequence[Mark], between: Sequence[str]) -> None:
        """Letters after or among their words; what follows the last letter is about all panels of the sentence."""
        lead, colon, first = between[0].rpartition(":")
        pieces, rest = [first], list(between[1:])
        for place, words in enumerate(rest[:-1]):
            cut = _cut(words)
            pieces[place] += words[:cut]
            pieces.append(words[cut:])
        tail = rest[-1]
        if (len(marks) > 1 and _SPEAKS_OF_THE_LAST.match(tail)) or len(marks) == 1:
            pieces[-1] += tail
            tail = ""
        if colon:
            self._add("" if not self._subject else _letters(marks), lead.strip() + colon)
        base = ""
        for mark, words in zip(marks, pieces, strict=True):
            base = self._set(mark, _trimmed(words), base)
        self._add(_letters(marks), tail.strip(" .;,"))
        self._subject = _letters(marks)

    def _set(self, mark: Mark, words: str, base: str) -> str:
        """Give the words beside a mark to its panels; returns the words that the next mark may continue."""
        for letter in mark.letters:
            panel = self.panels[letter]
            if panel.head:
                panel.rest.append(words)
            else:
                panel.head, panel.base = words, base
        return base or words

    def _add(self, letters: str, words: str) -> None:
        if not words:
            return
        for letter in letters:
            self.panels[letter].rest.append(words)
        if not letters:
            self.shared.append(words)


def _stand_before(marks: Sequence[Mark], between: Sequence[str]) -> bool:
    """Do the letters of a sentence stand before their words?

    Args:
        between: the words before the first mark, between the marks, and after the last.
    """
    first, last, inner = between[0], between[-1].strip(" .;,)"), between[1:-1]
    if not first.strip(" (\"'"):
        return True
    if not last or re.match(r"respectively\b", last):
        return False
    if _ENDS_A_LEAD.search(first) or all(words.strip()[:1].isupper() for words in between[1:]):
        return True
    after = sum(bool(_STARTS_WITH_JOINT.match(words)) for words in inner)
    before = sum(bool(_ENDS_WITH_JOINT.search(words)) for words in inner)
    if before != after:
        return before > after
    return not any(mark.is_enclosed for mark in marks)


def _cut(words: str) -> int:
    """Where the words between two letters that follow their words part: at once, or at the last "and"."""
    if _STARTS_WITH_JOINT.match(words) or not words.strip():
        return 0
    joints = list(_LAST_JOINT.finditer(words))
    return joints[-1].start() if joints else 0


def _letters(marks: Sequence[Mark]) -> str:
    return "".join(mark.letters for mark in marks)


def _trimmed(words: str) -> str:
    """Words without the "and" and the punctuation at their edges."""
    words = re.sub(r"\s+(?=[.,;:])", "", " ".join(words.split()))
    words = re.sub(rf"^[\s,;:.-]*(?:{_JOINT}\b)?\s*", "", words, flags=re.IGNORECASE)
    words = re.sub(rf"[\s,;]*(?:\b{_JOINT})?[\s,;(]*$", "", words, flags=re.IGNORECASE)
    return words.strip(_EDGES)
