"""What kind of picture prose is about: a film, a CT slice, another picture, or a chart that only mentions films.

The words that name a picture stand in tables. What counts is the picture that the words are *about*: one that they only
refer to does not ("axial CT two days after the chest X-ray"), and a chart named before a film is a chart ("share of
children with an abnormal chest X-ray").
"""

import re
from dataclasses import dataclass

from sources.language.prose import Span, any_of, plain, sentences, without_abbreviations

XRAY, CT, OTHER = "X-ray", "CT", "other"

_FILMS = """
    x-ray*, radiograph*, radiogram*, roentgen*, röntgen*, skiagra*, cxr*, rx, rtg, radiografi*, radiografí*,
    plain film*, chest film*, thoracic film*, abdominal film*, film of the chest, film of the thorax,
    films of the chest, chest pa, chest ap, chest postero-anterior*, chest antero-posterior*
"""
_FILM = any_of(_FILMS)
_WEAK_FILM = any_of("film, films")  # also of other things, so that it counts only if nothing else is named
_NO_FILM = any_of("""
    x-ray computed*, x-ray ct, x-ray tomogra*, x-ray micro*, x-ray diffract*, x-ray crystal*, x-ray map*,
    x-ray structure*, x-ray photoel*, x-ray absorp*, x-ray fluoresc*, x-ray scatter*, x-ray spectr*,
    x-ray emission, dispersive x-ray*, angle x-ray*, energy x-ray*, synchrotron x-ray*, phase-contrast x-ray*,
    x-ray tube*, x-ray unit*, x-ray machine*, x-ray room*, x-ray source*, x-ray beam*, x-ray dose*, x-ray detector*,
    x-ray apparatus, x-ray equipment, radiographically, radiographer*, blood film*, thin film*, tear film*,
    film thickness, digitally reconstructed radiograph*, digitally reconstructed x-ray*,
    digital reconstructed radiograph*, ct scout radiograph*, scout view radiograph*
""")
_CT = any_of("""
    ct, cts, hr-ct*, ldct, cect, cta, ctpa, mdct, cbct, angio-ct, tc, angio-tc, tac, ct-scan*, tomogra*, tomograf*,
    tomodensitom*, topogram*, scout view*, scout image*, ct scout*, scanogra*, localizer*, localiser*, surview*,
    digitally reconstructed radiograph*, digitally reconstructed x-ray*, digital reconstructed radiograph*, drr, drrs,
    lung window*, mediastinal window*, bone window*,
    soft-tissue window*, parenchymal window*, abdominal window*, brain window*, vascular window*, window level*,
    window setting*, window width, windowing, finestra polmonare, finestra mediastinica, reformat*, multiplanar, mpr,
    volume render*, maximum intensity projection*
""")
_PLANE = any_of("""
    axial, coronal, sagittal, transverse, transaxial, assiale, assiali, coronale, coronali, sagittale, sagittali,
    crazy-paving, tree-in-bud, hounsfield, thin-section*, slice, slices, reconstruct*, ricostruzion*, mip, minip, vrt,
    arterial phase, venous phase, portal phase, delayed phase, contrast-enhanced, perfusion
""")  # of CT, if no other picture is named
_SIGNS = any_of("""
    interlobular*, intralobular*, subpleural*, lobule*, halo sign*, anterior segment*, posterior segment*,
    basal segment*, lateral segment*, medial segment*, dorsal segment*, apical segment*
""")  # of CT, if it is not clear which of several pictures shows them
_OTHER = any_of("""
    mri*, mr imag*, magnetic resonance*, t1-weighted*, t2-weighted*, t1 image*, t2 image*,
    t1w*, t2w*, diffusion-weighted*, dwi, adc, stir, flair, fdg, suv*, ultraso*, sonogra*, echograph*, ecograf*,
    doppler, echocardio*, pet, pet-ct, positron*, spect, scintigra*, absorptiometr*, dxa, dexa, angiogra*, aortogra*,
    arteriogra*, venogra*, cystogra*, fluoroscop*, esophagogra*, oesophagogra*, barium*, gastrografin, urograph*,
    pyelogra*, ercp, cholangio*, myelogra*, arthrogra*, mammogra*, micrograph*, photograph, photographs, photo
""")
_EXAMINATION = any_of("""
    electrocardiogra*, ecg*, ekg, histolog*, histopatholog*, haematoxylin*, hematoxylin*, biops*, immunohisto*,
    microscop*, cytolog*, smear*, gram stain*, specimen*, endoscop*, bronchoscop*, laryngoscop*, autopsy,
    gel electrophoresis, western blot*, spirometr*
""")  # also of people whose films are shown, so that it counts only if no film or slice is named
_CHART = any_of("""
    flow-diagram*, flow-chart*, flow of, consort, prisma, strobe, diagram*, bar chart*, pie chart*, chart, charts,
    graph, graphs, plot, plots, box-plot*, scatter-plot*, forest-plot*, histogram*, roc, receiver operating*, kaplan*,
    nomogram*, time-line*, algorithm*, work-flow*, sketch*, architecture*, schematic*, drawing*, cartoon,
    screen-shot*, confusion matri*, venn, decision tree*, study profile, study design, questionnaire*,
    linear regression*, logistic regression*, regression line*, regression model*, heat-map*
""")
_NUMBERS = any_of("""
    time course*, pipeline*, framework*, network*, scheme, illustration*, map of, curve of, curves, proportion*,
    percentage*, percent of, number of, numbers of, rate of, rates of, share of, frequency of, frequencies of,
    prevalence*, incidence*, distribution*, odds, hazard ratio*, risk of, risk factor*, sensitivity, specificity,
    accuracy, performance of, agreement, trend*, correlation*, association*, calibration*, validation, survival,
    mortality, protocol*, pathway*, mean of, mean score*, median score*, etiolog*, aetiolog*, pathogen*, causes of,
    enrolment, enrollment, participants, scores, instructions, guideline*
""")  # of films, if a caption begins with them
_HEAD = 4  # words with which a caption begins
_MADE_UP = any_of("""
    grad-cam*, saliency*, heat-map*, class activation*, attention map*, feature map*, confusion matri*,
    synthetic chest*, synthetic x-ray*, synthetic image*, generated by, adversarial, segmentation mask*, schematic*
""")  # from films
_NO_PICTURE = tuple(  # words about films that tell of people or of numbers
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?:cases|patients|children|participants|subjects|infants|adults|persons|people|individuals|those|controls)"
        r"\s+(?:with|without|having|who had|whose|undergoing|had|by|in whom)\s+(?:an?\s+|the\s+)?(?:[\w-]+\s+){0,3}?"
        rf"{_FILM.pattern}",
        rf"{_FILM.pattern}[\s-]+(?:severity\s+|opacity\s+)?(?:scor|classif|dataset|data\b|screening|categor|usage|use\b|"
        r"utili|request|report|interpretation|based|confirmed|positiv|findings?\s+(?:by|in\s+\d|among)|model|evidence|"
        r"diagnos|criteri)\w*",
        rf"\b(?:classification|detection|reading|readers?|dataset|interpretation)\s+of\s+{_FILM.pattern}",
    )
)
_REFERENCE = re.compile(  # words that only refer to the picture named after them
    r"\b(?:than|after|before|since|until|versus|vs|following|prior to|unlike|as in|as on|for|without|guided by|"
    r"awaiting|compar(?:ed?|ison) (?:with|to)|contrast to|confirmed (?:by|on|with|in)|correspond\w*|correlat\w*|"
    r"(?:seen|suspected|missed|shown) (?:on|in))[\s,]+"
    r"(?:(?:the|an?|his|her|this|that|previous|prior|earlier|later|initial|first|same|chest|axial|recent)[\s-]+){0,4}$",
    re.IGNORECASE,
)
_NOT_THERE = re.compile(r"[\s-]*(?:guided|\(?not shown|was not|were not|is not|not available)", re.IGNORECASE)
_ABSENT = re.compile(  # after a picture that there is none of, or not here
    r"[\s,(-]*(?:images?\s+|data\s+)?(?:(?:was|were|is|are|had|could)\s+)?not\s+(?:yet\s+)?(?:be\s+|been\s+)?"
    r"(?:shown|performed|done|obtained|taken|available|included|displayed|acquired|depicted|provided)\b",
    re.IGNORECASE,
)
_NONE_BEFORE = re.compile(r"\bno\s+(?:(?:previous|prior|recent|initial|chest|plain|follow-up)\s+)*$", re.IGNORECASE)
_NONE_AFTER = re.compile(
    r"[\s-]*(?:(?:was|were|is|are|had been)\s+)?(?:performed|done|obtained|taken|available)\b", re.IGNORECASE
)
_REACH = 80  # characters in which words refer to what follows


