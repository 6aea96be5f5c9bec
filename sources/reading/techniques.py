"""What a figure shows when its caption names no modality: by its other words, and by the techniques of its case."""

import re

from sources.reading.letters import about_letter, without_letters
from sources.reading.views import CT_BY_CAPTION, CaptionFacts, caption_facts, modalities_in_text, modality_in_text

RADIOGRAPHY = re.compile(r"radiogra(?:ph|f)|x-?\s?ray|roentgen|plain film", re.IGNORECASE)
CROSS_SECTIONAL = re.compile(  # words of a caption that names no modality
    r"\breformat\w*|\breconstruct\w*|\bm(?:pr|ip)\b|\bminip\b|\bvrt\b|\bvolume[\s-]render\w*|"
    r"\b(?:lung|mediastin\w+|bone|soft[\s-]tissue|parenchymal?|abdominal|brain|vascular)[\s-]windows?\b|"
    r"\bwindow(?:ing|\s+(?:settings?|levels?|width))\b|\b(?:axial|coronal|sagittal|transverse|transaxial)\b|"
    r"\bcrazy[\s-]paving\b|\btree[\s-]in[\s-]bud\b|\bhounsfield\b|\bslices?\b|\bthin[\s-]sections?\b|"
    r"\bfinestra\s+(?:polmonare|mediastinica)|\bricostruzion\w*|\b(?:assial|coronal|sagittal)[ei]\b|"
    r"\b(?:arterial|venous|portal|delayed)\s+phase\b|\bcontrast[\s-]enhanced\b|\bperfusion\b",
    re.IGNORECASE,
)
OTHER_IMAGING = re.compile(
    r"\bt[12](?:\*|[\s-]?w\w*)?[\s-]+(?:weighted|images?|sequences?|fs|tse)\b|\bt[12]w(?:i)?\b|\bflair\b|\bstir\b|"
    r"\b(?:dwi|adc)\b|\bdiffusion[\s-]weighted\b|\bdoppler\b|\bsonogra\w+|\bfdg\b|\bsuv(?:max)?\b|\bhistopatholog\w*|"
    r"\bmicroscop\w*|\bendoscop\w*|\bbronchoscop\w*|\bangiogra\w+|\bphotograph\w*",
    re.IGNORECASE,
)


def film_facts(caption: str, technique: str) -> CaptionFacts:
    """Modality and view of a picture, from its caption; what names no modality is judged by its other words.

    Args:
        technique: the imaging techniques of the whole case; "" = not stated.
    """
    named = modalities_in_text(caption)
    if named and "X-ray" not in named:
        return caption_facts("CT" if "CT" in named else caption)
    if named:
        return caption_facts(caption)
    if OTHER_IMAGING.search(caption):
        return CaptionFacts("other", "OTHER", "not an X-ray according to its caption")
    if CROSS_SECTIONAL.search(caption):
        return CaptionFacts("CT", "CT", CT_BY_CAPTION)
    if technique and not RADIOGRAPHY.search(technique):
        stated = modality_in_text(technique)
        reason = f"not an X-ray according to the imaging technique of its case ({technique[:80]})"
        return CaptionFacts(stated, "CT" if stated == "CT" else "OTHER", reason)
    return caption_facts(caption)


def figure_facts(caption: str, letter: str, technique: str) -> tuple[CaptionFacts, str]:
    """(modality and view of the picture ``letter`` of a figure, the part of the caption that is about it)."""
    own, common = about_letter(caption, letter)
    about = without_letters(f"{own} {common}")
    return film_facts(own if modalities_in_text(own) else about, technique), about
