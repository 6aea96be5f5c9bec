"""Whose body a film shows, and which part of it, by the words beside the word for the film."""

import re
from enum import StrEnum

from sources.language.prose import Span, any_of, either


class Part(StrEnum):
    """What a film shows."""

    CHEST = "chest"
    OTHER = "another part of the body"


_CHEST = any_of("""
    chest*, thorax*, thorac*, torac*, torax*, tórax*, torace*, cxr*, hemithora*, intrathorac*, lung*, pulmon*,
    poumon*, polmon*, cardiothorac*, thoraco-abdominal
""")
_OTHER = any_of("""
    thoracic spine, thoracic vertebra*, thoracic cord, thoracic spinal*, thoraco-lumbar*, thoracic curve*, abdom*,
    addom*, pelvi*, bassin, bacino, kub, bowel*, stomach, gastric, colon, colonic, kidney*, renal, urinary,
    bladder*, ureter*, gallbladder, breast*, sacrum, sacral, sacroiliac*, spine*, spinal, vertebra*, cervical,
    lumbar, lumbo-sacral, rachis, colonna, scoliosis, coccyx, skull*, cranial*, cranium, crâne, head, facial,
    orbit*, paranasal, frontal sinus*, nasal, waters, neck, jaw*, mandib*, maxill*, dental*, tooth, teeth, molar*,
    premolar*, incisor*, panoramic*, panorama*, ortho-panto*, opg, opt, peri-apical*, bitewing*, occlusal*,
    cephalo*, intra-oral*, root canal*, tmj, temporo-mandibular*, antrum, hip, hips, hanche*, femur*, femor*,
    thigh*, knee*, genou*, patell*, tibia*, fibula*, leg, legs, ankle*, foot, feet, forefoot, toe, toes, heel,
    heels, calcane*, metatars*, tarsal, hallux, shoulder*, clavic*, collarbone*, scapula*, humer*, elbow*,
    forearm*, radius, radial, ulna*, arm, arms, wrist*, hand, hands, mano, mani, finger*, thumb*, metacarp*,
    carpal, phalan*, limb*, extremit*, acetabul*, bone age, skeletal, skeleton, long bones, rib, ribs, sternum,
    sternal, joint, joints, iliac, kypho*, lordo*, cobb
""")
_CHEST_CODE = re.compile(r"chest|thora|t.ra[xc]|lung|pulm|poumon|polmon|cxr", re.IGNORECASE)  # inside of a code, too
_OTHER_CODE = any_of("""
    thoracic-spine*, cspine, tspine, lspine, sspine, ctspine, tlspine, lsspine, hws, bws, lws, headneck*, brain,
    hombro*, codo, muñeca*, cadera*, rodilla*, tobillo*, pie, pierna*, brazo*, craneo*, cráneo*, columna*,
    spalla*, gomito*, polso*, anca, ginocchi*, cavigli*, piede*, gamba*, cranio*,
    épaule*, epaule*, coude*, poignet*, cheville*, pied, pieds, jambe*, crane,
    schulter*, ellenbogen*, handgelenk*, hüft*, hueft*, becken*, knie*, sprunggelenk*, fuß, fuss, schädel*, schaedel*,
    wirbels*
""")
_EDGE_OF_CHEST = any_of("upper chest, upper thorax, part of the chest, chest wall*, thoracic wall*")  # no whole chest
_ORTHOPEDIC = any_of("""
    fractur*, screw*, nail, nails, nailing, plate, plates, plating, fixation*, union, nonunion, implant, implants,
    prosthe*, arthroplast*, arthrod*, osteotom*, dislocat*, luxation*, osteo*, callus, cast, splint*, loosening,
    obturation, orthodont*, caries, carious, bowing, valgus, varus
""")
_CHEST_SIGNS = any_of("""
    cardiomegal*, heart*, cardiac, mediastin*, hilum, hila, hilar*, perihilar, costophrenic*, pneumothora*,
    pneumomediastin*, haemothora*, hemothora*, hydrothora*, pleur*, pneumon*, bronch*, trache*, endotracheal*,
    diaphragm*, hemidiaphragm*, aort*, atelecta*, emphysem*, infiltrat*, opacit*, opacif*, consolidation*,
    ground-glass, airspace, air-space, reticular*, interstitial*, miliary, lower lobe*, upper lobe*, middle lobe*,
    lower zone*, upper zone*, bases, covid*, sars*, mers, coronavirus*, respirat*, tubercul*, influenza*,
    legionell*, intubat*, pacemaker*, central venous*, subclavian, thymus, cardiothymic, dextrocardia
""")
_PASSED_OVER = any_of("""
    of, the, a, an, his, her, their, both, all, left, right, one, this, same, and, image*, film*, picture*, view*,
    projection*, examination*, study, ap, pa, lateral*, frontal, antero-posterior*, anterior-posterior*,
    postero-anterior*, posterior-anterior*, oblique, plain, standing, erect, upright, supine, portable, entire,
    whole, upper, lower, du, de, del, della, dello, di, la, le, il, al, do, da, l, d, full-length, weight-bearing,
    proximal, distal, bilateral, series, showing, left-sided, right-sided, patient*, bone*, taken, as
""")
_STOP = any_of("of, on, in, by, with, after, before, for, from, to, at, showing, shows, via")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_WIDEST = 6  # words

