"""Captions of figures: what they say of each lettered panel, and what of all of them."""

import re

from sources.reading.panels import LETTERS

MARK = re.compile(
    r"(?:^|(?<=[\s.;,:]))\(?([A-Z])\)[\s:.,]|(?:^|(?<=[.;:]\s))([A-Z])[,:]\s", re.IGNORECASE
)  # "(A) ...", "b) ...", "A: ...", "; C, ..."


def panel_texts(caption: str) -> tuple[str, list[str]]:
    """(what a caption says before its first panel, what it says of panels A, B, ...).

    ``Man of 40. (A) CXR. (B) CT.`` is ``("Man of 40.", ["CXR.", "CT."])``. Where the letters do not run from A on,
    no panel is told of.
    """
    marks = list(MARK.finditer(caption))
    named = "".join((mark[1] or mark[2]).upper() for mark in marks)
    if not marks or not LETTERS.startswith(named):
        return caption.strip(), []
    ends = [mark.start() for mark in marks[1:]] + [len(caption)]
    texts = [caption[mark.end() : end].strip(" ;,") for mark, end in zip(marks, ends, strict=True)]
    return caption[: marks[0].start()].strip(), texts
