"""Films that were withdrawn, ``curation/withdrawn.csv``: a list that travels with every snapshot.

Columns ``image_id,when,why``. The stages treat a line as a decision to exclude the film, which nothing overrules, and
``check`` refuses a data set that keeps one.
"""

import csv
import io
import re
from datetime import UTC, datetime

from upath import UPath

from sources.core.errors import UsageError
from sources.core.storage import atomic

COLUMNS = ["image_id", "when", "why"]
MAX_BYTES = 50_000_000
_HASH = re.compile(r"[0-9a-f]{64}")


def read_withdrawn(path: UPath) -> dict[str, str]:
    """image_id -> why the film was withdrawn; empty if there is no such file.

    Raises:
        UsageError: the file is not such a list.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{path} is larger than {MAX_BYTES:,} bytes; a list of withdrawn films is not.")
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    except FileNotFoundError:
        return {}
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} is not readable CSV in UTF-8 ({error}); correct it.") from None
    for number, row in enumerate(rows, 2):
        if set(row) != set(COLUMNS) or not _HASH.fullmatch((row["image_id"] or "").strip()):
            raise UsageError(f"{path}, line {number}: expected {','.join(COLUMNS)} with a sha256; correct the line.")
    return {row["image_id"].strip(): row["why"] or "" for row in rows}


def add_withdrawn(path: UPath, image_ids: list[str], why: str) -> int:
    """Add films to the list; the number of those that were not on it."""
    known = read_withdrawn(path)
    new = [image_id for image_id in dict.fromkeys(image_ids) if image_id not in known]
    if new:
        text = path.read_text(encoding="utf-8") if path.exists() else ",".join(COLUMNS) + "\n"
        buffer = io.StringIO()
        today = datetime.now(UTC).date().isoformat()
        csv.writer(buffer, lineterminator="\n").writerows([image_id, today, why] for image_id in new)
        with atomic(path, "w") as file:
            file.write(text if text.endswith("\n") else text + "\n")
            file.write(buffer.getvalue())
    return len(new)
