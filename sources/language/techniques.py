"""What a figure shows by its caption and, where that names no modality, by the imaging techniques of its case."""

import re

from sources.language.captions import CaptionFacts, caption_facts
from sources.language.modalities import modalities_in_text, modality_in_text
from sources.language.panel_texts import part_caption, without_letters

RADIOGRAPHY = re.compile(r"radiogra(?:ph|f)|x-?\s?ray|roentgen|plain film", re.IGNORECASE)


def film_facts(caption: str, technique: str) -> CaptionFacts:
    """Modality and view of a picture, from its caption.

    Args:
        technique: the imaging techniques of the whole case, which decide if the caption names no modality; "" = not
            stated.
    """
    if modalities_in_text(caption) or not technique or RADIOGRAPHY.search(technique):
        return caption_facts(caption)
    stated = modality_in_text(technique)
    reason = f"not an X-ray according to the imaging technique of its case ({technique[:80]})"
    return CaptionFacts(stated, "CT" if stated == "CT" else "OTHER", reason)


def figure_facts(caption: str, letter: str, technique: str) -> tuple[CaptionFacts, str]:
    """(modality and view of the picture ``letter`` of a figure, the part of the caption that is about it)."""
    parted = part_caption(caption)
    panel = parted.panels.get(letter.upper())
    if panel is None:
        about = without_letters(caption)
        return film_facts(about, technique), about
    names = [words for words in (panel.base, parted.shared) if modalities_in_text(words)]
    decisive = panel.text if modalities_in_text(panel.text) else " ".join([panel.text, *names[:1]])
    return film_facts(decisive, technique), f"{panel.text} {parted.shared}".strip()
