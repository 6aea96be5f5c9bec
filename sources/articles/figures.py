"""Where the file of an article's figure is: in PMC's open bucket, else in Europe PMC's supplementary files.

Offline copies of before August 2026 may hold figures in Europe PMC's folder instead. It stands behind a browser check
now, so that it is never asked live.
"""

import hashlib
import io
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Protocol, TypeVar
from urllib.parse import quote

from sources.articles.europepmc import REST
from sources.articles.jats import Figure
from sources.articles.panels import Box, panels_of
from sources.articles.pmc_bucket import BUCKET, BucketArticle, bucket_article
from sources.core.errors import CxnetError, StoppedError, WebError
from sources.core.layouts import ARCHIVE, Layout
from sources.core.limits import FIGURE_BYTES
from sources.core.web import Web
from sources.reading.archive import member_names, read_members

T = TypeVar("T")

SUPPLEMENTS = (  # with the figures of the text; where that fails under load, without them
    f"{REST}/{{pmcid}}/supplementaryFiles?includeInlineImage=true",
    f"{REST}/{{pmcid}}/supplementaryFiles?includeInlineImage=false",
)
SUPPLEMENT = SUPPLEMENTS[0]
FOLDER = "https://europepmc.org/articles/{pmcid}/bin/{name}"  # in offline copies only
SUPPLEMENTARY_FILES = Layout(
    "Europe PMC, supplementary files", "2026-09", rf"^{REST}/PMC\d+/supplementaryFiles", {}, kind=ARCHIVE
)
FULL_TEXT = f"{REST}/{{pmcid}}/fullTextXML"
JATS = Layout(  # names in lower case, as an HTML parser reads them
    "full text in JATS",
    seen="2026-11",
    addresses=rf"^{REST}/PMC\d+/fullTextXML|^{BUCKET}/PMC[\d.]+/PMC[\d.]+\.xml",
    fields={"article": "article"},
    facts={"figure": "fig graphic", "caption": "fig caption", "license": "license", "title": "article-title"},
)
EXTENSIONS = ("jpg", "png", "jpeg", "gif", "tif", "tiff", "webp")
THUMBNAIL = "gif"  # beside every other picture there is a small one in this format


@dataclass(frozen=True)
class FigureFile:
    """Where the file of a figure is.

    Attributes:
        url: its address (of the archive, when ``member`` is set); ``alternates``: further addresses.
        member: path inside the archive.
        panels: the boxes of its panels; none for a figure of one picture.
        missing: why there is no file to fetch, or None.
    """

    url: str
    alternates: tuple[str, ...] = ()
    member: str | None = None
    panels: tuple[Box, ...] = ()
    missing: str | None = None


class Files(Protocol):
    """What finds the file of a figure."""

    def find(self, figure: Figure) -> FigureFile:
        """The figure's file and its panels."""
        ...

    def expected(self, figure: Figure) -> FigureFile:
        """Where the figure's file should be."""
        ...


@dataclass(frozen=True)
class Package:
    """A downloaded archive of an article's files."""

    url: str
    path: Path
    names: tuple[str, ...]


