"""The two ways a command can end badly, each one sentence that says what is wrong and what to do."""


class CxnetError(Exception):
    """Something failed (exit code 1): a missing file, a full disk, a page that is gone."""

    exit_code = 1


class UsageError(CxnetError):
    """The user asked for something that does not exist or is out of range (exit code 2)."""

    exit_code = 2


def unknown(kind: str, name: str, valid: "list[str] | tuple[str, ...]") -> UsageError:
    """The error for a name that is not one of ``valid``, listing those that are."""
    return UsageError(f"Unknown {kind} '{name}'; expected one of: {', '.join(valid)}.")
