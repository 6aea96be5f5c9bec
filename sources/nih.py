"""NIH ChestX-ray14: one table of 112,120 films, twelve archives; the table alone decides what is fetched.

The table has no address of its own at the NIH's Box, only a button. It comes from the user (``--url FILE``, or the
profile's option ``table``), else from a pinned public copy, else, in an offline copy, from where older versions of this
project looked for it. Its copies differ in their headers; all of them are read.

The paper takes normals and its 4,600 pneumonias (class CAP) from here, without saying by which findings. Only about
1,400 films have the label "Pneumonia", so a film counts as ``cap`` if its labels include Pneumonia, Consolidation or
Infiltration; ``finding`` keeps every label, so that a narrower choice stays possible. Films with other findings are
listed, but not fetched.
"""

import re
from collections.abc import Iterator, Sequence

from sources.core import layouts
from sources.core.addresses import Hosts, host_of, raw_github
from sources.core.errors import CxnetError, WebError
from sources.core.items import Item
from sources.core.layouts import Layout
from sources.core.limits import PUBLISHED_TABLE_BYTES
from sources.core.source import Option, Source, Terms
from sources.core.web import Page, Web
from sources.language.ages import is_child, parse_age
from sources.language.views import parse_view
from sources.language.words import parse_sex
from sources.reading.answers import is_file, local_path
from sources.reading.layouts import table_rows
from sources.reading.tables import Row, distinct

STATIC = "https://nihcc.box.com/shared/static"
TABLE_NAME = "Data_Entry_2017_v2020.csv"
TABLE = f"{STATIC}/{TABLE_NAME}"  # in offline copies only
PINNED_TABLE = raw_github(
    "mlmed/torchxrayvision", "8ef884614164d54e2660947241ab0276b29526e9", f"torchxrayvision/data/{TABLE_NAME}.gz"
)
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

LABELS_TABLE = Layout(
    name="label table",
    seen="2026-11",
    addresses=r"Data_Entry_2017",
    fields={
        "image": "Image Index",
        "findings": "Finding Labels",
        "follow-up": "Follow-up #",
        "patient": "Patient ID",
        "age": "Patient Age",
        "sex": "Patient Sex|Patient Gender",
        "view": "View Position",
    },
    kind=layouts.TABLE,
)
COLUMNS = tuple(names.split("|")[-1] for names in LABELS_TABLE.fields.values())
IMAGE_NAME = re.compile(r"[\w-]+\.png", re.ASCII)


class Nih(Source):
    """NIH ChestX-ray14 (Wang et al., CVPR 2017)."""

    name = "nih"
    title = "NIH ChestX-ray14"
    homepage = "https://nihcc.app.box.com/v/ChestXray-NIHCC"
    labels = ("normal", "cap")
    hosts = ("nihcc.box.com", "nihcc.app.box.com", "public.boxcloud.com", "raw.githubusercontent.com")
    # Passing the bytes on is common practice, but we found no sentence that allows it: so it counts as unknown.
    terms = Terms(licence="free use with credit to the NIH Clinical Center, link and citation", url=homepage)

    layouts = (LABELS_TABLE,)
    options = (Option("table", f"a copy of {TABLE_NAME}: a file or an address"),)
    has_pages = True
    names_pages_freely = True  # a copy of the table, as a file or an address
    table: str | None = None  # a copy of the table that replaces the pinned one

    def reach(self, urls: Sequence[str] = ()) -> Hosts:
        """The hosts of the source, and those of copies of the table that the user named."""
        named = [host for url in (*urls, self.table or "") if (host := host_of(url))]
        return Hosts((*self.hosts, *named), self.api_hosts)

    def items(self, web: Web) -> Iterator[Item]:
        """One item per row of the label table, in its order; no archive is touched."""
        if self.table is not None:
            yield from self.page_items(web, self.table)
            return
        page = _first_copy(web)
        yield from parse(page.content, page.url)

    def page_items(self, web: Web, url: str) -> Iterator[Item]:
        """One item per row of a copy of the table: a file on this machine, or an address.

        Raises:
            CxnetError: it cannot be read, or it is another table.
        """
        if is_file(url):
            yield from parse(_saved(url), url, page_url=self.homepage)
        else:
            yield from parse(web.get(url).content, url)


def parse(table: bytes, where: str = TABLE, page_url: str | None = None) -> Iterator[Item]:
    """Yield one item per row of the label table, gzipped or not, with any of its headers.

    Args:
        where: its address or path, for messages; ``page_url``: where a person can check a row, if not there.

    Raises:
        CxnetError: it is another table.
    """
    rows = table_rows(table, LABELS_TABLE, where)
    hints = archive_hints([row["image"] for row in rows])
    for item_id, row in distinct(rows, key=lambda row: row["image"] or "unnamed", tie=lambda _: "again"):
        yield _item(item_id, row, hints.get(row["image"], 0), page_url or where)


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


def _first_copy(web: Web) -> Page:
    """The label table from the first of its addresses that has it.

    Raises:
        CxnetError: none has it; the message names what the user can do.
    """
    reasons = []
    for address in (PINNED_TABLE, TABLE):
        try:
            page = web.get(address)
        except WebError as error:
            reasons.append(str(error))
        else:
            return Page(address, page.content, page.headers)
    raise CxnetError(
        f"The label table of NIH ChestX-ray14 is not available at any of its addresses ({' '.join(reasons)}) "
        f"Download {TABLE_NAME} from {Nih.homepage} and name the file: --url FILE, or fetch.options.nih.table in the "
        "profile."
    )


def _saved(url: str) -> bytes:
    """A copy of the table on this machine, at a path or ``file://`` address."""
    path = local_path(url)
    try:
        with path.open("rb") as file:
            content = file.read(PUBLISHED_TABLE_BYTES + 1)
    except OSError as error:
        raise CxnetError(f"{path} cannot be read ({error.strerror}); name a copy of {TABLE_NAME}.") from None
    if len(content) > PUBLISHED_TABLE_BYTES:
        raise CxnetError(f"{path} is larger than {PUBLISHED_TABLE_BYTES // 1_000_000} MB; it is not {TABLE_NAME}.")
    return content


def _item(item_id: str, row: Row, hint: int, page_url: str) -> Item:
    row_label = label(row["findings"])
    patient, follow_up, age = row["patient"], row["follow-up"], parse_age(row["age"])
    return Item(
        item_id=item_id,
        url=ARCHIVES[hint],
        member=f"images/{row['image']}",
        alternates=ARCHIVES[:hint] + ARCHIVES[hint + 1 :],
        page_url=page_url,
        label=row_label,
        finding=row["findings"] or None,
        view=parse_view(row["view"]),
        modality="X-ray",
        patient_id=patient or None,
        study_id=f"{patient}-{follow_up}" if patient and follow_up else None,
        age=age,
        sex=parse_sex(row["sex"]),
        pediatric=is_child(age),
        licence="NIH Clinical Center: free use with credit",
        attribution="NIH Clinical Center; Wang et al., ChestX-ray8, CVPR 2017",
        skip=_skip(row, row_label),
    )


def _skip(row: Row, row_label: str | None) -> str | None:
    if not IMAGE_NAME.fullmatch(row["image"]):
        return "the table names no image"
    if row_label in ("normal", "cap"):
        return None
    return f"finding not used: {row['findings']}" if row_label else "the table states no finding"


SOURCE = Nih()
