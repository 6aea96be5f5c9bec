"""Full texts in JATS, the XML of journal articles (https://jats.nlm.nih.gov): figures, captions, the licence.

A hostile document harms nobody: entities are refused and never expanded, nothing is loaded, size and depth are bounded.
"""

import re
from dataclasses import dataclass
from itertools import islice

from lxml import etree

from sources.core.errors import RefusedTextError

LONGEST = 30_000_000  # bytes; real full texts have some 100,000
MOST_FIGURES = 300
ENTITIES = "the full text defines entities, which are refused"
NAME = re.compile(r"[\w.()+ -]{1,200}")
CREATIVE_COMMONS = re.compile(r"creativecommons\.org/(?:licenses|publicdomain)/([a-z-]{2,8})(?:/(\d\.\d))?")


@dataclass(frozen=True)
class Figure:
    """A figure of an article.

    Attributes:
        label: what the article calls it ("Fig. 1"); ``caption``: its words, with those of its group.
        places: names of its file in the article's folder, or its addresses; the best one first.
    """

    label: str
    caption: str
    places: tuple[str, ...]


@dataclass(frozen=True)
class FullText:
    """What an article's own text says.

    Attributes:
        figures: in the text's order; ``licence``: word such as ``by-nc-nd/4.0``, or None.
        is_case_report: does the journal call it that.
    """

    figures: tuple[Figure, ...]
    licence: str | None = None
    is_case_report: bool = False


def parse_jats(content: bytes) -> FullText:
    """What a full text says, as far as it can be read.

    Raises:
        RefusedTextError: it is too large, defines entities, or is no XML at all.
    """
    if len(content) > LONGEST:
        raise RefusedTextError(f"the full text is larger than {LONGEST // 1_000_000} MB")
    if b"<!ENTITY" in content:
        raise RefusedTextError(ENTITIES)
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, recover=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is None:
        raise RefusedTextError("the full text is no XML")
    if _defines_entities(root):  # also in an encoding in which the bytes above do not show
        raise RefusedTextError(ENTITIES)
    figures = islice((found for figure in root.iter("{*}fig") for found in _figures(figure)), MOST_FIGURES)
    kind = str(root.get("article-type", ""))
    return FullText(tuple(figures), _licence(root), kind == "case-report")


def licence_word(text: str) -> str | None:
    """``by-nc-nd/4.0`` for the address of a Creative Commons licence in ``text``; None where there is none."""
    found = CREATIVE_COMMONS.search(text.lower())
    return "/".join(part for part in found.groups() if part) if found else None


def _defines_entities(root: etree._Element) -> bool:
    dtd = root.getroottree().docinfo.internalDTD
    return dtd is not None and next(dtd.iterentities(), None) is not None


def _figures(figure: etree._Element) -> list[Figure]:
    """One figure for each of its files; another format of one file is no other figure."""
    label = _words(figure.find("{*}label"))
    caption = _caption(figure)
    group = figure.getparent()
    if group is not None and etree.QName(group).localname == "fig-group":
        caption = f"{_caption(group)} {caption}".strip()
    found: dict[str, list[str]] = {}
    for graphic in figure.iter("{*}graphic"):
        name = _href(graphic).rpartition("/")[2]
        if NAME.fullmatch(name) and name.strip(" ."):
            found.setdefault(name.rsplit(".", 1)[0] if "." in name[-5:] else name, []).append(name)
    return [Figure(label, caption, tuple(dict.fromkeys(names))) for names in found.values()]


def _caption(element: etree._Element) -> str:
    caption = element.find("{*}caption")
    if caption is None:
        return ""
    blocks = [child for child in caption if isinstance(child.tag, str)]
    return " ".join(words for block in blocks if (words := _words(block))) or _words(caption)


def _words(element: etree._Element | None) -> str:
    return " ".join("".join(str(text) for text in element.itertext()).split()) if element is not None else ""


def _href(element: etree._Element) -> str:
    """The ``xlink:href`` of an element, also where its prefix is not declared."""
    return next((str(value) for name, value in element.attrib.items() if str(name).endswith("href")), "").strip()


def _licence(root: etree._Element) -> str | None:
    for licence in root.iter("{*}license"):
        for part in licence.iter():
            if isinstance(part.tag, str) and (word := licence_word(f"{_href(part)} {part.text or ''}")):
                return word
    return None
