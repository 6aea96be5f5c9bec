"""NLM's tuberculosis sets (Montgomery County and Shenzhen): two zips of films, short clinical texts and lung masks.

A film's name ends in ``_0`` (normal) or ``_1`` (tuberculosis). Films with tuberculosis are fetched as ``other``,
because lung segmentation learns from their masks, too. The masks are members of the archives: ``mask_urls`` contains
``<archive address>#<member>``. Montgomery has one mask per lung. Shenzhen's masks were published separately; they are
used if somebody has added them to the archive.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from sources.core.errors import CxnetError
from sources.core.items import Item
from sources.core.source import Source, Terms
from sources.core.web import Web
from sources.reading.ages import is_child, parse_age
from sources.reading.archive import member_names, read_texts
from sources.reading.words import parse_sex

COLLECTIONS = "https://openi.nlm.nih.gov/imgs/collections"
ARCHIVES = (f"{COLLECTIONS}/NLM-MontgomeryCXRSet.zip", f"{COLLECTIONS}/ChinaSet_AllFiles.zip")
FILM = re.compile(r"(?P<patient>(?:MCU|CHN)CXR_\d{4})_(?P<sick>[01])")
LABELS = {"0": "normal", "1": "other"}
MONTGOMERY_FIELD = re.compile(r"patient'?s\s+(?P<field>sex|age)\s*:\s*(?P<value>\S+)", re.IGNORECASE)
SHENZHEN_LINE = re.compile(r"\s*(?P<sex>male|female?)\b[\s,]*(?P<age>\d+\s*[a-z]*)?", re.IGNORECASE)


class Tuberculosis(Source):
    """Montgomery County and Shenzhen chest X-ray sets (Jaeger et al. 2014)."""

    name = "tuberculosis"
    title = "NLM tuberculosis sets (Montgomery, Shenzhen)"
    homepage = "https://lhncbc.nlm.nih.gov/LHC-downloads/downloads.html#tuberculosis-image-data-sets"
    labels = ("normal", "other")
    hosts = ("openi.nlm.nih.gov",)
    terms = Terms(licence="released by NLM for research, with citation of Jaeger et al. 2014", url=homepage)

    def items(self, web: Web) -> Iterator[Item]:
        """One item per film of the two archives, Montgomery first, in the order of their names."""
        for address in ARCHIVES:
            archive = web.archive(address)
            members = member_names(archive)
            yield from parse(address, members, read_texts(archive, readings(members)))


@dataclass(frozen=True)
class Reading:
    """The clinical text of a film: ``sex`` and ``age`` as written, and the radiologist's words."""

    sex: str | None
    age: str | None
    finding: str | None


def readings(members: Sequence[str]) -> list[str]:
    """The clinical texts among the members."""
    return [member for member in _visible(members) if member.endswith(".txt") and FILM.fullmatch(_stem(member))]


def parse(address: str, members: Sequence[str], texts: Mapping[str, str]) -> Iterator[Item]:
    """Yield one item per film of the archive at ``address``.

    Args:
        texts: member -> its clinical text.

    Raises:
        CxnetError: the archive has no film of these sets.
    """
    films = {_stem(member): member for member in sorted(_visible(members), reverse=True) if is_film(member)}
    if not films:
        raise CxnetError(f"{address} has no CXR_png/*CXR_nnnn_n.png; it is not one of the tuberculosis sets.")
    masks = _masks(members)
    by_stem = {_stem(member): text for member, text in texts.items()}
    for stem in sorted(films):
        yield _item(address, films[stem], by_stem.get(stem, ""), masks[stem])


def is_film(member: str) -> bool:
    """Is this member a film (and not the mask of one)?"""
    path = PurePosixPath(member)
    return path.parent.name == "CXR_png" and path.suffix == ".png" and FILM.fullmatch(path.stem) is not None


def read_reading(text: str) -> Reading:
    """Read a clinical text: Montgomery's (named fields) or Shenzhen's (``male 45yrs`` and misspellings of it)."""
    fields = {match["field"].lower(): match["value"] for match in MONTGOMERY_FIELD.finditer(text)}
    if fields:
        return Reading(fields.get("sex"), fields.get("age"), _one_line(MONTGOMERY_FIELD.sub("", text)))
    if match := SHENZHEN_LINE.match(text):
        return Reading(match["sex"], match["age"], _one_line(text[match.end() :]))
    return Reading(None, None, _one_line(text))


def _item(address: str, member: str, text: str, masks: Sequence[str]) -> Item:
    match = FILM.fullmatch(_stem(member))
    assert match is not None  # is_film
    reading = read_reading(text)
    age = parse_age(reading.age)
    return Item(
        item_id=_stem(member),
        url=address,
        member=member,
        page_url=Tuberculosis.homepage,
        label=LABELS[match["sick"]],
        finding=reading.finding,
        view="PA",  # both sets, as published
        modality="X-ray",
        patient_id=match["patient"],
        age=age,
        sex=parse_sex(reading.sex),
        pediatric=is_child(age),
        licence="NLM: for research, with citation",
        attribution="National Library of Medicine; Jaeger et al., Quant Imaging Med Surg 2014",
        mask_urls=tuple(f"{address}#{mask}" for mask in masks),
    )


def _masks(members: Sequence[str]) -> dict[str, list[str]]:
    """Lung masks by the film's name: Montgomery's left and right ones, Shenzhen's ``<film>_mask.png``."""
    by_film: dict[str, list[str]] = defaultdict(list)
    for member in sorted(_visible(members)):
        path = PurePosixPath(member)
        if path.suffix == ".png" and (path.stem.endswith("_mask") or path.parent.name in ("leftMask", "rightMask")):
            by_film[path.stem.removesuffix("_mask")].append(member)
    return by_film


def _visible(members: Sequence[str]) -> list[str]:
    """Members without the leftovers of an operating system (``__MACOSX``, ``._film.png``)."""
    return [m for m in members if not any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(m).parts)]


def _stem(member: str) -> str:
    return PurePosixPath(member).stem


def _one_line(text: str) -> str | None:
    return " ".join(text.split()).strip(" ,.") or None


SOURCE = Tuberculosis()
