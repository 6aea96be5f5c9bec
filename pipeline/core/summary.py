"""What a run of a stage did, in numbers."""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Summary(ABC):
    """The numbers of one run of a stage, one field each; ``str(summary)`` is the line that the command line prints.

    Each stage defines its own subclass, so that other code reads fields and never parses text.
    """

    @abstractmethod
    def __str__(self) -> str:
        """One line of text made from the numbers."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should look at, a sentence each; the command line prints them on stderr."""
        return ()

    def numbers(self) -> dict[str, Any]:
        """The fields by name, ready for JSON."""
        return asdict(self)