@dataclass(frozen=True)
class Mention:
    """A word that names a kind of picture.

    Attributes:
        kind: X-ray, CT or other.
        span: where it is in the text.
        is_reference: does the text refer to that picture rather than show it?
        is_absent: does the text say that there is no such picture, or not here?
    """

    kind: str
    span: Span
    is_reference: bool = False
    is_absent: bool = False


def mentions(text: str) -> list[Mention]:
    """The pictures that plain text names, in its order."""
    films = _blanked(text)
    named = _found(films, XRAY, _FILM) + _found(text, CT, _CT) + _found(films, OTHER, _OTHER)
    if not any(mention.kind in (XRAY, CT) for mention in named):
        named += _found(films, OTHER, _EXAMINATION)
    named = named or _found(films, CT, _PLANE) or _found(films, XRAY, _WEAK_FILM)
    return sorted((_judged(text, mention) for mention in named), key=lambda mention: mention.span)


def shown(text: str) -> list[Mention]:
    """The pictures that plain text is about: those it does not merely refer to, if there are any."""
    named = [mention for mention in mentions(text) if not mention.is_absent]
    return [mention for mention in named if not mention.is_reference] or named


def shows_slices(text: str) -> bool:
    """Does plain text describe what is seen in CT slices, without naming any picture?"""
    return not mentions(text) and _SIGNS.search(text) is not None


