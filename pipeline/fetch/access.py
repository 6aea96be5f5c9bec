"""How a source is reached under a profile, and why it may be closed."""

from collections.abc import Mapping, Sequence

from pipeline.core.params import Params
from sources.core.addresses import host_of, is_among
from sources.core.source import Source
from sources.reading.answers import is_file


def access(source: Source, params: Params) -> str:
    """How the source is reached, in a few words."""
    if params.mirror is not None:
        return "offline copy"
    if _needs_permission(source, params):
        return f"closed: needs permission, then --accept-terms {source.name}"
    if source.terms.token:
        return f"API, needs {' and '.join(filter(None, (source.terms.token, source.terms.account)))}"
    return "open"


def closed_reason(
    source: Source, params: Params, environment: Mapping[str, str], urls: Sequence[str] = ()
) -> str | None:
    """Why the live source may not be read now, and what to do about it; None = it is open.

    Saved answers of an API (all of ``urls``) need no token.
    """
    terms = source.terms
    if params.mirror is not None:
        return None
    manual = f" {terms.manual}" if terms.manual else ""
    if _needs_permission(source, params):
        forbidden = "automated copying" if terms.machine_learning else "automated copying and machine learning"
        return (
            f"the terms of {source.title} ({terms.url or source.homepage}) forbid {forbidden}; with the owner's "
            f"permission, add --accept-terms {source.name}.{manual}"
        )
    is_saved = bool(urls) and all(is_file(url) for url in urls)
    unset = [name for name in (terms.token, terms.account) if name and not environment.get(name, "").strip()]
    if unset and not is_saved:
        kind = "an API token" if unset[0] == terms.token else "the id of your own account"
        return f"{source.title} needs {kind} in the environment variable {unset[0]}.{manual}"
    return None


def page_problem(source: Source, url: str) -> str | None:
    """Why ``url`` cannot name a page of ``source``, before anything is requested; None = it may."""
    if not url.strip():
        return "names no page; leave out --url, or give an address"
    if not source.has_pages or source.names_pages_freely:  # without pages, reading one is the error
        return None
    host = host_of(url)
    if host is not None and is_among(host, source.hosts):
        return None
    return f"is not a page of '{source.name}'; its pages are on {', '.join(source.hosts)}"


def _needs_permission(source: Source, params: Params) -> bool:
    return source.terms.needs_acceptance and source.name not in params.fetch.accept_terms
