"""Whether a snapshot is what it was: every file there, of its size and hash, and nothing else."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from upath import UPath

from pipeline.audit.dataset import SNAPSHOT
from pipeline.audit.violations import Violation
from pipeline.release.record import FileRecord, SnapshotRecord, files_below, read_record, record_file
from sources.core.text import counted

THREADS = 4  # hashing runs outside Python's lock


@dataclass(frozen=True)
class Verified:
    """What was hashed, and what is wrong."""

    record: SnapshotRecord
    files: int
    bytes: int
    violations: list[Violation]

    def __str__(self) -> str:
        size = f"{counted(self.files, 'file')}, {self.bytes / 1e6:,.1f} MB"
        found = self.violations
        verdict = f"{counted(len(found), 'file is', 'files are')} not as recorded" if found else "nothing has changed"
        return f"{self.record.name}: {size}; {verdict}; root hash {self.record.root_sha256[:16]}"


def verify(folder: UPath) -> Verified:
    """Hash every file of a snapshot once.

    Raises:
        UsageError: there is no snapshot.
        CxnetError: its record is damaged or edited.
    """
    record = read_record(folder)
    expected = record.files | record.texts
    names = sorted(expected)
    with ThreadPoolExecutor(THREADS) as pool:
        found = dict(zip(names, pool.map(lambda name: _record(folder / name), names), strict=True))
    wrong = [violation for name in names if (violation := _compare(name, expected[name], found[name])) is not None]
    extra = set(files_below(folder)) - set(expected) - {SNAPSHOT}
    wrong += [Violation("every file belongs to the snapshot", name, "not in its record") for name in sorted(extra)]
    size = sum(each.bytes for each in found.values() if each is not None)
    return Verified(record, len(names), size, wrong)


def _record(path: UPath) -> FileRecord | None:
    try:
        return record_file(path)
    except OSError:
        return None


def _compare(name: str, expected: FileRecord, found: FileRecord | None) -> Violation | None:
    if found is None:
        return Violation("every file of the record is there", name, "missing or not readable; get it again")
    if found.bytes != expected.bytes:
        return Violation("a file is as recorded", name, f"{found.bytes:,} bytes instead of {expected.bytes:,}")
    if found.sha256 != expected.sha256:
        return Violation("a file is as recorded", name, f"sha256 {found.sha256} instead of {expected.sha256}")
    return None