_ANIMAL = (
    r"(?:dogs?|canines?|pupp(?:y|ies)|cats?|felines?|kittens?|rats?|mouse|mice|hamsters?|ferrets?|rabbits?|macaques?|"
    r"monkeys?|pigs?|piglets?|swine|horses?|foals?|cattle|cows?|calves|sheep|lambs?|goats?|camels?|birds?|parrots?|"
    r"chickens?|guinea pigs?|labradors?|beagles?)"
)
_NO_PATIENT = (  # "pigeon breeder", "dog bite", "avian influenza": a word for an animal that is no patient
    r"(?!\w|[\s-]+(?:breed|fanc|keep|owner|handl|bite|scratch|expos|contact|flu\b|influenza|drop|dander|tail|tooth|teeth))"
)
_OTHER_WORD = r"(?!(?:with|who|and|by|of|from|to|in|man|woman|patient)\b)[\w-]+\s+"
_OF_AN_ANIMAL = either(
    rf"\b(?:of|in|from)\s+(?:{_OTHER_WORD}){{0,4}}{_ANIMAL}{_NO_PATIENT}",
    rf"(?:^|[.;:]\s+)(?:an?\s+|the\s+)?{_ANIMAL}{_NO_PATIENT}",
    rf"\b{_ANIMAL}\s+(?:chest|thora\w+|lungs?)\b",
    r"\b(?:ventro-?dorsal|dorso-?ventral)",
)


def part_beside(text: str, film: Span) -> Part | None:
    """The part of the body that stands beside the word for a film ("chest X-ray", "X-ray of the left hand").

    If both the chest and another part do ("X-ray of chest and pelvis"), the film shows the chest, too.
    """
    begin, end = film
    if _CHEST.search(text, begin, end):
        return Part.CHEST
    parts = {*_parts_before(text, begin), *_parts_after(text, end)}
    return Part.CHEST if Part.CHEST in parts else Part.OTHER if parts else None


def part_in(text: str) -> Part | None:
    """The part of the body that a text speaks of; None if of none, or of the chest and another."""
    others = _OTHER.search(text) or _ORTHOPEDIC.search(text)
    rest = _OTHER.sub(" ", text)
    is_chest = _CHEST.search(rest) or _CHEST_SIGNS.search(rest)
    if bool(is_chest) == bool(others):
        return None
    return Part.CHEST if is_chest else Part.OTHER


def parse_body_part(text: str | None) -> Part | None:
    """The part of the body in a cell or code (``HAND``, ``CSPINE``, ``CHEST_TO_ABDOMEN``); None if it names none.

    Whatever shows the chest, too, shows the chest.
    """
    words = re.sub(r"[\W_]+", " ", (text or "")[:100])
    rest = _OTHER_CODE.sub(" ", _OTHER.sub(" ", words))
    if _CHEST_CODE.search(rest):
        return Part.CHEST
    return None if rest == words else Part.OTHER


def shows_an_animal(text: str) -> bool:
    """Does a caption or title speak of an animal as the patient?"""
    return _OF_AN_ANIMAL.search(text) is not None


def _parts_before(text: str, begin: int) -> list[Part]:
    """The parts in the words before a film, up to a preposition or a mark of punctuation."""
    clause = _without_edges(re.split(r"[.,;:()\[\]]", text[max(0, begin - 120) : begin])[-1])
    words = list(_WORD.finditer(clause))[-_WIDEST:]
    stops = [word.end() for word in words if _STOP.fullmatch(word[0])]
    start = stops[-1] if stops else words[0].start() if words else len(clause)
    return _parts(clause[start:])


def _parts_after(text: str, end: int) -> list[Part]:
    """The parts in the words after a film, as long as nothing but articles, sides and views stands between."""
    clause = _without_edges(re.split(r"[.;:()\[\]]", text[end : end + 160])[0])
    parts: list[Part] = []
    place = 0
    for _ in range(2 * _WIDEST):
        word = _WORD.search(clause, place)
        if word is None:
            break
        named = _OTHER.match(clause, word.start()) or _CHEST.match(clause, word.start())
        if named:
            parts += _parts(named[0])
        elif not _PASSED_OVER.fullmatch(word[0]):
            break
        place = named.end() if named else word.end()
    return parts


def _without_edges(clause: str) -> str:
    """Words without those for the edge of the chest, which films of the shoulder or the neck show, too."""
    return _EDGE_OF_CHEST.sub(" ", clause)


def _parts(words: str) -> list[Part]:
    others = _OTHER.search(words)
    rest = _OTHER.sub(" ", words)
    return [part for part, found in ((Part.CHEST, _CHEST.search(rest)), (Part.OTHER, others)) if found]
