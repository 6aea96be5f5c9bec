"""The label of a film by its source's finding: in table cells (``label_of``) and in prose (``*_in_text``)."""

import re
from dataclasses import dataclass

from sources.language.prose import any_of, either, plain
from sources.language.words import rt_pcr_in_text

_COVID = any_of("""
    covid*, sars-cov-2*, 2019-ncov, ncov-2019, novel coronavirus*, new coronavirus*, coronavirus disease-2019,
    coronavirus disease-19, coronavirus 2019, corona virus disease*,
    severe acute respiratory syndrome coronavirus 2
""")
_NAME = rf"{_COVID.pattern}(?:[\s-]19\b)?"
_NOT_MEANT = either(  # a time, a place, a vaccine or a likeness rather than the disease
    r"\bpre-?covid[\w-]*",
    rf"{_NAME}[\s-]*(?:pandemic|epidemic|outbreak|era|crisis|lockdown|period|wave|restriction|measures|vaccin|immuni[sz]|"
    r"ward|unit|hospital|cent(?:er|re)|clinic|testing|tests\b|free)\w*",
    rf"\b(?:pandemic|epidemic|outbreak)\s+(?:of|with)\s+{_NAME}",
    rf"\b(?:vaccin\w*|immuni[sz]\w*)\s+(?:against|for)\s+{_NAME}",
    rf"\b(?:mimic(?:king|ked|s)?|resembl\w*|simulat\w*|mistaken for|unlike|other than|similar to)\s+{_NAME}",
    rf"\b(?:misdiagnosed as|inconsistent with|not consistent with|never had|(?:not |a)typical (?:of|for))\s+{_NAME}",
)
_BEFORE = r"\b(?:before|prior to|preceding|previous to)\s+(?:the\s+|an?\s+)?"
_EARLIER = either(  # a film from before the disease
    rf"{_BEFORE}(?:infection\s+(?:with|by)\s+|onset\s+of\s+|diagnosis\s+of\s+)?{_NAME}",
    rf"{_BEFORE}(?:{_NAME}\s+)?(?:pandemic|epidemic|outbreak|infection|illness)\b",
)
_UNKNOWN = re.compile(
    r"(?:todo|unknown|un-?specified|not stated|n/?a|nan|none|null|unclear|pending|\W*)", re.IGNORECASE
)
_NEGATED = either(
    r"\b(?:(?:no|not any|negative\s+for)\s+(?:evidence|signs?|features|findings|indication)\s+of|without)\s+(?:any\s+)?"
    rf"(?:{_NAME}[\s-]+)?(?:(?:related|associated)\s+)?(?:viral\s+)?pneumonia\b",  # not "non-COVID pneumonia"
    r"\b(?:non|no|not|without|negative\s+for|ruled?\s+out|excluded)[\s-]+(?:evidence\s+of\s+|signs?\s+of\s+)?"
    rf"(?:{_NAME}|pneumonia\b)",
    rf"{_NAME}[\s,:(-]*(?:pcr[\s-]*)?(?:was\s+|is\s+|had been\s+)?(?:negative|ruled\s+out|excluded)\b",
)
_UNPROVEN = either(
    rf"\b(?:suspect(?:ed)?|possible|probable|query|suspicion\s+of)\s+(?:of\s+|for\s+|case\s+of\s+)?{_NAME}",
    rf"\?\s*{_NAME}|{_NAME}\s*\(?\?",
)
_MERS = any_of("mers, mers-cov, middle east respiratory*")
_NEW = re.compile(r"\b(?:novel|new)\s+coronavirus\w*", re.IGNORECASE)  # of 2012, where MERS is named
_NORMAL = re.compile(
    r"no\s+(?:acute\s+)?(?:findings?|abnormalit(?:y|ies))(?:\s+seen)?|healthy|"
    r"normal(?:\s+(?:chest|cxr|films?|x[\s-]?rays?|radiographs?|study|adult|child|infant|neonate|(?:fe)?male|\(|\)|"
    r"\d{1,3}[\s-]+(?:year|month|week|day)s?(?:[\s-]+old)?))*",
    re.IGNORECASE,
)
_HEALTHY = re.compile(
    r"\bhealthy\s+(?:volunteer|control|subject|adult|person|individual|child|man|woman|donor|male|female)\w*|"
    r"\b(?:normal|control)\s+(?:volunteer|subject|control)s?\b|\bvolunteers?\b|\bcontrols\b",
    re.IGNORECASE,
)
_ONCE_HEALTHY = re.compile(r"\b(?:previously|otherwise|formerly|apparently|initially)\s+healthy", re.IGNORECASE)
_FROM_HOSPITAL = re.compile(
    r"hospital[\s-]+acquired|nosocomial|\bhap\b|ventilator[\s-]+(?:associated|acquired)|\bvap\b", re.IGNORECASE
)
_NOT_COMMUNITY = re.compile(
    r"pneumocystis|\bpcp\b|aspirati|lipoid|eosinophil|organi[sz]ing|\bcop\b|\bboop\b|fungal|aspergill|"
    rf"interstitial\s+pneumonia|tubercul|\btb\b|{_FROM_HOSPITAL.pattern}",
    re.IGNORECASE,
)
_GENERIC_PNEUMONIA = re.compile(r"pneumon(?!ect|itis)|\bviral\b|\bvirus\b", re.IGNORECASE)
_NAMED_PNEUMONIA = re.compile(
    r"\bsars\b|severe acute respiratory syndrome|\bmers\b|middle east respiratory|influenza|\bh[157]n[19]\b|varicella|"
    r"chickenpox|herpes|streptococ|klebsiella|legionell|\be\.?\s?coli\b|escherichia|chlamyd|mycoplasma|staphylococ|"
    r"\bmrsa\b|haemophilus|adenovir|\brsv\b|nocardi|\bbacterial?\b|\bcap\b|community[\s-]+acquired",
    re.IGNORECASE,
)
_DISEASE = re.compile(rf"{_NOT_COMMUNITY.pattern}|\b(?:lung )?cancer\b", re.IGNORECASE)
_REPORT = re.compile(
    r"\bcase\s+(?:report|series|study|presentation|description)s?\b|\bcases?\s+of\b|\breport\s+of\s+\w+\s+cases?\b|"
    r"\b(?:two|three|four|five)\s+cases\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Decision:
    """A label and the words that decided it."""

    label: str | None
    words: str


def label_of(finding: str | None, rt_pcr: str | None = None) -> str | None:
    """The label (normal | cap | covid | other) of a source's finding; None if it does not decide one.

    - COVID-19 in any spelling, alone, with others ("COVID-19, ARDS") or as a path (``Pneumonia/Viral/COVID-19``):
      covid. Suspected or excluded COVID-19, or COVID-19 with a negative RT-PCR (``rt_pcr``): None. The pandemic, a
      vaccine or a ward named after it are not COVID-19.
    - "No Finding", "normal": normal.
    - Pneumonia acquired outside hospital (SARS, MERS, Streptococcus, Influenza, "Pneumonia", ...): cap.
    - Pneumonia that is not community-acquired (Pneumocystis, aspiration, lipoid, eosinophilic, organizing, fungal,
      hospital-acquired), tuberculosis, ARDS alone and any other disease: other.
    - "todo", "Unknown", blank, "?": None.

    The mapping follows COVID-Net's ``create_COVIDx.ipynb`` and Cohen's list; which pneumonias count as
    *community*-acquired is our choice.
    """
    words = plain(finding).strip()
    if _UNKNOWN.fullmatch(words) or _UNPROVEN.search(words):
        return None
    rest = _NEGATED.sub(" ", _EARLIER.sub(" ", _NOT_MEANT.sub(" ", words)))
    if _MERS.search(rest):
        rest = _NEW.sub(" ", rest)
    if _COVID.search(rest):
        return None if rt_pcr == "negative" else "covid"
    if _NORMAL.fullmatch(words.rsplit("/", 1)[-1].strip()):
        return "normal"
    if _UNKNOWN.fullmatch(rest.strip()) or not re.search(r"[^\W\d_]{2}", rest):
        return None  # nothing but "no pneumonia", "COVID-19 negative" or a number
    if _NOT_COMMUNITY.search(rest):
        return "other"
    return "cap" if _NAMED_PNEUMONIA.search(rest) or _GENERIC_PNEUMONIA.search(rest) else "other"


def label_in_text(text: str | None, rt_pcr: str | None = None) -> str | None:
    """The label of prose about a film (a caption, a post), by the rules of :func:`label_of`.

    Prose that names no disease decides nothing: it is None, where a finding would be ``other``. ARDS, a ventilator or a
    hospital are no diseases.
    """
    label = label_of(text, rt_pcr)
    return label if label != "other" or _DISEASE.search(plain(text)) else None


def label_of_picture(texts: tuple[str, ...], title: str = "", is_report: bool = False) -> Decision:
    """The label of a picture in an article, and the words that decided it.

    The caption decides; "normal" counts only for people who are called healthy. Where it names no disease, or nothing
    more than "pneumonia", the disease in the title of a case report does: such a report is about one disease.

    Args:
        texts: what the caption says about the picture, the words about it alone first.
    """
    whole, rt_pcr = texts[-1], rt_pcr_in_text(texts[-1])
    of_title = label_in_text(title)
    found = next((Decision(label, text) for text in texts if (label := _own_label(text, rt_pcr))), None)
    if found and not _yields_to_title(found, of_title):
        return found
    if (found and found.label == "other") or _HEALTHY.search(whole) or _speaks_against(whole, rt_pcr):
        return Decision(None, whole)
    if of_title in ("covid", "cap", "other") and (is_report or _REPORT.search(title)):
        return Decision(of_title, f"{title}: {whole}")
    return Decision(found.label if found and of_title != "covid" else None, whole)


def _own_label(text: str, rt_pcr: str | None) -> str | None:
    label = label_in_text(text, rt_pcr)
    if label in (None, "normal"):
        return "normal" if _HEALTHY.search(text) and not _COVID.search(text) else None
    return None if _HEALTHY.search(_ONCE_HEALTHY.sub(" ", text)) else label  # of patients and of healthy people


def _yields_to_title(found: Decision, of_title: str | None) -> bool:
    """Is the caption's label so vague that the disease in the title counts more?

    "Pneumonia" alone is. Pneumonia caught in hospital does not make a report on COVID-19 one on another disease.
    """
    if found.label == "cap":
        return of_title is not None and not _NAMED_PNEUMONIA.search(found.words)
    return found.label == "other" and of_title == "covid" and _FROM_HOSPITAL.search(found.words) is not None


def _speaks_against(words: str, rt_pcr: str | None) -> bool:
    """Does a caption say that the film shows no COVID-19, or may not?"""
    plainly = plain(words)
    against = (_UNPROVEN, _EARLIER)
    if any(pattern.search(plainly) for pattern in against) or rt_pcr == "negative":
        return True
    return any(_COVID.search(match[0]) for match in _NEGATED.finditer(plainly))
