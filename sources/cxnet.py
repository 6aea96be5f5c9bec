"""COVID-CXNet's own published collection: 900 films, labels in the file names, a table for half of them.

A name is ``<nnn><suffix>.<extension>``. The suffix ``p`` marks a pediatric film, ``-`` a film without visible
abnormality although PCR or CT proved COVID-19; both may occur (``481p-.jpg``). The table begins at file 260, and dozens
of its rows spell the extension differently from the file. The file names come from GitHub's tree listing; if it is
unavailable (offline copies, the hourly limit of the API), from the table and ``data/catalog/cxnet.csv``.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from sources.core import layouts
from sources.core.addresses import raw_github, web_address
from sources.core.errors import WebError
from sources.core.items import Item
from sources.core.layouts import Layout, table_layout
from sources.core.source import Source, Terms
from sources.core.web import Web
from sources.language.ages import is_child, parse_age
from sources.language.views import parse_view
from sources.language.words import parse_sex
from sources.reading.answers import mapping, mappings
from sources.reading.tables import Row, number, read_rows

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
TREE = Layout(
    name="tree of GitHub's REST API",
    seen="2026-11",
    addresses=r"^https://api\.github\.com/repos/.+/git/trees/",
    fields={"path": "tree[].path"},
    kind=layouts.JSON,
)
LAYOUT = table_layout("metadata.csv, pinned", "2026-11", TABLE, COLUMNS)

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
    api_hosts = ("api.github.com",)  # 60 requests an hour without a token; one is needed
    layouts = (LAYOUT, TREE)
    # The collection's license cannot cover films that it took from pages with other licenses.
    terms = Terms(licence="CC BY 4.0 for the collection, films as at their source", url=homepage)
    optional = True

    def items(self, web: Web) -> Iterator[Item]:
        """One item per film, in the order of their names."""
        table = web.get(TABLE).content
        yield from parse(table, listed_names(web))


def parse(table: bytes, names: Sequence[str]) -> Iterator[Item]:
    """Yield one item per film in ``metadata.csv`` or in ``names`` (file names of the collection).

    Raises:
        CxnetError: it is another table.
    """
    rows = {_stem(row["filename"]): row for row in reversed(read_rows(table, COLUMNS, TABLE))}
    files = {_stem(name): name for name in names}
    for stem in sorted(rows.keys() | files.keys()):
        if match := FILM.fullmatch(stem):
            yield _item(match, files.get(stem), rows.get(stem))


def listed_names(web: Web) -> list[str]:
    """The file names of the collection's films: from GitHub's listing, else those that this project ships."""
    try:
        return names_in_tree(web.get(LISTING).json())
    except (WebError, ValueError) as error:
        log.warning("cxnet: no file listing (%s); using the table and %s", error, KNOWN_NAMES.name)
        return [row["filename"] for row in read_rows(KNOWN_NAMES.read_bytes(), ("filename",), str(KNOWN_NAMES))]


def names_in_tree(answer: Any) -> list[str]:
    """The file names of films in an answer of GitHub's tree API.

    Raises:
        ValueError: the answer lists no film.
    """
    paths = [entry.get("path") for entry in mappings(mapping(answer).get("tree"))]
    films = [PurePosixPath(path) for path in paths if isinstance(path, str)]
    names = [path.name for path in films if str(path.parent) == FOLDER and FILM.fullmatch(path.stem)]
    if not names:
        raise ValueError(f"the answer lists no film in {FOLDER}")
    return names


def _item(film: re.Match[str], file: str | None, row: Row | None) -> Item:
    stem = film[0]
    cells = row or dict.fromkeys(COLUMNS, "")
    age = parse_age(cells["age"])
    url, *alternates = (raw_github(REPOSITORY, COMMIT, f"{FOLDER}/{name}") for name in _spellings(stem, file, row))
    return Item(
        item_id=stem,
        url=url,
        alternates=tuple(alternates),
        page_url=web_address(cells["url"]) or TABLE,
        label="covid",  # by the folder's name, which holds for films without a row, too
        finding=NOT_SEEN if film["clear"] else cells["label"] or "COVID-19",
        view=parse_view(cells["view"]),
        modality="X-ray",
        patient_id=cells["patient_id"] or None,
        age=age,
        sex=parse_sex(cells["sex"]),
        pediatric=True if film["child"] else is_child(age),
        offset_days=_first(number(cells["admission_offset"]), number(cells["symptom_offset"])),
        rt_pcr=cells["pcr_test"] if cells["pcr_test"] in ("positive", "negative") else None,
        licence="CC-BY-4.0 (collection)",
        attribution=f"Haghanifar et al., doi:10.6084/m9.figshare.12580328; {cells['url'] or 'origin not stated'}",
    )


def _spellings(stem: str, file: str | None, row: Row | None) -> list[str]:
    """The file names to try: the listed one; without it the table's, then the stem with every other extension."""
    if file is not None:
        return [file]
    stated = row["filename"] if row is not None else f"{stem}.jpg"
    return list(dict.fromkeys([stated, *(f"{stem}.{extension}" for extension in EXTENSIONS)]))


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def _stem(name: str) -> str:
    return PurePosixPath(name).stem


SOURCE = Cxnet()
