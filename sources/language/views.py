"""The view of a film, in table cells (``parse_view``) and in prose (``view_in_text``)."""

import re

from sources.language.prose import either, plain

_VIEW_WORDS = (  # of one cell; the first match decides
    (
        "CT",
        r"\b(?:hr|angio-?)?ct\b|\btac\b|\btc\b|tomograph\w*|tomograf\w*|\baxial\w*|\bcoronal\w*|\bsagittal\w*|\bassial[ei]\b",
    ),
    (
        "OTHER",
        r"\bobli(?:que|[cq]u)\w*|\bschräg\w*|\blordotic\w*|\bapic(?:al|o)\w*|\bdec[uú]bit\w*(?!\w*\s+(?:dorsal|supin))|"
        r"\b[lr]ld\b|\b[lr](?:ao|po|lo)\b|\bswimmer'?s?\b|\bcostal\w*|\bribs?\b|\bexcluded?\b|\babdom\w*|"
        r"\bmri?\b|\bultraso\w+|\bus\b|\becograf\w*|\bmagnetic\b",
    ),
    (
        "AP_SUPINE",
        r"\bsup\b|\bsupin[eoa]?\b|\bbed-?side\b|\bclinostat\w*|\bhorizontal\b|\brecumbent\b|"
        r"\bliegen(?:d\w*)?\b|\bacostad[oa]\b|\bcouchée?\b|\bsdraiat[oa]\b",
    ),
    ("AP", r"\ba[-/]?p\b|\banter\w*[-\s]*posterior\w*|\ba\.p\.(?=\W|$)"),
    ("PA", r"\bp[-/]?a\b|\bposter\w*[-\s]*anterior\w*|\bp\.a\.(?=\W|$)"),
)
_AXIAL_FILM = re.compile(r"\b(?:ap|pa)[\s-]+axial\b|\baxial[\s-]+(?:ap|pa)\b", re.IGNORECASE)  # lordotic
_SAYS_NO_VIEW = re.compile(  # PA or AP; and words that name no view
    r"(?:frontal\w*|front|chest|thorax|torax|generica|unk|other|ot)(?:\s+(?:view|image|film|projection))?",
    re.IGNORECASE,
)
_LATERAL = re.compile(
    r"\b(?:l|ll|rl|lat|[lr][\s.-]?lat|latero-?\s?lateral\w*|lateral\w*|profile?|perfil|seitlich\w*)\b", re.IGNORECASE
)
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
_SUPINE = re.compile(
    r"\b(?:supine|supin[oa]|(?:im|am)\s+liegen|liegend\w*|acostad[oa]|couchée?|sdraiat[oa]|décubitus\s+dorsal)\b",
    re.IGNORECASE,
)
_FRONTAL = re.compile(r"\bfrontal\b", re.IGNORECASE)


def parse_view(text: str | None) -> str:
    """The view that a cell names, as one of ``sources.core.items.VIEWS``.

    ``Frontal`` may be PA or AP and is ``unknown``, as are blanks, ``?`` and cells that name two views. The words are
    those of DICOM (``LLD``, ``RLO``), MIMIC (``AP AXIAL``, ``SWIMMERS``), CheXpert, PadChest (``AP_horizontal``,
    ``COSTAL``), BIMCV, NIH and Cohen.
    """
    words = (text or "")[:200].replace("_", " ").strip()
    if _AXIAL_FILM.search(words):
        return "OTHER"
    lateral = bool(_LATERAL.search(words))
    named = [view for view, pattern in _VIEW_WORDS if re.search(pattern, words, re.IGNORECASE)]
    if "CT" in named or "OTHER" in named:
        return named[0]
    frontal = set(named) - ({"AP"} if "AP_SUPINE" in named else set())
    if len(frontal) + lateral != 1:
        return "unknown"
    return "L" if lateral else frontal.pop()


def names_no_view(text: str) -> bool:
    """Does a cell say no more than that it is a chest film, perhaps a frontal one?"""
    return _SAYS_NO_VIEW.fullmatch(text.replace("_", " ").strip()) is not None


_XRAY_CODES = re.compile(
    r"cr|dx|dr|rg|xr|(?:chest\s)?(?:xray|x[\s-]ray)|cxr|rx|radiograph\w*|radiograf\w*|röntgen\w*|(?:(?:cr|dx)[\\/|,;\s]*)+",
    re.IGNORECASE,
)
_CT_CODES = re.compile(r"ct|hrct|tc|tac|cta|(?:computed\s)?tomogra\w*", re.IGNORECASE)
_OTHER_CODES = re.compile(
    r"mri?|mrs?|us|pt|pet(?:[\s/-]?ct)?|nm|xa|mg|rf|io|px|sc|sr|seg|pr|ko|reg|rt(?:image|dose|plan|struct|record)|bmd|bdus|es|ecg|eps|gm|hd|ivus|ivoct|"
    r"ls|oam|oct|op|opm|opt|opv|sm|tg|vf|xc|ultraso\w*|magnetic.*|angiogra\w*|mammogra\w*",
    re.IGNORECASE,
)


def parse_modality(text: str | None) -> str | None:
    """``X-ray``, ``CT`` or ``other`` for a cell with a code of DICOM (``CR``, ``DX``, ``MR``) or a word; else None."""
    words = (text or "")[:100].strip()
    codes = {"X-ray": _XRAY_CODES, "CT": _CT_CODES, "other": _OTHER_CODES}
    return next((modality for modality, pattern in codes.items() if pattern.fullmatch(words)), None)


def view_in_text(text: str | None) -> str:
    """The view of a film that prose describes; ``unknown`` unless it names exactly one of PA, AP (supine), lateral."""
    words = _NO_VIEW.sub(" ", plain(text))
    names = {
        (short or dotted.replace(".", "").replace(" ", "").upper())
        for short, dotted in _ABBREVIATED_VIEW.findall(words)
    }
    names |= {view for view, pattern in _SPELLED_VIEWS.items() if pattern.search(words)}
    if _SUPINE.search(words) and names <= {"AP"}:
        return "AP_SUPINE"
    if len(names) != 1 or ("L" in names and _FRONTAL.search(words)):
        return "unknown"
    return names.pop()
