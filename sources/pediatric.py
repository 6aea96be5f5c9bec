"""Pediatric chest X-rays of Guangzhou (Kermany et al.): one zip whose folder and file names are the only table."""

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from sources.core import layouts
from sources.core.errors import CxnetError
from sources.core.items import Item
from sources.core.layouts import Layout
from sources.core.source import Source, Terms
from sources.core.web import Web
from sources.reading.archive import is_hidden, member_names
from sources.reading.tables import distinct

ARCHIVE = (
    "https://data.mendeley.com/public-files/datasets/rscbjbr9sj/files/"
    "f12eaf6d-6023-432f-acc9-80c9d7393433/file_downloaded"
)
ZIP = Layout(name="zip of version 2", seen="2026-11", addresses=r"/file_downloaded$", fields={}, kind=layouts.ARCHIVE)
# Mendeley Data redirects to a signed address on the first of these hosts; until 2025 it was the second.
STORAGE = (
    "prod-dcd-datasets-public-files-eu-west-1.s3.eu-west-1.amazonaws.com",
    "md-datasets-public-files-prod.s3.eu-west-1.amazonaws.com",
)
LABELS = {"NORMAL": "normal", "PNEUMONIA": "cap"}
SPLITS = ("train", "test", "val")
EXTENSIONS = (".jpeg", ".jpg", ".png")

# File names, in the order of the versions of the set:
#   person1_bacteria_1, IM-0115-0001(-0002), NORMAL2-IM-1427-0001 (version 2); BACTERIA-1008087-0001 (version 3).
PERSON = re.compile(r"(?P<patient>person\d+)_(?P<cause>bacteria|virus)_\d+")
SERIES = re.compile(r"(?P<patient>(?:NORMAL\d*-)?IM-\d+)(?:-\d+)+")
NUMBERED = re.compile(r"(?P<patient>(?:NORMAL|(?P<cause>BACTERIA|VIRUS))-\d+)-\d+")


class Pediatric(Source):
    """Labeled chest X-ray images of children (doi:10.17632/rscbjbr9sj; Kermany et al., Cell 2018)."""

    name = "pediatric"
    title = "Pediatric chest X-rays (Kermany et al.)"
    homepage = "https://data.mendeley.com/datasets/rscbjbr9sj"
    labels = ("normal", "cap")
    hosts = ("data.mendeley.com", *STORAGE)
    layouts = (ZIP,)
    terms = Terms(licence="CC BY 4.0", url=homepage, redistributable=True)

    def items(self, web: Web) -> Iterator[Item]:
        """One item per image in the archive, in the order of their paths."""
        yield from parse(member_names(web.archive(ARCHIVE)))


def parse(members: Sequence[str]) -> Iterator[Item]:
    """Yield one item per image among the archive's member names.

    Raises:
        CxnetError: none of them is an image of this set.
    """
    films = sorted(member for member in members if is_film(member))
    if not films:
        raise CxnetError(f"{ARCHIVE} has no chest_xray/<split>/<class>/ images; it is not the pediatric set.")
    for item_id, member in distinct(films, key=lambda film: "/".join(film.split("/")[-3:]), tie=str):
        yield _item(item_id, member)


def is_film(member: str) -> bool:
    """Is this member one of the set's images, and not a ``.DS_Store`` or a ``__MACOSX`` shadow of one?"""
    path = PurePosixPath(member)
    if is_hidden(member):
        return False
    return path.suffix.lower() in EXTENSIONS and len(path.parts) >= 3 and path.parts[-3] in SPLITS


def parse_name(stem: str) -> tuple[str | None, str | None]:
    """(the patient's number as written, ``bacteria`` or ``virus``) in a file name without extension."""
    for pattern in (PERSON, SERIES, NUMBERED):
        if match := pattern.fullmatch(stem):
            cause = match.groupdict().get("cause")
            return match["patient"], cause.lower() if cause else None
    return None, None


def _item(item_id: str, member: str) -> Item:
    split, folder, name = PurePosixPath(member).parts[-3:]
    patient, cause = parse_name(PurePosixPath(name).stem)
    return Item(
        item_id=item_id,
        url=ARCHIVE,
        member=member,
        page_url=Pediatric.homepage,
        label=LABELS.get(folder),
        finding=f"{folder} ({cause})" if cause else folder,
        view="AP",  # the whole set, according to the paper
        modality="X-ray",
        # The numbers restart: person1 of train and person1 of test are two children.
        patient_id=f"{split}/{patient}" if patient else None,
        pediatric=True,
        licence="CC-BY-4.0",
        attribution="Kermany, Zhang, Goldbaum; doi:10.17632/rscbjbr9sj",
        redistributable=True,
    )


SOURCE = Pediatric()
