"""Published files whose hash is known: git names every file of a commit by the hash of its content.

``sources/data/published/<owner>--<repository>--<commit>.csv`` lists paths and git blob ids. A file at such an address
with other content is not the published one, whoever sent it.
"""

import csv
import hashlib
import io
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote

BLOCK_BYTES = 1 << 20
PINNED = re.compile(
    r"https://raw\.githubusercontent\.com/(?P<owner>[\w.-]+)/(?P<name>[\w.-]+)/(?P<commit>[0-9a-f]{40})/(?P<path>[^?#]+)"
)


def published_blob(url: str) -> str | None:
    """The git blob id of the published file at ``url``; None if it is unknown."""
    match = PINNED.fullmatch(url)
    if match is None:
        return None
    return _blobs(match["owner"], match["name"], match["commit"]).get(unquote(match["path"]))


def git_blob(path: Path) -> str:
    """The id that git gives a file: sha1 of ``blob <size>``, a zero byte, and the content."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


@cache
def _blobs(owner: str, name: str, commit: str) -> dict[str, str]:
    table = files("sources") / "data" / "published" / f"{owner}--{name}--{commit}.csv"
    if not table.is_file():
        return {}
    rows = csv.DictReader(io.StringIO(table.read_text(encoding="utf-8")))
    return {row["path"]: row["blob"] for row in rows}
