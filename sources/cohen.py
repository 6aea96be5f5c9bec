"""Cohen's COVID-19 image data collection: a table with the finding, origin and license of every image."""

import re
from collections.abc import Iterator
from urllib.parse import unquote

from sources.articles.europepmc import DOI
from sources.core.addresses import host_of, is_among, raw_github, web_address
from sources.core.items import Item
from sources.core.layouts import table_layout
from sources.core.source import Source, Terms
from sources.core.web import Web
from sources.language.ages import is_child, parse_age
from sources.language.labels import label_of
from sources.language.views import parse_view
from sources.language.words import parse_sex
from sources.reading.licences import creative_commons, is_free
from sources.reading.tables import Row, distinct, number, read_rows

REPOSITORY = "ieee8023/covid-chestxray-dataset"
COMMIT = "584034aa7fbf06496741f11008d72fd791c8e443"  # 2020-06-22: 751 rows
TABLE = raw_github(REPOSITORY, COMMIT, "metadata.csv")
COLUMNS = ("patientid", "offset", "sex", "age", "finding", "view", "modality", "folder", "filename", "url", "license")
LAYOUT = table_layout("metadata.csv, pinned", "2026-11", TABLE, COLUMNS)

OTHER_LICENCES = {"Apache 2.0": "Apache-2.0"}
NO_COPIES_HOSTS = ("radiopaedia.org", ".radiopaedia.org")  # its terms forbid copies, whatever the case's license allows
RT_PCR = {"y": "positive", "yes": "positive", "n": "negative", "no": "negative"}
CREDIT = re.compile(r"(case courtesy of|credit to|image originally shared)", re.IGNORECASE)

# "No Finding" although the original source contradicts it (23 rows state "No Finding"; they are not reliable).
CONTRADICTED_FILES = (  # the films plainly show opacities
    "1-s2.0-S1341321X20301124-gr3_lrg-a.png",
    "1-s2.0-S1341321X20301124-gr3_lrg-b.png",
    "1-s2.0-S2213716520301168-gr1_lrg-c.png",
)
CONTRADICTED_PAGES = (
    "https://github.com/ml-workgroup/covid-19-image-repository",  # from version 1.0 of that data, with wrong dates
    "https://www.sirm.org/2020/03/08/covid-19-caso-13/",  # a proven COVID-19 case, according to its own page
)


class Cohen(Source):
    """COVID-19 image data collection (arXiv:2003.11597, arXiv:2006.11988)."""

    name = "cohen"
    title = "COVID-19 image data collection (Cohen et al.)"
    homepage = f"https://github.com/{REPOSITORY}"
    labels = ("covid", "cap", "normal", "other")
    hosts = ("raw.githubusercontent.com",)
    layouts = (LAYOUT,)
    terms = Terms(licence="per image (many CC BY-NC-SA, many not stated)", url=f"{homepage}#license")

    def items(self, web: Web) -> Iterator[Item]:
        """One item per row of ``metadata.csv``, in its order."""
        yield from parse(web.get(TABLE).content)


def parse(table: bytes) -> Iterator[Item]:
    """Yield one item per row of ``metadata.csv``; if two rows name one file, the second id includes its patient.

    Raises:
        CxnetError: it is another table.
    """
    rows = read_rows(table, COLUMNS, TABLE)
    for item_id, row in distinct(rows, key=lambda row: row["filename"] or "unnamed", tie=lambda row: row["patientid"]):
        yield _item(item_id, row)


def label(row: Row) -> str | None:
    """The label of a row's finding; None for a "No Finding" that the original source contradicts."""
    stated = label_of(row["finding"], rt_pcr(row))
    contradicted = row["filename"] in CONTRADICTED_FILES or row["url"].startswith(CONTRADICTED_PAGES)
    return None if stated == "normal" and contradicted else stated


def rt_pcr(row: Row) -> str | None:
    """``positive`` or ``negative``, from a column that only later versions of the table have."""
    return RT_PCR.get(row.get("RT_PCR_positive", "").lower())


def _item(item_id: str, row: Row) -> Item:
    licence = _licence(row["license"])
    may_be_copied = not is_among(host_of(row["url"]) or "", NO_COPIES_HOSTS)
    return Item(
        item_id=item_id,
        url=raw_github(REPOSITORY, COMMIT, f"{row['folder']}/{row['filename']}"),
        page_url=web_address(row["url"]) or TABLE,
        label=label(row),
        finding=row["finding"] or None,
        view="CT" if row["modality"] == "CT" else parse_view(row["view"]),
        modality=row["modality"] or None,
        patient_id=row["patientid"] or None,
        age=parse_age(row["age"]),
        sex=parse_sex(row["sex"]),
        pediatric=is_child(parse_age(row["age"])),
        offset_days=number(row["offset"]),
        rt_pcr=rt_pcr(row),
        licence=licence,
        attribution=_attribution(row),
        redistributable=is_free(licence) and may_be_copied,
        skip=_skip(row),
    )


def _licence(stated: str) -> str | None:
    return creative_commons(stated) or OTHER_LICENCES.get(stated, stated) or None


def _attribution(row: Row) -> str | None:
    """Whom to credit: the credit line, and where the film was published."""
    note = row.get("other_notes", "")
    return "; ".join(part for part in (note if CREDIT.match(note) else "", _place(row)) if part) or None


def _place(row: Row) -> str:
    """The DOI of a film's paper; its address if there is no DOI ("?") or the address contains another one."""
    stated, in_address = row.get("doi", ""), DOI.search(unquote(row["url"]))
    is_contradicted = in_address is not None and stated.lower() not in in_address[0].lower()
    return f"doi:{stated}" if DOI.fullmatch(stated) and not is_contradicted else row["url"]


def _skip(row: Row) -> str | None:
    if row["folder"] == "volumes":
        return "CT volume, not an image"
    return None if row["filename"] else "the table names no file"


SOURCE = Cohen()
