"""Figure 1's COVID-19 chest X-ray data set: a table of cases; the extension of each image has to be tried."""

import re
from collections.abc import Iterator

from sources.core.addresses import raw_github
from sources.core.items import Item
from sources.core.layouts import table_layout
from sources.core.source import Source, Terms
from sources.core.web import Web
from sources.language.ages import is_child, parse_age
from sources.language.labels import label_of
from sources.language.views import parse_view
from sources.language.words import parse_sex
from sources.reading.tables import Row, distinct, number, read_rows

REPOSITORY = "agchung/Figure1-COVID-chestxray-dataset"
COMMIT = "95bb569e55f4110d3b734c0f355340e04e16989a"  # 2020-05-08: 55 rows
TABLE = raw_github(REPOSITORY, COMMIT, "metadata.csv")
COLUMNS = ("patientid", "offset", "sex", "age", "finding", "view", "modality")
LAYOUT = table_layout("metadata.csv, pinned", "2026-11", TABLE, COLUMNS)
FILM_LETTER = re.compile(r"(?<=\d)[a-z]$")  # COVID-00003a and COVID-00003b are two films of one patient


class Figure1(Source):
    """Figure 1 COVID-19 chest X-ray data set initiative (DarwinAI, University of Waterloo, Figure 1)."""

    name = "figure1"
    title = "Figure 1 COVID-19 chest X-ray data set"
    homepage = f"https://github.com/{REPOSITORY}"
    labels = ("covid", "cap", "normal")
    hosts = ("raw.githubusercontent.com",)
    layouts = (LAYOUT,)
    terms = Terms(licence="none stated; for research purposes (readme)", url=homepage)

    def items(self, web: Web) -> Iterator[Item]:
        """One item per row of ``metadata.csv``, in its order."""
        yield from parse(web.get(TABLE).content)


def parse(table: bytes) -> Iterator[Item]:
    """Yield one item per row of ``metadata.csv`` (which is not clean UTF-8).

    Raises:
        CxnetError: it is another table.
    """
    rows = read_rows(table, COLUMNS, TABLE)
    for item_id, row in distinct(rows, key=lambda row: row["patientid"] or "unnamed", tie=lambda row: row["offset"]):
        yield _item(item_id, row)


def patient(film: str) -> str:
    """The patient of a film: the film's id without the letter that counts the films."""
    return FILM_LETTER.sub("", film)


def _item(item_id: str, row: Row) -> Item:
    film = row["patientid"]
    jpg, png = (raw_github(REPOSITORY, COMMIT, f"images/{film}.{extension}") for extension in ("jpg", "png"))
    return Item(
        item_id=item_id,
        url=jpg,
        alternates=(png,),
        page_url=TABLE,
        label=label_of(row["finding"]),
        finding=row["finding"] or None,
        view=parse_view(row["view"]),
        modality=row["modality"] or None,
        patient_id=patient(film) or None,
        age=parse_age(row["age"]),
        sex=parse_sex(row["sex"]),
        pediatric=is_child(parse_age(row["age"])),
        offset_days=number(row["offset"]),
        attribution="Figure 1 COVID-19 Chest X-ray Dataset Initiative",
        skip=None if film else "the table names no film",
    )


SOURCE = Figure1()
