"""NIH ChestX-ray14: one table of 112,120 films, twelve archives; the table alone decides what is fetched.

The paper takes normals and its 4,600 pneumonias (class CAP) from here, without saying by which findings. Only about
1,400 films have the label "Pneumonia", so a film counts as ``cap`` if its labels include Pneumonia, Consolidation or
Infiltration; ``finding`` keeps every label, so that a narrower choice stays possible. Films with other findings are
listed, but not fetched.
"""

import re
from collections.abc import Iterator

from sources.core.items import Item
from sources.core.source import Source, Terms
from sources.core.web import Web
from sources.reading.ages import is_child, parse_age
from sources.reading.tables import Row, distinct, read_rows
from sources.reading.views import parse_view
from sources.reading.words import parse_sex

STATIC = "https://nihcc.box.com/shared/static"
TABLE = f"{STATIC}/Data_Entry_2017_v2020.csv"
ARCHIVES = tuple(  # images_001.tar.gz ... images_012.tar.gz, as in the NIH's own download script
    f"{STATIC}/{key}.gz"
    for key in (
        "vfk49d74nhbxq3nqjg0900w5nvkorp5c",
        "i28rlmbvmfjbl8p2n3ril0pptcmcu9d1",
        "f1t00wrtdk94satdfb9olcolqx20z2jp",
        "0aowwzs5lhjrceb3qp67ahp0rd1l1etg",
        "v5e3goj22zr6h8tzualxfsqlqaygfbsn",
        "asi7ikud9jwnkrnkj99jnpfkjdes7l6l",
        "jn1b4mw4n6lnh74ovmcjb8y48h8xj07n",
        "tvpxmn7qyrgl0w8wfh9kqfjskv6nmm1j",
        "upyy3ml7qdumlgk2rfcvlb9k6gvqq2pj",
        "l6nilvfa9cg3s28tqv1qc1olm3gnz54p",
        "hhq8fkdgvcari67vfhs7ppg2w6ni4jze",
        "ioqwiy20ihqwyr8pf4c24eazhh281pbu",
    )
)
FULL_TABLE_ROWS = 112_120
# The archives divide the sorted names: 4,999 in the first, 10,000 in each of the next ten, the rest in the last.
FIRST_ARCHIVE_IMAGES, ARCHIVE_IMAGES = 4_999, 10_000

NORMAL = "No Finding"
PNEUMONIA = frozenset({"Pneumonia", "Consolidation", "Infiltration"})

COLUMNS = (
    *("Image Index", "Finding Labels", "Follow-up #"),
    *("Patient ID", "Patient Age", "Patient Gender", "View Position"),
)
IMAGE_NAME = re.compile(r"[\w-]+\.png", re.ASCII)


class Nih(Source):
    """NIH ChestX-ray14 (Wang et al., CVPR 2017)."""

    name = "nih"
    title = "NIH ChestX-ray14"
    homepage = "https://nihcc.app.box.com/v/ChestXray-NIHCC"
    labels = ("normal", "cap")
    hosts = ("nihcc.box.com", "nihcc.app.box.com", "public.boxcloud.com")
    # Passing the bytes on is common practice, but we found no sentence that allows it: so it counts as unknown.
    terms = Terms(licence="free use with credit to the NIH Clinical Center, link and citation", url=homepage)

    def items(self, web: Web) -> Iterator[Item]:
        """One item per row of the label table, in its order; no archive is touched."""
        yield from parse(web.get(TABLE).content)


def parse(table: bytes) -> Iterator[Item]:
    """Yield one item per row of ``Data_Entry_2017_v2020.csv``.

    Raises:
        CxnetError: it is another table.
    """
    rows = read_rows(table, COLUMNS, TABLE)
    hints = archive_hints([row["Image Index"] for row in rows])
    for item_id, row in distinct(rows, key=lambda row: row["Image Index"] or "unnamed", tie=lambda _: "again"):
        yield _item(item_id, row, hints.get(row["Image Index"], 0))


def label(findings: str) -> str | None:
    """The label of a row's findings (separated by ``|``); None if there are none.

    No Finding -> normal; Pneumonia, Consolidation or Infiltration among them -> cap; anything else -> other.
    """
    words = {word.strip() for word in findings.split("|")} - {""}
    if words == {NORMAL}:
        return "normal"
    return ("cap" if words & PNEUMONIA else "other") if words else None


def archive_hints(names: list[str]) -> dict[str, int]:
    """The archive to try first (0-11) for each image, from its place in the sorted table; {} for a partial table."""
    if len(names) != FULL_TABLE_ROWS:
        return {}
    last = len(ARCHIVES) - 1
    return {
        name: 0 if place < FIRST_ARCHIVE_IMAGES else min(1 + (place - FIRST_ARCHIVE_IMAGES) // ARCHIVE_IMAGES, last)
        for place, name in enumerate(sorted(names))
    }


def _item(item_id: str, row: Row, hint: int) -> Item:
    findings, row_label = row["Finding Labels"], label(row["Finding Labels"])
    patient = row["Patient ID"]
    follow_up = row["Follow-up #"]
    return Item(
        item_id=item_id,
        url=ARCHIVES[hint],
        member=f"images/{row['Image Index']}",
        alternates=ARCHIVES[:hint] + ARCHIVES[hint + 1 :],
        page_url=TABLE,
        label=row_label,
        finding=findings or None,
        view=parse_view(row["View Position"]),
        modality="X-ray",
        patient_id=patient or None,
        study_id=f"{patient}-{follow_up}" if patient and follow_up else None,
        age=parse_age(row["Patient Age"]),
        sex=parse_sex(row["Patient Gender"]),
        pediatric=is_child(parse_age(row["Patient Age"])),
        licence="NIH Clinical Center: free use with credit",
        attribution="NIH Clinical Center; Wang et al., ChestX-ray8, CVPR 2017",
        skip=_skip(row, row_label),
    )


def _skip(row: Row, row_label: str | None) -> str | None:
    if not IMAGE_NAME.fullmatch(row["Image Index"]):
        return "the table names no image"
    if row_label in ("normal", "cap"):
        return None
    return f"finding not used: {row['Finding Labels']}" if row_label else "the table states no finding"


SOURCE = Nih()
