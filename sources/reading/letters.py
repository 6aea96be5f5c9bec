"""Which part of a caption is about the picture with a given letter: "PA (a) and lateral (b) chest radiograph"."""

import re

from sources.core.limits import PROSE_CHARACTERS

_MARK = re.compile(r"\(\s*([a-h](?:\s*(?:,|&|and|to|-|–)\s*[a-h])*)\s*\)", re.IGNORECASE)
_LEADS = re.compile(r"(?:^|[.:;,–])\s*$")  # what stands before a letter that comes before its text
_SENTENCE = re.compile(r".*[.:;]\s", re.DOTALL)


def about_letter(caption: str, letter: str) -> tuple[str, str]:
    """(what the caption says about the picture ``letter``, what it says about all pictures).

    Letters stand before their text ("(a) PA view, (b) lateral view") or behind it ("PA (a) and lateral (b) view"); the
    first one decides for all. A caption that does not mention the letter is about all pictures.
    """
    words = caption[:PROSE_CHARACTERS]
    marks = list(_MARK.finditer(words))
    if not letter or not any(_stands_for(mark[1], letter) for mark in marks):
        return "", words
    before = words[: marks[0].start()]
    if _LEADS.search(before):
        ends = [*(mark.start() for mark in marks[1:]), len(words)]
        texts = [words[mark.end() : end] for mark, end in zip(marks, ends, strict=True)]
        common = before
    else:
        sentence = _SENTENCE.match(before)
        start = sentence.end() if sentence else 0
        starts = [start, *(mark.end() for mark in marks[:-1])]
        texts = [words[begin : mark.start()] for mark, begin in zip(marks, starts, strict=True)]
        common = f"{before[:start]} {words[marks[-1].end() :]}"
    own = " ".join(text for mark, text in zip(marks, texts, strict=True) if _stands_for(mark[1], letter))
    return " ".join(own.split()), " ".join(common.split())


def without_letters(caption: str) -> str:
    """The caption without its letters, so that "PA (a) and lateral (b) film" names both views."""
    return " ".join(_MARK.sub(" ", caption[:PROSE_CHARACTERS]).split())


def _stands_for(mark: str, letter: str) -> bool:
    """Is ``letter`` among those of a mark such as ``a``, ``a, b`` or ``a-c``?"""
    letters = re.findall(r"(?<![a-z])[a-h](?![a-z])", mark.lower())
    is_range = len(letters) == 2 and re.search(r"-|–|to", mark)
    return letters[0] <= letter.lower() <= letters[1] if is_range else letter.lower() in letters
