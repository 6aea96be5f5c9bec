"""What the caption of a figure says about each of its pictures: is it a chest film, and which words are about it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sources.language.body_parts import Part, part_beside, part_in, shows_an_animal
from sources.language.modalities import (
    CT,
    OTHER,
    XRAY,
    Mention,
    is_chart,
    modalities_in_text,
    modality_in_text,
    shown,
    shows_slices,
)
from sources.language.panel_texts import PanelText, PartedCaption, part_caption, without_letters
from sources.language.prose import Span, any_of, plain, sentences, without_abbreviations
from sources.language.views import view_in_text

Box = tuple[int, int, int, int]  # left, top, width, height in pixels

CT_BY_CAPTION = "CT according to its caption"
NO_FILM = "the caption does not mention a chest film"
NO_XRAY = "not an X-ray according to its caption"
OTHER_PART = "a film of another part of the body according to its caption"
UNNAMED_PART = "the caption does not name the part of the body"
ANIMAL = "a picture of an animal according to its caption"
SEVERAL = "a figure of films and other pictures whose panels do not match its caption"

_CONTINUES = any_of("""
    on, at, after, before, during, prior, upon, following, in, day, week, month, hour*, day*, week*, one, two,
    three, first, second, later, lateral, frontal, pa, ap, repeat, follow-up, subsequent*, control, initial, and,
    postero-anterior*, antero-posterior*
