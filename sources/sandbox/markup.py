"""HTML snippets for the synthetic sites, and numbers and names that depend on a key alone."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from html import escape

from sources.sandbox.film import Film

# The placeholder of a picture that loads late.
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


def text(value: object) -> str:
    """``value`` escaped for tags and attributes; "" for None."""
    return "" if value is None else escape(str(value))


def page(title: str, body: str, language: str = "en", facts: Mapping[str, object] | None = None) -> bytes:
    """A complete HTML page; ``facts`` are its ``meta`` elements."""
    metas = "".join(f'<meta name="{name}" content="{text(value)}">' for name, value in (facts or {}).items())
    head = f'<head><meta charset="utf-8"><title>{text(title)}</title>{metas}</head>'
    return f'<!DOCTYPE html>\n<html lang="{language}">{head}<body>{body}</body></html>'.encode()


def hex_name(key: str, length: int) -> str:
    """``length`` hex digits derived from ``key``."""
    return hashlib.sha256(key.encode()).hexdigest()[:length]


def number(key: str, digits: int) -> int:
    """A number with ``digits`` digits derived from ``key``."""
    lowest = 10 ** (digits - 1)
    return lowest + int(hex_name(key, 15), 16) % (9 * lowest)


def grouped(films: Sequence[Film], key: Callable[[Film], object]) -> list[list[Film]]:
    """``films`` in groups of equal ``key``, in the order of their first film."""
    groups: dict[object, list[Film]] = {}
    for film in films:
        groups.setdefault(key(film), []).append(film)
    return list(groups.values())


def years(age: float | None) -> str:
    """An age as sites write it: in years, or in months below one year; "" for None."""
    if age is None:
        return ""
    return f"{age:g} years" if age >= 1 else f"{age * 12:.1f} months"
