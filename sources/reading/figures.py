"""Where the file of an article's figure is: supplementary files, Europe PMC's folder of figures, or PMC's package."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TypeVar
from urllib.parse import quote

from sources.core.addresses import host_of
from sources.core.errors import CxnetError, StoppedError
from sources.core.limits import FIGURE_BYTES, FULL_TEXT_BYTES
from sources.core.web import Web
from sources.reading.archive import member_names, read_members
from sources.reading.europepmc import REST
from sources.reading.html import attribute, soup
from sources.reading.jats import Figure
from sources.reading.panels import Box, panels_of

T = TypeVar("T")

SUPPLEMENT = f"{REST}/{{pmcid}}/supplementaryFiles?includeInlineImage=true"
FOLDER = "https://europepmc.org/articles/{pmcid}/bin/{name}"
PACKAGES = "https://www.ncbi.nlm.nih.gov/pmc/utils/oa/oa.fcgi?id={pmcid}"
PACKAGE_HOST = "ftp.ncbi.nlm.nih.gov"  # the service returns ftp:// addresses; the same paths work over https
EXTENSIONS = ("jpg", "png", "jpeg", "gif", "tif", "tiff", "webp")


@dataclass(frozen=True)
class FigureFile:
    """Where the file of a figure is.

    Attributes:
        url: its address (of the archive, when ``member`` is set); ``alternates``: further addresses.
        member: path inside the archive.
        panels: the boxes of its panels; none for a figure of one picture.
    """

    url: str
    alternates: tuple[str, ...] = ()
    member: str | None = None
    panels: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Package:
    """A downloaded archive of an article's files."""

    url: str
    path: Path
    names: frozenset[str]

    def member(self, figure: Figure) -> str | None:
        """The picture of the figure: the file of that name, or of that name with another extension."""
        pictures = sorted(name for name in self.names if _is_picture(name))
        by_name = {part: name for name in reversed(pictures) for part in _names(PurePosixPath(name).name)}
        return next((by_name[part] for place in figure.places for part in _names(place) if part in by_name), None)


class ArticleFiles:
    """The files of one article. Each archive is requested once, and only if it is needed.

    Args:
        pmcid: None for an article whose figures have addresses of their own.
    """

    def __init__(self, web: Web, pmcid: str | None) -> None:
        self._web = web
        self._pmcid = pmcid

    def find(self, figure: Figure) -> FigureFile:
        """The figure's file and its panels; if it cannot be fetched, where it should be."""
        return (
            self._packed(self._supplement, figure)
            or self._in_folder(figure)
            or (self._packed(self._package, figure) if self._pmcid else None)
            or self.expected(figure)
        )

    def expected(self, figure: Figure) -> FigureFile:
        """Where the figure's file should be, without any request."""
        first, *others = self._addresses(figure)
        return FigureFile(first, tuple(others))

    def packed_text(self) -> bytes | None:
        """The full text in PMC's package of the article, or None."""
        texts = [name for name in self._package.names if name.endswith((".nxml", ".xml"))] if self._package else []
        return self._read(self._package, min(texts), FULL_TEXT_BYTES + 1) if self._package and texts else None

    def _in_folder(self, figure: Figure) -> FigureFile | None:
        for address in self._addresses(figure):
            path = optional(lambda address=address: self._web.archive(address))  # type: ignore[misc]
            if path is not None:
                return FigureFile(address, panels=tuple(panels_of(path)))
        return None

    def _packed(self, package: Package | None, figure: Figure) -> FigureFile | None:
        member = package.member(figure) if package else None
        if package is None or member is None:
            return None
        content = self._read(package, member, FIGURE_BYTES)
        return FigureFile(package.url, member=member, panels=tuple(panels_of(io.BytesIO(content or b""))))

    def _read(self, package: Package, member: str, limit: int) -> bytes | None:
        contents = optional(lambda: dict(read_members(package.path, [member], limit)))
        return (contents or {}).get(member)

    @cached_property
    def _supplement(self) -> Package | None:
        return self._download(SUPPLEMENT.format(pmcid=self._pmcid)) if self._pmcid else None

    @cached_property
    def _package(self) -> Package | None:
        if self._pmcid is None:
            return None
        answer = optional(lambda: self._web.get(PACKAGES.format(pmcid=self._pmcid)))
        addresses = package_addresses(answer.text) if answer else []
        return next((package for address in addresses if (package := self._download(address))), None)

    def _download(self, url: str) -> Package | None:
        path = optional(lambda: self._web.archive(url))
        names = optional(lambda: frozenset(member_names(path))) if path else None
        return Package(url, path, names) if path and names else None

    def _addresses(self, figure: Figure) -> list[str]:
        """The figure's own addresses, or its name in Europe PMC's folder with any extension."""
        if self._pmcid is None or "://" in figure.places[0]:
            return list(figure.places)
        names = [
            name
            for place in figure.places
            for name in ([place] if _is_picture(place) else [f"{place}.{extension}" for extension in EXTENSIONS])
        ]
        return [FOLDER.format(pmcid=self._pmcid, name=quote(name)) for name in names]


def package_addresses(answer: str) -> list[str]:
    """Where PMC's service says an article's package is, and where NCBI moved such packages in April 2026."""
    addresses = []
    for link in soup(answer).find_all("link", limit=20):
        address = attribute(link, "href").replace("ftp://", "https://", 1)
        if attribute(link, "format") == "tgz" and host_of(address) == PACKAGE_HOST:
            addresses += [address, address.replace("/pub/pmc/oa_package/", "/pub/pmc/deprecated/oa_package/")]
    return list(dict.fromkeys(addresses))


def optional(request: Callable[[], T]) -> T | None:
    """What ``request`` returns; None if it fails.

    Raises:
        StoppedError: the user interrupted the run.
    """
    try:
        return request()
    except StoppedError:
        raise
    except CxnetError:
        return None


def _names(name: str) -> list[str]:
    """A file's name, and its name without the extension of a picture."""
    return [name, name.rpartition(".")[0]] if _is_picture(name) else [name]


def _is_picture(name: str) -> bool:
    return PurePosixPath(name).suffix.lower()[1:] in EXTENSIONS
