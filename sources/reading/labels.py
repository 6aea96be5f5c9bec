"""The label of a film by its source's finding: in table cells (``label_of``) and in prose (``label_in_text``)."""

import re

from sources.core.limits import PROSE_CHARACTERS

_UNKNOWN = re.compile(
    r"(?:todo|unknown|un-?specified|not stated|n/?a|nan|none|null|unclear|pending|\W*)", re.IGNORECASE
)
_NEGATED = re.compile(
    r"\b(?:non|no|not|without|negative\s+for|ruled?\s+out|excluded)[\s-]+(?:evidence\s+of\s+|signs?\s+of\s+)?"
    r"(?:covid(?:[\s-]*19)?|sars-?cov-?2|pneumonia)\b|"
    r"\b(?:covid(?:[\s-]*19)?|sars-?cov-?2)[\s,:(-]*(?:pcr[\s-]*)?(?:negative|ruled\s+out|excluded)\b",
    re.IGNORECASE,
)
_UNPROVEN = re.compile(
    r"\b(?:suspect(?:ed)?|possible|probable|query)\s+(?:of\s+|case\s+of\s+)?(?:covid|sars-?cov-?2)", re.IGNORECASE
)
_COVID = re.compile(
    r"covid|\bsars[\s-]*cov[\s-]*2|\b(?:2019[\s-]*ncov|ncov[\s-]*2019)\b|novel coronavirus", re.IGNORECASE
)
_NORMAL = re.compile(
    r"no\s+(?:acute\s+)?(?:findings?|abnormalit(?:y|ies))(?:\s+seen)?|healthy|"
    r"normal(?:\s+(?:chest|cxr|films?|x[\s-]?rays?|radiographs?|study|adult|child|infant|neonate|(?:fe)?male|\(|\)|"
    r"\d{1,3}[\s-]+(?:year|month|week|day)s?(?:[\s-]+old)?))*",
    re.IGNORECASE,
)
_NOT_COMMUNITY = re.compile(
    r"pneumocystis|\bpcp\b|aspirati|lipoid|eosinophil|organi[sz]ing|\bcop\b|\bboop\b|hospital|nosocomial|ventilator|"
    r"fungal|aspergill|interstitial\s+pneumonia|tubercul|\btb\b",
    re.IGNORECASE,
)
_PNEUMONIA = re.compile(
    r"pneumon(?!ect|itis)|\bsars\b|\bmers\b|influenza|\bh[157]n[19]\b|varicella|chickenpox|herpes|streptococ|klebsiella|"
    r"legionell|\be\.?\s?coli\b|escherichia|chlamyd|mycoplasma|staphylococ|\bmrsa\b|haemophilus|adenovir|\brsv\b|nocardi|"
    r"\bbacterial?\b|\bviral\b|\bvirus\b|\bcap\b",
    re.IGNORECASE,
)


def label_of(finding: str | None, rt_pcr: str | None = None) -> str | None:
    """The label (normal | cap | covid | other) of a source's finding; None if it does not decide one.

    - COVID-19 in any spelling, alone, with others ("COVID-19, ARDS") or as a path (``Pneumonia/Viral/COVID-19``):
      covid. Suspected or excluded COVID-19, or COVID-19 with a negative RT-PCR (``rt_pcr``): None.
    - "No Finding", "normal": normal.
    - Pneumonia acquired outside hospital (SARS, MERS, Streptococcus, Influenza, "Pneumonia", ...): cap.
    - Pneumonia that is not community-acquired (Pneumocystis, aspiration, lipoid, eosinophilic, organizing, fungal,
      hospital-acquired), tuberculosis, ARDS alone and any other disease: other.
    - "todo", "Unknown", blank, "?": None.

    The mapping follows COVID-Net's ``create_COVIDx.ipynb`` and Cohen's list; which pneumonias count as
    *community*-acquired is our choice.
    """
    words = (finding or "")[:PROSE_CHARACTERS].strip()
    if _UNKNOWN.fullmatch(words) or _UNPROVEN.search(words):
        return None
    rest = _NEGATED.sub(" ", words)
    if _COVID.search(rest):
        return None if rt_pcr == "negative" else "covid"
    if _NORMAL.fullmatch(words.rsplit("/", 1)[-1].strip()):
        return "normal"
    if _UNKNOWN.fullmatch(rest.strip()) or not re.search(r"[^\W\d_]{2}", rest):
        return None  # nothing but "no pneumonia", "COVID-19 negative" or a number
    if _NOT_COMMUNITY.search(rest):
        return "other"
    return "cap" if _PNEUMONIA.search(rest) else "other"


_DISEASE = re.compile(
    rf"{_NOT_COMMUNITY.pattern}|\bards\b|acute respiratory distress|\b(?:lung )?cancer\b", re.IGNORECASE
)


def label_in_text(text: str | None, rt_pcr: str | None = None) -> str | None:
    """The label of prose about a film (a caption, a post), by the rules of :func:`label_of`.

    Prose that names no disease decides nothing: it is None, where a finding would be ``other``.
    """
    label = label_of(text, rt_pcr)
    return label if label != "other" or _DISEASE.search((text or "")[:PROSE_CHARACTERS]) else None
