"""The view of a film, in table cells (``parse_view``) and in prose (``view_in_text``)."""

import re

from sources.reading.prose import either, plain

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
_LATERAL_FILM = either(
    r"\blaterale?\s+(?:view|projection|film|radiograph|chest|x-?\s?ray|cxr|thora)",
    r"\b(?:view|projection|proiezione|radiograph|x-?ray|film|cxr)[\s,:(]+(?:left |right )?(?:latero-?)?laterale?\b",
    r"^\W*(?:left |right )?lateral\W*$",
)
_ABBREVIATED_VIEW = re.compile(r"\b(AP|PA)\b|\b([ap]\.\s?[ap])\.")
_NO_VIEW = re.compile(  # the pulmonary artery, the aortopulmonary window
    r"pulmonary arter(?:y|ies)[\s,=:(-]*PAs?\b|\bPAs?[\s,=:(-]*pulmonary arter|\b(?:main|dilated|enlarged)\s+PA\b|"
    r"\bPA\s+(?:pressure|hypertension|catheter|trunk)|\bAP\)?[\s-]+window",
)
_SPELLED_VIEWS = {
    "AP": re.compile(r"\banter(?:o|ior)[\s-]*posterior", re.IGNORECASE),
    "PA": re.compile(r"\bposter(?:o|ior)[\s-]*anterior", re.IGNORECASE),
    "L": _LATERAL_FILM,
}
_FRONTAL = re.compile(r"\bfrontal\b", re.IGNORECASE)


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
    words = _NO_VIEW.sub(" ", plain(text))
    names = {
        (short or dotted.replace(".", "").replace(" ", "").upper())
        for short, dotted in _ABBREVIATED_VIEW.findall(words)
    }
    names |= {view for view, pattern in _SPELLED_VIEWS.items() if pattern.search(words)}
    supine = re.search(r"\b(?:supine|supin[oa])\b", words, re.IGNORECASE)
    if supine and names <= {"AP"}:
        return "AP_SUPINE"
    if len(names) != 1 or ("L" in names and _FRONTAL.search(words)):
        return "unknown"
    return names.pop()