""")
SLICES = "CT slices"  # stands for words that describe such without saying so
_SAMPLES = re.compile(
    r"\W*(?:(?:some|typical|representative|sample|three|four)\s+)*(?:examples?|samples?|images?|pictures?)\s+of\W*$",
    re.IGNORECASE,
)
_LEFT_OUT = re.compile(r"[^.;]*\bnot\s+(?:shown|displayed|included)\b[^.;]*[.;]?\s*", re.IGNORECASE)
_HEAD = 5  # words of a sentence in which the picture it shows is named


@dataclass(frozen=True)
class Picture:
    """One picture of a figure, as its caption describes it.

    Attributes:
        own: the words about this picture alone.
        base: words about the picture before, in the same sentence, that also hold here; "" if there are none.
        shared: the words about all pictures of the figure.
        modality: X-ray, CT, other, or None if the caption names none or several.
        view: one of ``sources.core.items.VIEWS``.
        skip: why it is not a chest film, or None.
    """

    own: str
    base: str = ""
    shared: str = ""
    modality: str | None = None
    view: str = "unknown"
    skip: str | None = None

    @property
    def words(self) -> str:
        """All that the caption says about the picture."""
        return f"{self.shared} {self.own}".strip()


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
    named = modalities_in_text(caption)
    if XRAY in named or not named:
        return CaptionFacts(modality_in_text(caption), view_in_text(caption), None)
    return CaptionFacts(CT, "CT", CT_BY_CAPTION) if CT in named else CaptionFacts(OTHER, "OTHER", NO_XRAY)


def read_caption(
    caption: str, boxes: Sequence[Box] | None = None, title: str = "", emphasized: Sequence[Span] = ()
) -> list[Picture]:
    """The pictures of a figure: one for each of its panels, or one if it has none.

    Args:
        boxes: where the panels are in the figure; none for a figure of one picture, None before its file is known.
        title: of the article. It decides where a caption does not name the part of the body.
        emphasized: where the caption is in bold or italic type.
    """
    parted = part_caption(caption, emphasized, by_place=boxes is None or len(boxes) == 2)
    boxes = boxes or ()
    if boxes and len(parted.panels) != len(boxes):
        parted = replace(parted, panels=_here(parted.panels))
    texts = _in_boxes(parted, boxes)
    abouts = _abouts(parted, list(parted.panels.values()))
    judged = [_judge(about, caption, title) for about in abouts]
    if texts is None or len(boxes) < 2:
        whole = _whole(caption, parted.shared, judged, title, is_alone=len(boxes) < 2)
        return [whole] * max(1, len(boxes))
    by_panel = dict(zip(map(id, parted.panels.values()), zip(abouts, judged, strict=True), strict=True))
    return [_picture(text, *by_panel[id(text)], parted.shared) for text in texts]


def _here(panels: Mapping[str, PanelText]) -> dict[str, PanelText]:
    """The panels without those of which the caption says that they are not shown."""
    return {letter: text for letter, text in panels.items() if not _LEFT_OUT.fullmatch(text.text)}


def _in_boxes(parted: PartedCaption, boxes: Sequence[Box]) -> list[PanelText] | None:
    """The text of each box; None if the caption and the figure do not have the same panels."""
    texts = list(parted.panels.values())
    if len(texts) != len(boxes):
        return None
    if parted.side_by_side is None:
        return texts
    axis = 0 if parted.side_by_side else 1
    middles = [box[axis] + box[axis + 2] / 2 for box in boxes]
    is_apart = middles[1] - middles[0] > max(box[axis + 2] for box in boxes) / 2
    return texts if is_apart else None


def _whole(
    caption: str, shared: str, judged: Sequence[tuple[str | None, str | None]], title: str, is_alone: bool
) -> Picture:
    """A picture that shows all of a figure, or one of several panels that cannot be told apart.

    Args:
        shared: the words about all panels; ``judged``: modality of each panel, and why it is not a film.
        is_alone: is it the only picture of the figure?
    """
    skips = [skip for _, skip in judged]
    if len(judged) > 1 and skips.count(None) < len(skips):
        return Picture(shared or caption.strip(), skip=SEVERAL if None in skips else skips[0])
    words = caption.strip() if is_alone or not shared else shared
    about = _about(words)
    modality, skip = _judge(about, caption, title)
    view = _view(skip, without_letters(about), without_letters(words))
    return Picture(words, modality=modality, view=view, skip=skip if len(judged) < 2 else None)


def _picture(text: PanelText, about: str, judged: tuple[str | None, str | None], shared: str) -> Picture:
    modality, skip = judged
    base = text.base if _CONTINUES.match(text.head) else ""
    return Picture(text.text, base, shared, modality, _view(skip, text.head, text.text, about, base, shared), skip)


def _abouts(parted: PartedCaption, texts: Sequence[PanelText]) -> list[str]:
    """For each panel the words that name its picture: its own, else those it continues, else those about all."""
    abouts: list[str] = []
    shared = _about(parted.shared)
    is_clear = len({mention.kind for mention in shown(shared)}) == 1
    named = [text.text for text in texts if _names_a_picture(text.text)]
    if not is_clear and _SAMPLES.match(parted.shared) and named == [text.text for text in texts[-1:]]:
        return named * len(texts)  # examples of (a) normal and (b) diseased chest X-rays
    for text in texts:
        if not is_clear and shows_slices(text.text):
            abouts.append(SLICES)
            continue
        before = [shared, *abouts[-1:]] if is_clear else [*abouts[-1:], shared]
        places = [text.head, *text.rest[:1], text.base, *before, text.text]
        abouts.append(next((place for place in places if place and _names_a_picture(place)), text.text))
    return abouts


def _names_a_picture(text: str) -> bool:
    words = without_abbreviations(plain(text))
    return bool(shown(words)) or is_chart(words)


def _about(text: str) -> str:
    """The first sentence that begins with a word for a picture, else all sentences."""
    words = without_abbreviations(plain(text))
    for begin, end in sentences(words):
        sentence = words[begin:end].strip()
        head = " ".join(sentence.split()[:_HEAD])
        if (shown(head) and shown(sentence)) or is_chart(sentence):
            return sentence
    return words


def _judge(about: str, caption: str, title: str) -> tuple[str | None, str | None]:
    """(modality of a picture, why it is not a chest film or None).

    Args:
        about: the words that name it; ``caption``: all words of its figure.
    """
    about, caption = without_abbreviations(plain(about)), without_abbreviations(plain(caption))
    named = shown(about)
    kinds = {mention.kind for mention in named}
    modality = next(iter(kinds)) if len(kinds) == 1 else None
    if not kinds or is_chart(about):
        return None, NO_FILM
    if XRAY not in kinds:
        return modality, CT_BY_CAPTION if modality == CT else NO_XRAY
    if shows_an_animal(caption) or shows_an_animal(title):
        return modality, ANIMAL
    return modality, _part_reason(about, [mention for mention in named if mention.kind == XRAY], caption, plain(title))


def _part_reason(about: str, films: Sequence[Mention], caption: str, title: str) -> str | None:
    """Why films are not of the chest: the words beside them decide, then the caption, then the article's title."""
    beside = {part_beside(about, film.span) for film in films}
    if Part.CHEST in beside:
        return None
    if Part.OTHER in beside:
        return OTHER_PART
    part = part_in(about) or part_in(caption) or part_in(title)
    return None if part == Part.CHEST else OTHER_PART if part else UNNAMED_PART


def _view(skip: str | None, *texts: str) -> str:
    """The view in the first text that names one."""
    if skip == CT_BY_CAPTION:
        return "CT"
    if skip == NO_XRAY:
        return "OTHER"
    views = (view_in_text(without_abbreviations(plain(text))) for text in texts)
    return next((view for view in views if view != "unknown"), "unknown")
