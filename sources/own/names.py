"""Names of files: which can be stored, how the others are written, and which two mean the same."""

import re
import unicodedata

from sources.core.text import COMMANDS

UNSTORABLE = "the file's name has characters that cannot be stored; rename it"
ADDRESS = re.compile(r"[A-Za-z][\w+.-]*:[\\/]")  # begins with a drive (``C:\``) or a scheme (``s3://``)
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")  # soft hyphen, joiners, marks: nobody types them


def is_storable(place: str) -> bool:
    """Can a path stand in a table and on a terminal?

    Control characters, bytes that are not UTF-8 and changes of the writing direction cannot.
    """
    return not (COMMANDS.search(place) or "\n" in place or "\t" in place)


def unstorable_id(place: str) -> str:
    """An id for a path that cannot be stored: no real path below a folder begins with two slashes."""
    escaped = place.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
    return "//" + COMMANDS.sub(lambda match: match[0].encode("unicode_escape").decode(), escaped)


def is_outside(place: str) -> bool:
    """Does a path leave the folder it should be below (absolute, ``..``, a drive letter, an address)?"""
    path = place.replace("\\", "/")
    climbs = ".." in path and ".." in path.split("/")
    return path.startswith("/") or climbs or ADDRESS.match(place) is not None or "\x00" in place


def without_invisible(text: str) -> str:
    """``text`` without characters that nobody sees, and with plain spaces for those that break no line."""
    return _INVISIBLE.sub("", text).replace("\u00a0", " ").replace("\u202f", " ")


def same_form(text: str) -> str:
    """``text`` without what file systems and spreadsheets change: case, the Unicode form, invisible characters."""
    plain = text if text.isascii() else _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    folded = plain.casefold()
    return folded if folded.isascii() else unicodedata.normalize("NFC", folded)
