"""Text from outside: what a terminal would take for a command is written out, and patterns are checked."""

import re

import regex

COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    r"""``text`` with control characters, surrogates and changes of the writing direction as escapes (``\x1b``).

    Line feeds and tabs stay.
    """
    return COMMANDS.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """``1 file``, ``2 files``, ``1,000 images``: a number with its noun, whose ``plural`` may be more than an ``s``."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def filled(text: str) -> str:
    """``text`` if it says something.

    Raises:
        ValueError: it is blank.
    """
    if not text.strip():
        raise ValueError("text should not be empty; fill it in, or remove the line")
    return text


def patient_pattern(pattern: str) -> str:
    """``pattern`` if it is a regular expression that finds a patient, a study or both in a path.

    Raises:
        ValueError: it is not.
    """
    groups = _groups_of(pattern)
    if not groups or not groups <= {"patient_id", "study_id"}:
        raise ValueError("the pattern should have a group (?P<patient_id>...) or (?P<study_id>...), and no other")
    return pattern


def label_pattern(pattern: str) -> str:
    """``pattern`` if it is a regular expression that finds the word for a label in a path.

    Raises:
        ValueError: it is not.
    """
    if _groups_of(pattern) != {"label"}:
        raise ValueError("the pattern should have a group (?P<label>...), and no other")
    return pattern


def _groups_of(pattern: str) -> set[str]:
    try:
        groups = set(re.compile(pattern).groupindex)
        regex.compile(pattern)  # which searches paths later
    except (re.error, regex.error) as error:
        raise ValueError(f"input should be a regular expression ({error})") from None
    return groups
