"""What a DICOM file says that it shows, if that is no radiograph of a person's chest.

The answer is in words of ours; the values of the attributes, which people may have typed, are never passed on.
"""

import re

from pipeline.decoding.dicom_attributes import Attributes
from sources.language.body_parts import Part, parse_body_part
from sources.language.views import parse_modality

SUBJECT_KEYWORDS = (
    *("Modality", "BodyPartExamined", "AnatomicRegionSequence"),
    *("PatientSpeciesDescription", "PatientSpeciesCodeSequence"),
)
CT, ANOTHER_MODALITY, ANOTHER_PART, ANIMAL = "CT", "another modality", "another part of the body", "an animal"
_CODE = re.compile(r"[A-Z]{2,8}")
_SPECIES = re.compile(r"[^\W\d_]{3,}")  # a word; shorter entries, and those below, state nothing
_NO_ANIMAL = re.compile(
    r"\b(?:human\w*|homo|person|patient|mensch|humain|umano|unknown|none|null|other|not|undefined|unspecified|default)\b",
    re.IGNORECASE,
)


def subject_of(attributes: Attributes) -> str | None:
    """``CT``, ``modality US`` or the like, another part or an animal; None if it may be a chest film."""
    modality = attributes.text("Modality")
    kind = parse_modality(modality)
    if kind == CT:
        return CT
    if kind == "other":
        return f"modality {modality}" if _CODE.fullmatch(modality) else ANOTHER_MODALITY
    species = attributes.text("PatientSpeciesDescription") or _meaning(attributes, "PatientSpeciesCodeSequence")
    if _SPECIES.search(species) and not _NO_ANIMAL.search(species):
        return ANIMAL
    part = attributes.text("BodyPartExamined") or _meaning(attributes, "AnatomicRegionSequence")
    return ANOTHER_PART if parse_body_part(part) == Part.OTHER else None


def _meaning(attributes: Attributes, keyword: str) -> str:
    """The words of the first code of a sequence."""
    return next((item.text("CodeMeaning") for item in attributes.items(keyword)[:1]), "")
