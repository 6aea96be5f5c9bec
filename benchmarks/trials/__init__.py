"""The kinds of trials of :mod:`benchmarks.faults`."""

from dataclasses import dataclass, field


@dataclass
class Tally:
    """What came of the trials of one kind.

    Attributes:
        tried, held: how many there were, and how many ended as they should.
        leftovers: files that the next, successful run left behind.
        orphans: processes that outlived their command.
        notes: what did not hold, one line each.
    """

    tried: int = 0
    held: int = 0
    leftovers: int = 0
    orphans: int = 0
    notes: list[str] = field(default_factory=list)

    def add(self, problem: str | None, leftovers: int = 0, orphans: int = 0) -> None:
        """Count one trial; ``problem`` = None if it held."""
        self.tried += 1
        self.held += problem is None
        self.leftovers += leftovers
        self.orphans += orphans
        if problem is not None:
            self.notes.append(problem)

    @property
    def is_met(self) -> bool:
        """Did all hold, with nothing left behind?"""
        return self.held == self.tried and not self.leftovers and not self.orphans
