"""PMC's open bucket: the full text and the files of every article that PMC may pass on, one folder per version.

``PMC123.1/`` and ``PMC123.2/`` hold two versions of an article, ``metadata/PMC123.2.json`` describes one. Programs are
allowed here, unlike on PMC's pages; the package service and its FTP folders, which held the same, are gone since August
2026 (https://pmc.ncbi.nlm.nih.gov/tools/pmcaws/).
"""

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, unquote

from sources.articles.jats import safe_xml
from sources.core.errors import WebError
from sources.core.layouts import JSON, Layout
from sources.core.limits import ARTICLE_FILES, BUCKET_ANSWERS
from sources.core.web import Web
from sources.reading.answers import mapping, string

BUCKET = "https://pmc-oa-opendata.s3.amazonaws.com"
LISTING = Layout(  # names in lower case, as an HTML parser reads them
    "PMC's bucket, list of files",
    seen="2026-11",
    addresses=rf"^{re.escape(BUCKET)}/\?list-type=2&",
    fields={"prefix": "prefix", "truncated": "istruncated"},
    facts={
        "version": "commonprefixes prefix",
        "file": "contents key",
        "size": "contents size",
        "token": "nextcontinuationtoken",
    },
)
METADATA = Layout(
    "PMC's bucket, metadata",
    seen="2026-11",
    addresses=rf"^{re.escape(BUCKET)}/metadata/",
    fields={"pmcid": "pmcid", "license": "license_code", "retracted": "is_retracted", "media": "media_urls[]"},
    kind=JSON,
)
VERSION = re.compile(r"(PMC\d{1,9})\.(\d{1,4})/")
MEDIA = re.compile(r"s3://[^/]+/[^/]+/([^?]+)\?md5=([0-9a-f]{32})")


@dataclass(frozen=True)
class Listing:
    """One answer of the bucket: folders, files with their sizes, and the token of the next answer or None."""

    folders: tuple[str, ...]
    sizes: dict[str, int]
    token: str | None


@dataclass(frozen=True)
class BucketArticle:
    """The newest version of an article in the bucket.

    Attributes:
        version: its folder, ``PMC123.2``.
        sizes: its files and their sizes in bytes.
        licence: in PMC's words ("CC BY-NC"), or None; ``title``, ``doi``: "" and None if they are not stated.
        md5s: hash of each picture, as far as stated.
    """

    version: str
    sizes: dict[str, int]
    licence: str | None = None
    is_retracted: bool = False
    title: str = ""
    doi: str | None = None
    md5s: dict[str, str] = field(default_factory=dict)

    @property
    def text_address(self) -> str:
        """The address of the full text in JATS."""
        return self.address(f"{self.version}.xml")

    def address(self, name: str) -> str:
        """The address of one of its files."""
        return f"{BUCKET}/{self.version}/{quote(name)}"


def bucket_article(web: Web, pmcid: str) -> BucketArticle | None:
    """The newest version of an article; None if the bucket does not hold it.

    Raises:
        WebError: the bucket does not answer.
    """
    folders, _ = _all_files(web, f"{pmcid}.")
    versions = [int(match[2]) for folder in folders if (match := VERSION.fullmatch(folder)) and match[1] == pmcid]
    if not versions:
        return None
    version = f"{pmcid}.{max(versions)}"
    _, sizes = _all_files(web, f"{version}/")
    names = {PurePosixPath(key).name: size for key, size in sizes.items()}
    try:
        metadata = mapping(web.get(f"{BUCKET}/metadata/{version}.json").json())
    except WebError:  # the files alone will do
        metadata = {}
    return BucketArticle(
        version,
        names,
        licence=string(metadata.get("license_code")) or None,
        is_retracted=metadata.get("is_retracted") is True,
        title=" ".join(string(metadata.get("title")).split())[:500],
        doi=string(metadata.get("doi")) or None,
        md5s=_md5s(metadata.get("media_urls")),
    )


def listing_address(prefix: str, token: str | None = None) -> str:
    """The address of the list of folders and files whose names begin with ``prefix``."""
    following = f"&continuation-token={quote(token, safe='')}" if token else ""
    return f"{BUCKET}/?list-type=2&delimiter=/&prefix={prefix}{following}"


def parse_listing(content: bytes) -> Listing:
    """An answer of the bucket, whatever it is; empty if it is no list."""
    root = safe_xml(content)
    if root is None:
        return Listing((), {}, None)
    folders = [str(element.findtext("{*}Prefix") or "") for element in root.iter("{*}CommonPrefixes")]
    files = [(str(e.findtext("{*}Key") or ""), str(e.findtext("{*}Size") or "")) for e in root.iter("{*}Contents")]
    sizes = {key: int(size[:15]) for key, size in files if size.isdecimal() and size.isascii()}
    return Listing(tuple(folders), sizes, root.findtext("{*}NextContinuationToken") or None)


def _all_files(web: Web, prefix: str) -> tuple[list[str], dict[str, int]]:
    """Folders and files of all answers of one list."""
    folders: list[str] = []
    sizes: dict[str, int] = {}
    token: str | None = None
    for _ in range(BUCKET_ANSWERS):
        listing = parse_listing(web.get(listing_address(prefix, token)).content)
        folders += listing.folders
        sizes |= listing.sizes
        if listing.token is None or listing.token == token or len(sizes) > ARTICLE_FILES:
            break
        token = listing.token
    return folders, sizes


def _md5s(media: Any) -> dict[str, str]:
    addresses = media if isinstance(media, list) else []
    matches = (MEDIA.fullmatch(string(address)) for address in addresses[:ARTICLE_FILES])
    return {PurePosixPath(unquote(match[1])).name: match[2] for match in matches if match}
