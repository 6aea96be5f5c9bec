"""Full texts in JATS, the XML of journal articles (https://jats.nlm.nih.gov): figures, captions, the license.

A hostile document does no harm: entities are refused and never expanded, nothing is loaded, size and depth are bounded.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

from lxml import etree

from sources.core.errors import RefusedTextError
from sources.core.limits import ARTICLE_FIGURES, FULL_TEXT_BYTES
from sources.language.emphasis import marked, unmarked
from sources.language.prose import Span
from sources.reading.licences import creative_commons, licence_in_words

ENTITIES = "the full text defines entities, which are refused"
NAME = re.compile(r"[\w.()+ -]{1,200}")
RENDERING = re.compile(r"[_-](?:html|print|web|online|screen|hires|lowres|large|small|thumb(?:nail)?)$", re.IGNORECASE)


@dataclass(frozen=True)
class Figure:
    """A figure of an article.

    Attributes:
        label: what the article calls it ("Fig. 1").
        caption: its words, together with those of its group.
        places: names of its file in the article's folder, or its addresses; the best one first.
        emphasized: where the caption has letters in bold or italic type, which often name panels.
        part, parts: the place of the file, from 0 on, among the files of a figure that has several.
    """

    label: str
    caption: str
    places: tuple[str, ...]
    emphasized: tuple[Span, ...] = ()
    part: int = 0
    parts: int = 1


@dataclass(frozen=True)
class FullText:
    """What an article's own text contains.

    Attributes:
        figures: in the text's order.
        licence: SPDX-like name of a Creative Commons license, or None.
        is_case_report: does the journal call it one.
        title: of the article, or "".
    """

    figures: tuple[Figure, ...]
    licence: str | None = None
    is_case_report: bool = False
    title: str = ""


def parse_jats(content: bytes) -> FullText:
    """The figures and license of a full text, as far as it can be read.

    Raises:
        RefusedTextError: it is too large, defines entities, or is not XML.
    """
    if len(content) > FULL_TEXT_BYTES:
        raise RefusedTextError(f"the full text is larger than {FULL_TEXT_BYTES // 1_000_000} MB")
    if b"<!ENTITY" in content:
        raise RefusedTextError(ENTITIES)
    root = safe_xml(content)
    if root is None:
        raise RefusedTextError("the full text is not XML")
    if _defines_entities(root):  # an encoding such as UTF-16 hides them from the search in the bytes above
        raise RefusedTextError(ENTITIES)
    figures = islice((figure for element in root.iter("{*}fig") for figure in _figures(element)), ARTICLE_FIGURES)
    title = _words(root.find(".//{*}article-meta/{*}title-group/{*}article-title"))[:500]
    return FullText(tuple(figures), _licence(root), root.get("article-type") == "case-report", title)


def safe_xml(content: bytes) -> etree._Element | None:
    """The root of an XML document, as far as it can be read, or None; nothing is loaded, no entity expanded."""
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, recover=True, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def _defines_entities(root: etree._Element) -> bool:
    dtd = root.getroottree().docinfo.internalDTD
    return dtd is not None and next(dtd.iterentities(), None) is not None


def _figures(element: etree._Element) -> list[Figure]:
    """One figure for each of its pictures; two formats or renderings (for screen and print) of a picture are one."""
    label = _words(element.find("{*}label"))
    caption = _caption(element)
    group = element.getparent()
    if group is not None and _name(group) == "fig-group":
        caption = f"{_caption(group)} {caption}".strip()
    words, emphasized = unmarked(caption)
    by_picture: dict[object, list[str]] = {}
    for graphic in element.iter("{*}graphic"):
        name = _href(graphic).rpartition("/")[2]
        if NAME.fullmatch(name) and name.strip(" ."):
            by_picture.setdefault(_picture(graphic, name), []).append(name)
    pictures = [tuple(dict.fromkeys(names)) for names in by_picture.values()]
    return [Figure(label, words, names, emphasized, part, len(pictures)) for part, names in enumerate(pictures)]


def _picture(graphic: etree._Element, name: str) -> object:
    """What two renderings of one picture have in common: the list of alternatives, or the beginning of their names."""
    parent = graphic.getparent()
    if parent is not None and _name(parent) == "alternatives":
        return parent
    return RENDERING.sub("", name.rsplit(".", 1)[0] if "." in name[-5:] else name)


def _caption(element: etree._Element) -> str:
    """The words of a caption, its emphasized letters marked."""
    caption = element.find("{*}caption")
    if caption is None:
        return ""
    blocks = [child for child in caption if isinstance(child.tag, str)]
    texts = [
        f"{words}." if _is_open_title(block, words) else words for block in blocks if (words := _marked_words(block))
    ]
    return " ".join(texts) or _marked_words(caption)


def _is_open_title(block: etree._Element, words: str) -> bool:
    """Is a block a title that runs into the next one for want of a full stop?"""
    return _name(block) == "title" and words[-1] not in ".:;?!," and block.getnext() is not None


def _marked_words(element: etree._Element) -> str:
    return " ".join("".join(_marked(element)).split())


def _marked(element: etree._Element) -> Iterator[str]:
    """The texts of an element, letters in bold or italic type marked."""
    for event, node in etree.iterwalk(element, events=("start", "end")):
        if event == "start":
            yield marked(_name(node), str(node.text or ""))
        elif node is not element:
            yield marked("", str(node.tail or ""))


def _name(node: etree._Element) -> str:
    """The tag of an element without its namespace; a repaired text may hold tags that are no names."""
    return node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""


def _words(element: etree._Element | None) -> str:
    return " ".join("".join(str(text) for text in element.itertext()).split()) if element is not None else ""


def _href(element: etree._Element) -> str:
    """The ``xlink:href`` of an element, even if its prefix is not declared."""
    return next((str(value) for name, value in element.attrib.items() if str(name).endswith("href")), "").strip()


def _licence(root: etree._Element) -> str | None:
    """The license of the article: by an address in its permissions, else by an attribute, else by its words."""
    permissions = [*root.iterfind(".//{*}article-meta/{*}permissions"), *root.iter("{*}license")]
    parts = [part for element in permissions for part in element.iter() if isinstance(part.tag, str)]
    addresses = (f"{_href(part)} {part.text or ''} {part.tail or ''}" for part in parts)
    attributes = (str(value) for part in parts for value in part.attrib.values())
    words = (_words(element) for element in permissions)
    named = (creative_commons(text) for text in chain(addresses, attributes))
    return next(filter(None, chain(named, map(licence_in_words, words))), None)
