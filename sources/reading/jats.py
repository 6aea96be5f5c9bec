"""Full texts in JATS, the XML of journal articles (https://jats.nlm.nih.gov): figures, captions, the license.

A hostile document does no harm: entities are refused and never expanded, nothing is loaded, size and depth are bounded.
"""

import re
from dataclasses import dataclass
from itertools import islice

from lxml import etree

from sources.core.errors import RefusedTextError
from sources.core.limits import ARTICLE_FIGURES, FULL_TEXT_BYTES
from sources.reading.licences import creative_commons

ENTITIES = "the full text defines entities, which are refused"
NAME = re.compile(r"[\w.()+ -]{1,200}")


@dataclass(frozen=True)
class Figure:
    """A figure of an article.

    Attributes:
        label: what the article calls it ("Fig. 1").
        caption: its words, together with those of its group.
        places: names of its file in the article's folder, or its addresses; the best one first.
    """

    label: str
    caption: str
    places: tuple[str, ...]


@dataclass(frozen=True)
class FullText:
    """What an article's own text contains.

    Attributes:
        figures: in the text's order.
        licence: SPDX-like name of a Creative Commons license, or None.
        is_case_report: does the journal call it one.
    """

    figures: tuple[Figure, ...]
    licence: str | None = None
    is_case_report: bool = False


def parse_jats(content: bytes) -> FullText:
    """The figures and license of a full text, as far as it can be read.

    Raises:
        RefusedTextError: it is too large, defines entities, or is not XML.
    """
    if len(content) > FULL_TEXT_BYTES:
        raise RefusedTextError(f"the full text is larger than {FULL_TEXT_BYTES // 1_000_000} MB")
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
        raise RefusedTextError("the full text is not XML")
    if _defines_entities(root):  # an encoding such as UTF-16 hides them from the search in the bytes above
        raise RefusedTextError(ENTITIES)
    figures = islice((figure for element in root.iter("{*}fig") for figure in _figures(element)), ARTICLE_FIGURES)
    return FullText(tuple(figures), _licence(root), root.get("article-type") == "case-report")


def _defines_entities(root: etree._Element) -> bool:
    dtd = root.getroottree().docinfo.internalDTD
    return dtd is not None and next(dtd.iterentities(), None) is not None


def _figures(element: etree._Element) -> list[Figure]:
    """One figure for each of its files; two formats of one file are one figure."""
    label = _words(element.find("{*}label"))
    caption = _caption(element)
    group = element.getparent()
    if group is not None and etree.QName(group).localname == "fig-group":
        caption = f"{_caption(group)} {caption}".strip()
    by_stem: dict[str, list[str]] = {}
    for graphic in element.iter("{*}graphic"):
        name = _href(graphic).rpartition("/")[2]
        if NAME.fullmatch(name) and name.strip(" ."):
            by_stem.setdefault(name.rsplit(".", 1)[0] if "." in name[-5:] else name, []).append(name)
    return [Figure(label, caption, tuple(dict.fromkeys(names))) for names in by_stem.values()]


def _caption(element: etree._Element) -> str:
    caption = element.find("{*}caption")
    if caption is None:
        return ""
    blocks = [child for child in caption if isinstance(child.tag, str)]
    return " ".join(words for block in blocks if (words := _words(block))) or _words(caption)


def _words(element: etree._Element | None) -> str:
    return " ".join("".join(str(text) for text in element.itertext()).split()) if element is not None else ""


def _href(element: etree._Element) -> str:
    """The ``xlink:href`` of an element, even if its prefix is not declared."""
    return next((str(value) for name, value in element.attrib.items() if str(name).endswith("href")), "").strip()


def _licence(root: etree._Element) -> str | None:
    for licence in root.iter("{*}license"):
        for part in licence.iter():
            if isinstance(part.tag, str) and (name := creative_commons(f"{_href(part)} {part.text or ''}")):
                return name
    return None
