"""COVID-CXNet's own published collection: 900 films, labels in file names, a table for half of them.

A name is ``<nnn><suffix>.<extension>``: suffix ``p`` = paediatric, ``-`` = no abnormality seen although PCR or CT
proved COVID-19, or both (``481p-.jpg``). The table begins at file 260, and dozens of its rows spell the extension
otherwise than the file does. The names come from GitHub's tree listing; where that cannot be had (offline copies, the
hourly limit of its API) from the table and the names in ``data/catalog/cxnet.csv``.
"""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from sources.core.addresses import web_address
from sources.core.errors import WebError
from sources.core.items import Item
from sources.core.source import Source, Terms
from sources.core.web import Web
from sources.reading.tables import Row, number, raw_github, read_rows
from sources.reading.words import is_child, parse_age, parse_sex, parse_view

log = logging.getLogger(__name__)

REPOSITORY = "armiro/COVID-CXNet"
COMMIT = "3ade488b3828705706fc5f58c0667421d8b04a01"  # 2024-04-28: 900 films, 452 rows
FOLDER = "chest_xray_images/covid19"
TABLE = raw_github(REPOSITORY, COMMIT, "metadata.csv")
LISTING = f"https://api.github.com/repos/{REPOSITORY}/git/trees/{COMMIT}?recursive=1"
KNOWN_NAMES = Path(__file__).parent / "data" / "catalog" / "cxnet.csv"
COLUMNS = (
    *("filename", "patient_id", "sex", "age", "view", "label", "pcr_test"),
    *("admission_offset", "symptom_offset", "url"),
)

FILM = re.compile(r"(?P<number>\d{3,4})(?P<child>p?)(?P<clear>-?)")
EXTENSIONS = ("jpg", "jpeg", "png", "PNG", "JPG", "jfif", "webp")
NOT_SEEN = "COVID-19, no abnormality seen"


class Cxnet(Source):
    """COVID-CXNet collection (arXiv:2006.13807; doi:10.6084/m9.figshare.12580328)."""

    name = "cxnet"
    title = "COVID-CXNet collection as published"
    homepage = f"https://github.com/{REPOSITORY}"
    labels = ("covid",)
    hosts = ("raw.githubusercontent.com", "api.github.com")
    # The collection's licence cannot free films that it took from pages with other licences.
    terms = Terms(licence="CC BY 4.0 for the collection, films as at their source", url=homepage)
    optional = True

    def items(self, web: Web) -> Iterator[Item]:
        """One item per film, in the order of their names."""
        table = web.get(TABLE).content
        yield from parse(table, listed_names(web))


def parse(table: bytes, names: Sequence[str]) -> Iterator[Item]:
    """Yield one item per film that ``metadata.csv`` or ``names`` (file names of the collection) lists.

    Raises:
        CxnetError: the table is another one.
    """
    rows = {_stem(row["filename"]): row for row in reversed(read_rows(table, COLUMNS, TABLE))}
    files = {_stem(name): name for name in names}
    for stem in sorted(rows.keys() | files.keys()):
        if FILM.fullmatch(stem):
            yield _item(stem, files.get(stem), rows.get(stem))


def listed_names(web: Web) -> list[str]:
    """The film names of the collection: GitHub's listing, else those that this project ships."""
    try:
        return names_in_tree(web.get(LISTING).json())
    except (WebError, ValueError) as error:
        log.warning("cxnet: no file listing (%s); using the table and %s", error, KNOWN_NAMES.name)
        return [row["filename"] for row in read_rows(KNOWN_NAMES.read_bytes(), ("filename",), str(KNOWN_NAMES))]


def names_in_tree(answer: Any) -> list[str]:
    """The film names in an answer of GitHub's tree API.

    Raises:
        ValueError: it is no such answer, or holds no film.
    """
    entries = answer.get("tree") if isinstance(answer, Mapping) else None
    paths = [entry.get("path") for entry in entries if isinstance(entry, Mapping)] if isinstance(entries, list) else []
    films = [PurePosixPath(path) for path in paths if isinstance(path, str)]
    names = [path.name for path in films if str(path.parent) == FOLDER and FILM.fullmatch(path.stem)]
    if not names:
        raise ValueError(f"the answer lists no film in {FOLDER}")
    return names


def _item(stem: str, file: str | None, row: Row | None) -> Item:
    match = FILM.fullmatch(stem)
    assert match is not None  # parse
    told = row or dict.fromkeys(COLUMNS, "")
    age = parse_age(told["age"])
    url, *alternates = (raw_github(REPOSITORY, COMMIT, f"{FOLDER}/{name}") for name in _spellings(stem, file, row))
    return Item(
        item_id=stem,
        url=url,
        alternates=tuple(alternates),
        page_url=web_address(told["url"]) or TABLE,
        label="covid",  # the folder's name says so, for the films without a row too
        finding=NOT_SEEN if match["clear"] else told["label"] or "COVID-19",
        view=parse_view(told["view"]),
        modality="X-ray",
        patient_id=told["patient_id"] or None,
        age=age,
        sex=parse_sex(told["sex"]),
        pediatric=True if match["child"] else is_child(age),
        offset_days=_first(number(told["admission_offset"]), number(told["symptom_offset"])),
        rt_pcr=told["pcr_test"] if told["pcr_test"] in ("positive", "negative") else None,
        licence="CC-BY-4.0 (collection)",
        attribution=f"Haghanifar et al., doi:10.6084/m9.figshare.12580328; {told['url'] or 'origin not stated'}",
    )


def _spellings(stem: str, file: str | None, row: Row | None) -> list[str]:
    """The file names to try: the listed one; without it the table's, then the same with the other extensions."""
    if file is not None:
        return [file]
    stated = row["filename"] if row is not None else f"{stem}.jpg"
    return list(dict.fromkeys([stated, *(f"{stem}.{extension}" for extension in EXTENSIONS)]))


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def _stem(name: str) -> str:
    return PurePosixPath(name).stem


SOURCES = (Cxnet(),)
