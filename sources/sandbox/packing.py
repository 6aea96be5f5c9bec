"""Tables and archives for the synthetic sites; equal inputs give equal bytes at any time."""

import csv
import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence

from sources.transport.mirror import mirror_path as mirror_path  # the sites import it from here

ZIP_DATE = (2018, 1, 6, 0, 0, 0)


def csv_table(header: Sequence[str], rows: Iterable[Mapping[str, object]], encoding: str = "utf-8") -> bytes:
    """A CSV table with the columns of ``header``; missing and None values are blank."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow(["" if row.get(name) is None else row[name] for name in header])
    return text.getvalue().encode(encoding)


def tar_gz(members: Mapping[str, bytes]) -> bytes:
    """A ``.tar.gz`` with an entry per parent folder, as in the NIH's archives."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, compresslevel=1) as stream,
        tarfile.open(fileobj=stream, mode="w") as tar,
    ):
        for folder in sorted({name.rpartition("/")[0] for name in members} - {""}):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def zip_archive(members: Mapping[str, bytes]) -> bytes:
    """A zip with uncompressed members, as films are compressed already."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, ZIP_DATE), data)
    return packed.getvalue()


def numbered(names: Iterable[str]) -> dict[str, int]:
    """A number per name, from 1, in the order of first occurrence."""
    numbers: dict[str, int] = {}
    for name in names:
        numbers.setdefault(name, len(numbers) + 1)
    return numbers


def letters(sex: str | None, words: Mapping[str, str]) -> str:
    """A site's word for ``F`` or ``M``; blank for None."""
    return words[sex] if sex else ""
