"""Licenses as sources state them, and whether they allow the bytes to be passed on."""

import re

_CODES = r"0|zero|by(?:-nc)?(?:-sa|-nd)?"
_ADDRESS = re.compile(
    rf"creative-?commons\.org/(?:(?:licen[sc]es?|publicdomain)/+)?({_CODES})(?![\w-])\s?(?:/(\d\.\d))?", re.IGNORECASE
)
_WORDS = re.compile(rf"\s*cc[\s-]*({_CODES})(?:[\s-]+(\d\.\d))?\s*", re.IGNORECASE)
_IN_WORDS = re.compile(r"\bcreative commons\b(.{0,100})", re.IGNORECASE)
_CODE_IN_WORDS = re.compile(r"\bCC[\s-]?(BY(?:-NC)?(?:-SA|-ND)?|0)\b(?:[\s-]+(?:version\s+)?(\d\.\d))?")
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


def licence_in_words(text: str | None) -> str | None:
    """The SPDX-like name of the Creative Commons license that prose names ("the Creative Commons Attribution License").

    The version is left out where the words do not state it.
    """
    words = " ".join((text or "")[:20_000].split()).translate(str.maketrans("‐‑–", "---"))
    if code := _CODE_IN_WORDS.search(words):
        return creative_commons(f"cc {code[1]} {code[2] or ''}")
    for match in _IN_WORDS.finditer(words):
        name = re.sub(r"[^a-z]", "", re.split(r"licen[sc]e", match[1].lower())[0])
        if name.startswith(("attribution", "by")):
            parts = [
                part
                for word, part in (("noncommercial", "-NC"), ("sharealike", "-SA"), ("noderiv", "-ND"))
                if word in name
            ]
            version = re.search(r"(?<![\d.])\d\.\d(?![\d.]*\d)", match[1])
            return f"CC-BY{''.join(parts)}" + (f"-{version[0]}" if version else "")
        if name.startswith(("zero", "cczero", "publicdomain", "universalpublicdomain")):
            return "CC0"
    return None


def is_free(licence: str | None) -> bool:
    """May bytes, and panels cut from them, be passed on under this license (an SPDX-like name)?

    Not with ``ND`` (no derivatives), and not under a license that is unknown.
    """
    return licence is not None and _FREE.fullmatch(licence) is not None
