"""Patterns of the profile that find facts in the paths of files: patients and studies, or labels."""

import regex

from sources.core.errors import UsageError
from sources.core.text import visible

SEARCH_SECONDS = 5  # for one path; an honest pattern takes microseconds


class PathPattern:
    """A regular expression of a profile that is searched in paths.

    Args:
        pattern: the expression; its groups have the names of the facts.
        option: the option of the profile that holds it, for messages.
    """

    def __init__(self, pattern: str, option: str) -> None:
        self._pattern, self._option = regex.compile(pattern), option

    def facts_in(self, place: str) -> dict[str, str]:
        """What a path states, by the group's name; nothing for a path that the pattern does not fit.

        Raises:
            UsageError: the search takes so long that the pattern must be one that tries without end.
        """
        try:
            match = self._pattern.search(place, timeout=SEARCH_SECONDS)
        except TimeoutError:
            raise UsageError(
                f"`{self._option}: {self._pattern.pattern}` takes more than {SEARCH_SECONDS} s for the path "
                f"{visible(place)}; repeat nothing that is repeated inside, as in (a+)+."
            ) from None
        return {name: value for name, value in match.groupdict().items() if value} if match else {}
