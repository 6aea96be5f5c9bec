"""Copies that people declare (``set duplicate_of``), and which film of them stays."""

from collections.abc import Collection, Iterable, Sequence

from pipeline.decisions.file import Decision
from pipeline.decisions.film_rows import FilmRows
from sources.core.errors import UsageError


class Copies:
    """The declared copies among the rows of ``films``.

    Args:
        films: the rows, after all other decisions.
        decisions: the decisions in force; those whose original is not in the data set have no effect.
    """

    def __init__(self, films: FilmRows, decisions: Iterable[Decision]) -> None:
        self._films = films
        self._originals: dict[int, int] = {}  # row of a copy -> row of its original
        self._declared: list[tuple[Decision, int, list[int]]] = []  # with the rows of the original and of its copies
        for decision in decisions:
            original = films.by_name.get(decision.value) if decision.field == "duplicate_of" else None
            copies = [row for row in films.of_image(decision.image_id) if row != original]
            if original is not None and copies:
                self._declared.append((decision, original, copies))
                self._originals |= dict.fromkeys(copies, original)

    def refuse_circles(self) -> None:
        """Check that no film is, by way of others, declared a copy of itself: none of them would stay.

        Raises:
            UsageError: there is a circle; the message names the lines.
        """
        image_of = self._films.images
        copy_of = {
            decision.image_id: (image_of[original], decision)
            for decision, original, _ in self._declared
            if image_of[original] not in (None, decision.image_id)
        }
        checked: set[str] = set()
        for start in copy_of:
            chain: dict[str, Decision] = {}
            image_id = start
            while image_id in copy_of and image_id not in checked:
                checked.add(image_id)
                chain[image_id] = copy_of[image_id][1]
                image_id = copy_of[image_id][0]
            if image_id in chain:
                _refuse(list(chain.values())[list(chain).index(image_id) :])

    def join_clusters(self) -> None:
        """Put the copies, their originals and the clusters of both into one cluster."""
        for decision, original, copies in self._declared:
            self._films.join_clusters({original, *copies}, f"decided-{decision.image_id[:16]}")
            for row in copies:
                self._films["duplicate_of"][row] = decision.value

    def exclude(self, spared: Collection[Decision], unwanted: Collection[str]) -> None:
        """Exclude the copies of films that stay. Of the copies of a film that is excluded, the nearest one stays.

        Args:
            spared: decisions that a later line overrules; their copies stay.
            unwanted: images that people excluded; an original that dedupe excluded as a copy of its declared copy
                takes its place, unless it is one of them.
        """
        films = self._films
        declared = [each for each in self._declared if each[0] not in spared]
        self._originals = {row: original for _, original, copies in declared for row in copies}
        for _, original, copies in declared:
            if self._proven_original(original) in copies and films.images[original] not in unwanted:
                films.lift(original, "dedupe")
                films["duplicate_of"][original] = None
        pairs = [(row, decision) for decision, _, copies in declared for row in copies if films.is_kept(row)]
        ends = {row: self._end(row) for row, _ in pairs}
        stands_in: set[int] = set()  # for these excluded films a copy stays
        for row, decision in sorted(pairs, key=lambda pair: (ends[pair[0]][2], pair[1].line, pair[0])):
            end, stays, _ = ends[row]
            if stays or end in stands_in:
                films.exclude(row, _reason(decision))
            else:
                stands_in.add(end)
                films["duplicate_of"][row] = None

    def standing_in(self) -> list[Decision]:
        """After all exclusions: decisions on copies that stay because their original is excluded."""
        is_kept, duplicate_of = self._films.is_kept, self._films["duplicate_of"]
        return [
            decision
            for decision, original, copies in self._declared
            if not is_kept(original) and any(is_kept(row) and duplicate_of[row] is None for row in copies)
        ]

    def without_a_film(self) -> list[Decision]:
        """After all exclusions: decisions that excluded a copy although no film of the exposure is kept now."""
        films = self._films
        kept = {cluster for row, cluster in enumerate(films["cluster_id"]) if films.is_kept(row)}
        return [
            decision
            for decision, original, copies in self._declared
            if films["cluster_id"][original] not in kept
            and any(films["reason"][row] == _reason(decision) for row in copies)
        ]

    def _proven_original(self, row: int) -> int | None:
        """The row of the film that dedupe kept instead of this one."""
        if self._films["excluded_by"][row] != "dedupe":
            return None
        return self._films.by_name.get(self._films["duplicate_of"][row])

    def _end(self, row: int) -> tuple[int, bool, int]:
        """The film at the end of a chain of copies (in a circle: its first row), whether it stays, and its distance."""
        chain: dict[int, None] = {}
        while row not in chain:
            chain[row] = None
            following = self._originals.get(row)
            if following is None:
                following = self._proven_original(row)
            if following is None:
                return row, self._films.is_kept(row), len(chain)
            row = following
        return min(list(chain)[list(chain).index(row) :]), False, len(chain)


def _refuse(circle: Sequence[Decision]) -> None:
    numbers = sorted(decision.line for decision in circle)
    films = ", ".join(sorted(decision.value for decision in circle))
    raise UsageError(
        f"curation/decisions.csv, lines {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}: {films} are declared "
        "copies of each other, so that none of them would stay; remove the line on the film that should stay."
    )


def _reason(decision: Decision) -> str:
    return f"copy {decision.reason} (of {decision.value})"
