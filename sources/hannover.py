"""Hannover Medical School's COVID-19 image repository: a table, one PNG per row, dates relative to the film."""

from collections.abc import Iterator

from sources.core.addresses import raw_github
from sources.core.errors import CxnetError
from sources.core.items import Item
from sources.core.layouts import table_layout
from sources.core.source import Source, Terms
from sources.core.web import Web
from sources.language.ages import parse_age
from sources.language.views import parse_view
from sources.language.words import parse_sex
from sources.reading.tables import Row, distinct, number, read_rows

REPOSITORY = "ml-workgroup/covid-19-image-repository"
COMMIT = "ad7ab099b425f16e06bba22322336b7d6a732965"  # 2021-06-10: 243 films of 71 patients
TABLE = raw_github(REPOSITORY, COMMIT, "data.csv")
COLUMNS = ("patient_id", "image_id", "sex", "age", "admission_offset", "modality", "projection")
LAYOUT = table_layout("data.csv, pinned", "2026-11", TABLE, COLUMNS)

NORMAL_BEFORE_DAYS = 14
# Version 1.0 dated these films three weeks or more before admission, through an error in its date arithmetic (see its
# erratum). In corrected tables none of them is that early, so one such date identifies the old table.
MISDATED_IN_VERSION_1 = (
    *("cae2c0a9", "f6575117", "ac4f6e4e", "7afaaccc"),
    *("e22aa56f", "19073f37", "8fc103ca", "00cfd1c1"),
)


class Hannover(Source):
    """COVID-19 Image Repository, Hannover Medical School (doi:10.6084/m9.figshare.12275009)."""

    name = "hannover"
    title = "COVID-19 image repository, Hannover Medical School"
    homepage = f"https://github.com/{REPOSITORY}"
    labels = ("covid", "normal")
    hosts = ("raw.githubusercontent.com",)
    layouts = (LAYOUT,)
    terms = Terms(licence="CC BY 3.0", url=f"{homepage}/blob/{COMMIT}/readme.md", redistributable=True)

    def items(self, web: Web) -> Iterator[Item]:
        """One item per row of ``data.csv``, in its order."""
        yield from parse(web.get(TABLE).content)


def parse(table: bytes) -> Iterator[Item]:
    """Yield one item per row of ``data.csv``.

    Raises:
        CxnetError: it is another table, or version 1.0 with its wrong dates.
    """
    rows = read_rows(table, COLUMNS, TABLE)
    _refuse_version_1(rows)
    for item_id, row in distinct(rows, key=lambda row: row["image_id"] or "unnamed", tie=lambda row: row["patient_id"]):
        yield _item(item_id, row)


def label(admission_offset: float | None) -> str:
    """The rule of the paper's public code (``Hannover_data_loader.py``): normal only if taken long before admission.

    ``admission_offset`` counts days from the film to the admission, so it is positive for a film taken before. More
    than 14 days before is normal; everything else is covid, including any day after admission and an unknown date.
    """
    return "normal" if admission_offset is not None and admission_offset > NORMAL_BEFORE_DAYS else "covid"


def _item(item_id: str, row: Row) -> Item:
    offset = number(row["admission_offset"])
    return Item(
        item_id=item_id,
        url=raw_github(REPOSITORY, COMMIT, f"png/{row['image_id']}.png"),
        page_url=TABLE,
        label=label(offset),
        finding=None,  # the table has no such column: the label follows from the dates
        view=parse_view(row["projection"]),
        modality=row["modality"] or None,
        patient_id=row["patient_id"] or None,
        age=parse_age(row["age"]),
        sex=parse_sex(row["sex"]),
        offset_days=None if offset is None else 0.0 - offset,
        licence="CC-BY-3.0",
        attribution="Hannover Medical School, doi:10.6084/m9.figshare.12275009",
        redistributable=True,
        skip=None if row["image_id"] else "the table names no image",
    )


def _refuse_version_1(rows: list[Row]) -> None:
    for row in rows:
        if row["image_id"] in MISDATED_IN_VERSION_1 and label(number(row["admission_offset"])) == "normal":
            raise CxnetError(
                f"{TABLE} is version 1.0 of the Hannover data, whose dates are wrong (film {row['image_id']}); "
                f"use the table of commit {COMMIT[:8]} or a later one."
            )


SOURCE = Hannover()
