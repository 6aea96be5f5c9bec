"""What a picture shows: its view, in table cells (``parse_view``) and in prose (``*_in_text``), and its modality."""

import re
from dataclasses import dataclass

from sources.core.limits import PROSE_CHARACTERS

CT_BY_CAPTION = "CT according to its caption"
NO_FILM = "the caption does not mention a chest film"


@dataclass(frozen=True)
class CaptionFacts:
    """What a caption says about its picture.

    Attributes:
        modality: X-ray, CT, other, or None if the caption names none or several.
        view: one of ``sources.core.items.VIEWS``.
        skip: why the picture is not a film, or None.
    """

    modality: str | None
    view: str
    skip: str | None


def caption_facts(caption: str) -> CaptionFacts:
    """Modality and view of a picture, from its caption. A caption that names no modality does not rule out a film."""
    modality = modality_in_text(caption)
    if modality == "CT":
        return CaptionFacts(modality, "CT", CT_BY_CAPTION)
    if modality == "other":
        return CaptionFacts(modality, "OTHER", "not an X-ray according to its caption")
    return CaptionFacts(modality, view_in_text(caption), None)


_VIEW_WORDS = (  # of one cell; the first match decides
    (
        "CT",
        r"\b(?:hr|angio-?)?ct\b|\btac\b|\btc\b|tomograph\w*|tomograf\w*|\baxial\w*|\bcoronal\w*|\bsagittal\w*|\bassial[ei]\b",
    ),
    ("OTHER", r"\boblique\b|\blordotic\b|\bdecubitus\b|\bmri?\b|\bultraso\w+|\bus\b|\becograf\w*|\bmagnetic\b"),
    ("AP_SUPINE", r"\bsupine\b|\bsupin[oa]\b|\bbed-?side\b|\bclinostat\w*"),
    ("AP", r"\bap\b|\bantero-?\s?posterior\w*|\ba\.?p\.(?=\W|$)"),
    ("PA", r"\bpa\b|\bpostero-?\s?anterior\w*|\bp\.?a\.(?=\W|$)"),
)
_LATERAL = re.compile(r"\b(?:l|ll|lat|latero-?\s?lateral\w*|lateral|laterale)\b", re.IGNORECASE)
_LATERAL_FILM = re.compile(
    r"\b(?:left |right )?lateral[e]?\s+(?:view|projection|film|radiograph|chest|x-?\s?ray|cxr)|"
    r"\b(?:view|projection|proiezione|radiograph|x-?ray|film)[\s,:(]+(?:left |right )?(?:laterale?|latero-?laterale)\b",
    re.IGNORECASE,
)
_ABBREVIATED_VIEW = re.compile(r"\b(AP|PA)\b")
_SPELLED_VIEWS = {
    "AP": re.compile(r"\bantero-?\s?posterior", re.IGNORECASE),
    "PA": re.compile(r"\bpostero-?\s?anterior", re.IGNORECASE),
    "L": _LATERAL_FILM,
}


def parse_view(text: str | None) -> str:
    """The view that a cell names, as one of ``sources.core.items.VIEWS``.

    ``Frontal`` may be PA or AP and is ``unknown``, as are blanks, ``?`` and cells that name two views.
    """
    words = (text or "")[:200].replace("_", " ").strip()
    lateral = bool(_LATERAL.search(words))
    named = [view for view, pattern in _VIEW_WORDS if re.search(pattern, words, re.IGNORECASE)]
    if "CT" in named or "OTHER" in named:
        return named[0]
    frontal = set(named) - ({"AP"} if "AP_SUPINE" in named else set())
    if len(frontal) + lateral != 1:
        return "unknown"
    return "L" if lateral else frontal.pop()


def view_in_text(text: str | None) -> str:
    """The view of a film that prose describes; ``unknown`` unless it names exactly one of PA, AP (supine), lateral."""
    words = (text or "")[:PROSE_CHARACTERS]
    names = set(_ABBREVIATED_VIEW.findall(words))
    names |= {view for view, pattern in _SPELLED_VIEWS.items() if pattern.search(words)}
    supine = re.search(r"\b(?:supine|supin[oa])\b", words, re.IGNORECASE)
    if supine and names <= {"AP"}:
        return "AP_SUPINE"
    return names.pop() if len(names) == 1 else "unknown"


_FILM = re.compile(
    r"\b(?:x[\s-]?rays?|radiograph(?:s|y|ic)?|radiograms?|roentgenogram\w*|cxrs?|plain films?|"
    r"rx|radiografi[ae]|radiogramm[ai])\b",
    re.IGNORECASE,
)
_CT = re.compile(
    r"\b(?:hr|ld|ce)?cts?\b|\bct(?:p?a)\b|\b(?:angio-?)?tc\b|\btac\b|\btomogra(?:ph|f)\w*|"
    r"\b(?:axial|coronal|sagittal)\s+(?:plane|images?|slices?)",
    re.IGNORECASE,
)
_OTHER_MODALITY = re.compile(
    r"\b(?:mri|magnetic resonance|ultrasound|ultrasonograph\w*|ecografia|echocardiogra\w*|pet|scintigra\w*|"
    r"electrocardiogra\w*|ecg|histolog\w*)\b",
    re.IGNORECASE,
)


def modalities_in_text(text: str | None) -> set[str]:
    """Those of ``X-ray``, ``CT`` and ``other`` that prose names."""
    words = (text or "")[:PROSE_CHARACTERS]
    patterns = {"X-ray": _FILM, "CT": _CT, "other": _OTHER_MODALITY}
    return {modality for modality, pattern in patterns.items() if pattern.search(words)}


def modality_in_text(text: str | None) -> str | None:
    """``X-ray``, ``CT`` or ``other`` if prose names exactly one of them, else None."""
    named = modalities_in_text(text)
    return named.pop() if len(named) == 1 else None
