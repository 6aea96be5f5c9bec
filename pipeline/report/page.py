"""The report page: what each section shows, and how the template ``report.html`` turns it into HTML.

The template escapes all text.
"""

import base64
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from pipeline.report.audit import Audit
from pipeline.report.models import Compared, Model
from pipeline.report.numbers import Number, Step
from pipeline.report.pictures import MatchedFilm, Pair, Sheet
from pipeline.report.summary import Table


@dataclass(frozen=True)
class Skipped:
    """A source that the run did not read, and why."""

    source: str
    why: str


@dataclass(frozen=True)
class Sources:
    """Section on the sources: all of them, those skipped, kept films by label, all images by view."""

    table: Table
    skipped: list[Skipped]
    labels: Table
    views: Table


@dataclass(frozen=True)
class Duplicates:
    """Section on duplicates: pairs of each kind, the weakest proofs, and copies whose metadata disagree."""

    kinds: Table
    pairs: list[Pair]
    conflicts: Table


@dataclass(frozen=True)
class Quality:
    """Section on quality: flags by source, and films with each flag."""

    flags: Table
    sheets: list[Sheet]


@dataclass(frozen=True)
class Contradictions:
    """Section on contradicted labels: films of each kind, and the strongest ones."""

    kinds: Table
    strongest: Table


@dataclass(frozen=True)
class Matching:
    """Section on histogram matching: the sources, and some films."""

    sources: str
    films: list[MatchedFilm]


@dataclass(frozen=True)
class Splits:
    """Section on the splits: by label and by source, and warnings, if there is reason for them.

    Attributes:
        patients_warning: patients are unknown; ``balance_warning``: the labels are divided unevenly.
    """

    by_label: Table
    by_source: Table
    patients_warning: str | None
    balance_warning: str | None


@dataclass(frozen=True)
class Page:
    """The whole page, in its order."""

    profile: str
    version: str
    manifest_sha256: str
    headline: list[Number]
    warning: str | None
    funnel: list[Step]
    reasons: Table
    sources: Sources
    kept: list[Sheet]
    excluded: list[Sheet]
    duplicates: Duplicates
    quality: Quality
    contradictions: Contradictions
    enhanced: list[Sheet]
    matching: Matching
    splits: Splits
    audit: Audit | None
    models: list[Model]
    compared: Compared | None


def render(page: Page) -> str:
    """The page as HTML with all pictures inside."""
    environment = Environment(autoescape=True, trim_blocks=True, undefined=StrictUndefined)
    environment.filters["uri"] = _data_uri
    environment.filters["cell"] = _cell
    template = files("pipeline.report").joinpath("report.html").read_text(encoding="utf-8")
    return environment.from_string(template).render(page=page)


def _data_uri(picture: bytes) -> str:
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