def is_chart(text: str) -> bool:
    """Is plain text about a chart, or about a picture made from films?

    It is if a word for a chart comes before the first film, or if a number is what the text begins with.
    """
    films = [mention.span[0] for mention in mentions(text) if mention.kind == XRAY]
    for begin, end in sentences(text):
        if _MADE_UP.search(text, begin, end):
            return True
        film = min((place for place in films if begin <= place < end), default=end)
        head = " ".join(text[begin:film].split()[:_HEAD])
        if _CHART.search(text, begin, film) or _NUMBERS.search(head):
            return True
        if film < end:
            return False
    return False


def modalities_in_text(text: str | None) -> set[str]:
    """Those of ``X-ray``, ``CT`` and ``other`` that prose names."""
    return {mention.kind for mention in mentions(without_abbreviations(plain(text)))}


def modality_in_text(text: str | None) -> str | None:
    """``X-ray``, ``CT`` or ``other`` if prose names exactly one of them, else None."""
    named = modalities_in_text(text)
    return named.pop() if len(named) == 1 else None


def _found(text: str, kind: str, pattern: re.Pattern[str]) -> list[Mention]:
    return [Mention(kind, match.span()) for match in pattern.finditer(text)]


def _blanked(text: str) -> str:
    """The text with blanks for words about X-rays that name no picture, of the same length."""
    for pattern in (_NO_FILM, *_NO_PICTURE):
        text = pattern.sub(lambda match: " " * len(match[0]), text)
    return text


def _judged(text: str, mention: Mention) -> Mention:
    begin, end = mention.span
    before = text[max(0, begin - _REACH) : begin]
    refers = _REFERENCE.search(before) or _NOT_THERE.match(text, end)
    is_absent = _ABSENT.match(text, end) or (_NONE_BEFORE.search(before) and _NONE_AFTER.match(text, end))
    return Mention(mention.kind, mention.span, bool(refers), bool(is_absent))
