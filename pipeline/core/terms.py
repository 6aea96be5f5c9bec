"""What may be done with a film, by its license: four classes, from the freest to the closed one."""

from collections import Counter
from collections.abc import Iterable
from typing import Literal

import pandas as pd

from sources.core.text import counted

TermsClass = Literal["open", "sharealike", "noncommercial", "closed"]
CLASSES: tuple[TermsClass, ...] = ("open", "sharealike", "noncommercial", "closed")
MEANING: dict[TermsClass, str] = {
    "open": "may be passed on and used for anything, with credit (CC0, CC BY, Apache-2.0)",
    "sharealike": "may be passed on and used for anything, with credit and under the same license (CC BY-SA)",
    "noncommercial": "may be passed on and used, with credit, but not commercially (CC BY-NC, CC BY-NC-SA)",
    "closed": "may not be passed on, or nobody states that it may: only its address and hash are here",
}
FilmTerms = dict[str, dict[str, int]]  # class -> source -> number of films
Purpose = Literal["open", "commercial", "noncommercial"]
ALLOWED: dict[Purpose, tuple[TermsClass, ...]] = {  # what a snapshot is for -> classes whose pictures are in it
    "open": ("open",),
    "commercial": ("open", "sharealike"),
    "noncommercial": ("open", "sharealike", "noncommercial"),
}


def terms_class(licence: str | None, redistributable: bool | None) -> TermsClass:
    """The class of a film with this license (an SPDX-like name), as the source states it."""
    if not redistributable or not licence:
        return "closed"
    name = licence.upper()
    if "-ND" in name:
        return "closed"
    if "-NC" in name:
        return "noncommercial"
    return "sharealike" if "-SA" in name else "open"


def classes_of(rows: pd.DataFrame) -> "pd.Series[str]":
    """The class of each row of a manifest."""
    pairs: Iterable[tuple[object, object]] = zip(
        rows["licence"].astype(object), rows["redistributable"].fillna(False).astype(bool), strict=True
    )
    made = [terms_class(name if isinstance(name, str) else None, bool(allowed)) for name, allowed in pairs]
    return pd.Series(made, index=rows.index, dtype=object)


def terms_of(rows: pd.DataFrame) -> FilmTerms:
    """How many films of each class each source gives, for rows of a manifest; classes without films are absent."""
    found: FilmTerms = {}
    for (name, source), films in sorted(
        Counter(zip(classes_of(rows), rows["source"].astype(str), strict=True)).items()
    ):
        found.setdefault(name, {})[source] = films
    return found


def terms_sentence(terms: FilmTerms) -> str:
    """What the films allow with a model that learned from them, and which films decide that."""
    because = {name: _films(terms[name]) for name in CLASSES if terms.get(name)}
    if not because:
        return "the terms of its films are not known"
    parts = []
    if "closed" in because:
        parts.append(f"ask the owners before you pass it on, because of {because['closed']}")
    if "noncommercial" in because:
        parts.append(f"non-commercial, because of {because['noncommercial']}")
    if "sharealike" in because:
        parts.append(f"share alike, because of {because['sharealike']}")
    return "; ".join(parts) or "any use, with credit to the authors of its films"


def _films(sources: dict[str, int]) -> str:
    return ", ".join(f"{counted(count, 'film')} of {source}" for source, count in sources.items())
