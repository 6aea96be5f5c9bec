"""Where the file of an article's figure is: supplementary files, Europe PMC's folder of figures, PMC's package."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TypeVar
from urllib.parse import quote, urlsplit

from sources.core.errors import CxnetError, StoppedError
from sources.core.web import Web
from sources.reading.archive import member_names, read_members
from sources.reading.europepmc import REST
from sources.reading.html import attribute, soup
from sources.reading.jats import LONGEST, Figure
from sources.reading.panels import Box, panels_of

T = TypeVar("T")

SUPPLEMENT = f"{REST}/{{pmcid}}/supplementaryFiles?includeInlineImage=true"
FOLDER = "https://europepmc.org/articles/{pmcid}/bin/{name}"
PACKAGES = "https://www.ncbi.nlm.nih.gov/pmc/utils/oa/oa.fcgi?id={pmcid}"
PACKAGE_HOST = "ftp.ncbi.nlm.nih.gov"  # the service names ftp:// addresses; the same paths work over https
EXTENSIONS = ("jpg", "png", "jpeg", "gif", "tif", "tiff", "webp")
LARGEST = 200_000_000  # bytes of one figure


@dataclass(frozen=True)
class Found:
    """Where a figure is: an address, ``alternates`` of it, a ``member`` of the archive there; and its panels."""

    url: str
    alternates: tuple[str, ...] = ()
    member: str | None = None
    panels: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Packed:
    """An archive of an article's files that was fetched."""

    url: str
    path: Path
    names: frozenset[str]

    def member(self, figure: Figure) -> str | None:
        """The picture in it that is the figure: the file of that name, or of that name with another ending."""
        pictures = sorted(name for name in self.names if PurePosixPath(name).suffix.lower()[1:] in EXTENSIONS)
        by_name = {part: name for name in reversed(pictures) for part in _names(PurePosixPath(name).name)}
        return next((by_name[part] for place in figure.places for part in _names(place) if part in by_name), None)


class Shelf:
    """The files of one article, each archive asked for once and only when it is needed.

    Args:
        pmcid: None for an article whose figures have addresses of their own.
    """

    def __init__(self, web: Web, pmcid: str | None) -> None:
        self._web = web
        self._pmcid = pmcid

    def find(self, figure: Figure) -> Found:
        """Where the figure's file is, and its panels; where it cannot be had, where it should be."""
        return (
            self._inside(self._supplement, figure)
            or self._alone(figure)
            or self._packaged(figure)
            or self.guess(figure)
        )

    def guess(self, figure: Figure) -> Found:
        """Where the figure should be, without asking."""
        first, *others = self._addresses(figure)
        return Found(first, tuple(others))

    def packed_text(self) -> bytes | None:
        """The full text in PMC's package of the article, or None."""
        texts = [name for name in self._package.names if name.endswith((".nxml", ".xml"))] if self._package else []
        return self._read(self._package, min(texts), LONGEST + 1) if self._package and texts else None

    def _alone(self, figure: Figure) -> Found | None:
        for address in self._addresses(figure):
            path = optional(lambda address=address: self._web.archive(address))  # type: ignore[misc]
            if path is not None:
                return Found(address, panels=tuple(panels_of(path)))
        return None

    def _packaged(self, figure: Figure) -> Found | None:
        return self._inside(self._package, figure) if self._pmcid else None

    def _inside(self, packed: Packed | None, figure: Figure) -> Found | None:
        member = packed.member(figure) if packed else None
        if packed is None or member is None:
            return None
        content = self._read(packed, member, LARGEST)
        return Found(packed.url, member=member, panels=tuple(panels_of(io.BytesIO(content or b""))))

    def _read(self, packed: Packed, member: str, limit: int) -> bytes | None:
        found = optional(lambda: dict(read_members(packed.path, [member], limit)))
        return (found or {}).get(member)

    @cached_property
    def _supplement(self) -> Packed | None:
        return self._packed(SUPPLEMENT.format(pmcid=self._pmcid)) if self._pmcid else None

    @cached_property
    def _package(self) -> Packed | None:
        if self._pmcid is None:
            return None
        answer = optional(lambda: self._web.get(PACKAGES.format(pmcid=self._pmcid)))
        addresses = package_addresses(answer.text) if answer else []
        return next((packed for address in addresses if (packed := self._packed(address))), None)

    def _packed(self, url: str) -> Packed | None:
        path = optional(lambda: self._web.archive(url))
        names = optional(lambda: member_names(path)) if path else None
        return Packed(url, path, names) if path and names else None

    def _addresses(self, figure: Figure) -> list[str]:
        """The addresses at which a figure may stand: its own, or its name in Europe PMC's folder with any ending."""
        if self._pmcid is None or "://" in figure.places[0]:
            return list(figure.places)
        names = [
            name
            for place in figure.places
            for name in ([place] if _has_ending(place) else [f"{place}.{ending}" for ending in EXTENSIONS])
        ]
        return [FOLDER.format(pmcid=self._pmcid, name=quote(name)) for name in names]


def package_addresses(answer: str) -> list[str]:
    """Where PMC's service says that an article's package is, and where NCBI moved such packages in April 2026."""
    found = []
    for link in soup(answer).find_all("link", limit=20):
        address = attribute(link, "href").replace("ftp://", "https://", 1)
        if attribute(link, "format") == "tgz" and urlsplit(address).hostname == PACKAGE_HOST:
            found += [address, address.replace("/pub/pmc/oa_package/", "/pub/pmc/deprecated/oa_package/")]
    return list(dict.fromkeys(found))


def optional(ask: Callable[[], T]) -> T | None:
    """What ``ask`` gives; None where it cannot be had.

    Raises:
        StoppedError: the user stopped the run.
    """
    try:
        return ask()
    except StoppedError:
        raise
    except CxnetError:
        return None


def _names(name: str) -> list[str]:
    """A file's name, and its name without the ending of a picture."""
    return [name, name.rpartition(".")[0]] if _has_ending(name) else [name]


def _has_ending(name: str) -> bool:
    return PurePosixPath(name).suffix.lower()[1:] in EXTENSIONS
