"""Licenses as sources state them, and whether they allow the bytes to be passed on."""

import re

_CODES = r"0|zero|by(?:-nc)?(?:-sa|-nd)?"
_ADDRESS = re.compile(
    rf"creativecommons\.org/(?:licenses|publicdomain)/({_CODES})(?![\w-])(?:/(\d\.\d))?", re.IGNORECASE
)
_WORDS = re.compile(rf"\s*cc[\s-]*({_CODES})(?:[\s-]+(\d\.\d))?\s*", re.IGNORECASE)
_FREE = re.compile(r"(?:CC0|CC-BY(?:-NC)?(?:-SA)?)(?:-\d\.\d)?|Apache-2\.0")


def creative_commons(text: str | None) -> str | None:
    """The SPDX-like name of a Creative Commons license, or None.

    Args:
        text: the license in words (``cc by-nc``, ``CC BY 4.0``, ``CC-BY-4.0``), or anything that contains its address.
    """
    match = _ADDRESS.search(text or "") or _WORDS.fullmatch(text or "")
    if match is None:
        return None
    code = match[1].upper()
    name = "CC0" if code in ("0", "ZERO") else f"CC-{code}"
    return f"{name}-{match[2]}" if match[2] else name


def is_free(licence: str | None) -> bool:
    """May bytes, and panels cut from them, be passed on under this license (an SPDX-like name)?

    Not with ``ND`` (no derivatives), and not under a license that is unknown.
    """
    return licence is not None and _FREE.fullmatch(licence) is not None
