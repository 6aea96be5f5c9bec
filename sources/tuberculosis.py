"""NLM's tuberculosis sets (Montgomery County and Shenzhen): two zips of films, short clinical texts and lung masks.

Where a zip is gone, the same files come one by one from NLM's present place, whose index pages list them. Each text is
one more request then.

A film's name ends in ``_0`` (normal) or ``_1`` (tuberculosis). Films with tuberculosis are fetched as ``other``,
because lung segmentation learns from their masks, too. The masks are members of the archives: ``mask_urls`` contains
``<archive address>#<member>``, or the address of a single file. Montgomery has one mask per lung. Shenzhen's masks were
published separately; they are used if somebody has added them to the archive.
"""

import logging
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from sources.core import layouts
from sources.core.errors import CxnetError, StoppedError, WebError
from sources.core.items import Item
from sources.core.layouts import Layout
from sources.core.limits import MEMBER_TEXT_BYTES
from sources.core.source import Source, Terms
from sources.core.web import Web
from sources.language.ages import is_child, parse_age
from sources.language.words import parse_sex
from sources.reading.archive import is_hidden, member_names, read_texts

log = logging.getLogger(__name__)

COLLECTIONS = "https://openi.nlm.nih.gov/imgs/collections"
ARCHIVES = (f"{COLLECTIONS}/NLM-MontgomeryCXRSet.zip", f"{COLLECTIONS}/ChinaSet_AllFiles.zip")
PRESENT = "https://data.lhncbc.nlm.nih.gov/public/Tuberculosis-Chest-X-ray-Datasets"
FOLDERS = (f"{PRESENT}/Montgomery-County-CXR-Set/MontgomerySet/", f"{PRESENT}/Shenzhen-Hospital-CXR-Set/")
FILMS, TEXTS, MASKS = "CXR_png", "ClinicalReadings", ("ManualMask/leftMask", "ManualMask/rightMask")
ZIP = Layout(
    name="zips of 2014", seen="2025", addresses=r"^https://openi\.nlm\.nih\.gov/", fields={}, kind=layouts.ARCHIVE
)
INDEX = Layout(
    name="single files, index page",
    seen="2026-09",
    addresses=r"^https://data\.lhncbc\.nlm\.nih\.gov/.+/index\.html$",
    fields={"file": 'a[href$=".png"]'},
)
LISTED = re.compile(r"\b(?:MCU|CHN)CXR_\d{4}_[01](?=\.png\b)")
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
    hosts = ("openi.nlm.nih.gov", "data.lhncbc.nlm.nih.gov")
    layouts = (ZIP, INDEX)
    terms = Terms(licence="released by NLM for research, with citation of Jaeger et al. 2014", url=homepage)

    def items(self, web: Web) -> Iterator[Item]:
        """One item per film of the two sets, Montgomery first, in the order of their names."""
        for address, folder in zip(ARCHIVES, FOLDERS, strict=True):
            try:
                archive = web.archive(address)
                members = member_names(archive)
                texts = read_texts(archive, readings(members))
            except StoppedError:
                raise
            except CxnetError as error:
                yield from single_files(web, folder, error)
            else:
                yield from parse(address, members, texts)


def single_files(web: Web, folder: str, problem: CxnetError) -> Iterator[Item]:
    """One item per film of the set whose files are in ``folder``.

    Raises:
        CxnetError: the folder has no index of films; ``problem`` is why the archive does not serve.
    """
    names = _index(web, f"{folder}{FILMS}/")
    if not names:
        raise CxnetError(f"{problem} {folder}{FILMS}/index.html lists no film either.")
    masks = [f"{place}/{name}.png" for place in MASKS for name in _index(web, f"{folder}{place}/")]
    yield from parse(folder, [*(f"{FILMS}/{name}.png" for name in names), *masks], _texts(web, folder, names))


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
    """Yield one item per film of the archive, or in the folder (with a final slash), at ``address``.

    Args:
        members: paths in the archive or folder; ``texts``: path -> its clinical text.

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
    is_folder = address.endswith("/")
    return Item(
        item_id=_stem(member),
        url=f"{address}{member}" if is_folder else address,
        member=None if is_folder else member,
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
        mask_urls=tuple(f"{address}{'' if is_folder else '#'}{mask}" for mask in masks),
    )


def _index(web: Web, folder: str) -> list[str]:
    """The films that the index page of a folder lists, without extension; [] if it has no such page."""
    try:
        page = web.get(f"{folder}index.html")
    except WebError as error:
        if not error.is_gone:
            raise
        return []
    return sorted(set(LISTED.findall(page.text)))


def _texts(web: Web, folder: str, names: Sequence[str]) -> dict[str, str]:
    """Path -> clinical text of the films that have one."""
    texts: dict[str, str] = {}
    failures: list[WebError] = []
    for name in names:
        path = f"{TEXTS}/{name}.txt"
        try:
            texts[path] = web.get(f"{folder}{path}").text[:MEMBER_TEXT_BYTES]
        except WebError as error:
            failures += [] if error.is_gone else [error]
    if failures:
        log.warning(
            "%d clinical texts of the tuberculosis sets could not be read (%s); age, sex and finding of their films "
            "are unknown until the next fetch",
            len(failures),
            failures[0].reason,
        )
    return texts


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
    return [member for member in members if not is_hidden(member)]


def _stem(member: str) -> str:
    return PurePosixPath(member).stem


def _one_line(text: str) -> str | None:
    return " ".join(text.split()).strip(" ,.") or None


SOURCE = Tuberculosis()