class ArticleFiles:
    """The files of one article. Each list and archive is requested once, and only if it is needed.

    Args:
        pmcid: None for an article whose figures have addresses of their own.
    """

    def __init__(self, web: Web, pmcid: str | None) -> None:
        self._web = web
        self._pmcid = pmcid
        self._failures: list[str] = []

    @cached_property
    def bucket(self) -> BucketArticle | None:
        """The article in PMC's bucket, or None."""
        pmcid = self._pmcid
        return self._optional(lambda: bucket_article(self._web, pmcid)) if pmcid else None

    @property
    def _is_kept_by_pmc(self) -> bool:
        """Are the files in PMC's bucket and Europe PMC's archives alone, so that a figure has no address of its own?"""
        return self._pmcid is not None and not self._web.offline

    def text(self) -> bytes | None:
        """The full text in JATS: the bucket's, else Europe PMC's; None if neither has it."""
        if self._pmcid is None:
            return None
        places = [self.bucket.text_address] if self.bucket else []
        for address in [*places, FULL_TEXT.format(pmcid=self._pmcid)]:
            page = self._optional(lambda address=address: self._web.get(address))  # type: ignore[misc]
            if page is not None:
                return page.content
        return None

    def find(self, figure: Figure) -> FigureFile:
        """The figure's file and its panels; if there is none, where it should be and why it is not there."""
        found = self._in_bucket(figure) or self._in_supplement(figure)
        if found is None and not self._is_kept_by_pmc:
            found = self._at_addresses(figure)
        if found is not None:
            return found
        reasons = "; ".join(dict.fromkeys(self._failures)) or "no such file"
        missing = f"the figure's file was not found ({reasons})" if self._is_kept_by_pmc else None
        return replace(self.expected(figure), missing=missing)

    def expected(self, figure: Figure) -> FigureFile:
        """Where the figure's file should be, without any request for it."""
        url, *alternates = self._addresses(figure)
        return FigureFile(url, tuple(alternates))

    def _in_bucket(self, figure: Figure) -> FigureFile | None:
        if self._pmcid is None or self.bucket is None:
            return None
        name = best_picture(figure, self.bucket.sizes)
        if name is None:
            return None
        address = self.bucket.address(name)
        path = self._optional(lambda: self._web.archive(address))
        if path is None or not _has_md5(path, self.bucket.md5s.get(name)):
            return None
        return FigureFile(address, panels=tuple(panels_of(path)))

    def _in_supplement(self, figure: Figure) -> FigureFile | None:
        for package in (self._supplement, self._small_supplement) if self._pmcid else ():
            member, content = self._member(package, figure) if package else (None, None)
            if package and member and content:
                return FigureFile(package.url, member=member, panels=tuple(panels_of(io.BytesIO(content))))
        return None

    def _at_addresses(self, figure: Figure) -> FigureFile | None:
        for address in self._addresses(figure):
            path = self._optional(lambda address=address: self._web.archive(address))  # type: ignore[misc]
            if path is not None:
                return FigureFile(address, panels=tuple(panels_of(path)))
        return None

    def _member(self, package: Package, figure: Figure) -> tuple[str | None, bytes | None]:
        """(name, content) of the figure's picture in an archive, the largest of several."""
        names = pictures_of(figure, package.names)
        contents = self._optional(lambda: dict(read_members(package.path, names, FIGURE_BYTES))) or {}
        name = best_picture(figure, {name: len(content) for name, content in contents.items()})
        return name, contents.get(name or "")

    @cached_property
    def _supplement(self) -> Package | None:
        return self._download(SUPPLEMENTS[0].format(pmcid=self._pmcid))

    @cached_property
    def _small_supplement(self) -> Package | None:
        return self._download(SUPPLEMENTS[1].format(pmcid=self._pmcid))

    def _download(self, url: str) -> Package | None:
        path = self._optional(lambda: self._web.archive(url))
        names = self._optional(lambda: tuple(member_names(path))) if path else None
        return Package(url, path, names) if path and names else None

    def _addresses(self, figure: Figure) -> list[str]:
        """The figure's own addresses, or its name in the bucket; offline, in Europe PMC's folder with any extension."""
        if self._pmcid is None or "://" in figure.places[0]:
            return list(figure.places)
        names = [
            name
            for place in figure.places
            for name in ([place] if _is_picture(place) else [f"{place}.{extension}" for extension in EXTENSIONS])
        ]
        if self._web.offline:
            return [FOLDER.format(pmcid=self._pmcid, name=quote(name)) for name in names]
        known = best_picture(figure, self.bucket.sizes) if self.bucket else None
        version = self.bucket.version if self.bucket else f"{self._pmcid}.1"
        return [f"{BUCKET}/{version}/{quote(known or names[0])}"]

    def _optional(self, request: Callable[[], T]) -> T | None:
        """What ``request`` returns; None if it fails, which is noted.

        Raises:
            StoppedError: the user interrupted the run.
        """
        try:
            return request()
        except StoppedError:
            raise
        except WebError as error:
            self._failures.append(f"{error.url.split('?')[0].split('/')[2]}: {error.reason}")
        except CxnetError as error:
            self._failures.append(str(error).rstrip("."))
        return None


def pictures_of(figure: Figure, names: Collection[str]) -> list[str]:
    """The pictures among some files that show a figure: those of its name with any extension."""
    wanted = [_stem(place) for place in figure.places]
    return [name for name in names if _is_picture(name) and _stem(PurePosixPath(name).name) in wanted]


def best_picture(figure: Figure, sizes: dict[str, int]) -> str | None:
    """The picture that shows a figure best: no thumbnail if there is another, and the largest of several."""

    def rank(name: str) -> tuple[bool, int, str]:
        return PurePosixPath(name).suffix.lower() == f".{THUMBNAIL}", -sizes[name], name

    return min(pictures_of(figure, sizes), key=rank, default=None)


def _has_md5(path: Path, md5: str | None) -> bool:
    """Has a file the hash that PMC states, if it states one?"""
    if md5 is None:
        return True
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == md5


def _stem(name: str) -> str:
    """A file's name without the extension of a picture."""
    return name.rpartition(".")[0] if _is_picture(name) else name


def _is_picture(name: str) -> bool:
    return PurePosixPath(name).suffix.lower()[1:] in EXTENSIONS
