"""From candidates to verdicts: prove every candidate, then the pairs that the proven ones imply."""

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from pipeline.core.parallel import map_images
from pipeline.core.params import DedupeParams
from pipeline.dedupe.alignment import Change, Matrix, shared_area
from pipeline.dedupe.candidates import FEATURES, Candidates
from pipeline.dedupe.films import FilmStore, MeasuredFilm
from pipeline.dedupe.proof import Proof, prove, prove_along, prove_whole

Pair = tuple[int, int]  # numbers of two films, the smaller first


@dataclass(frozen=True, eq=False)
class ProvenPair:
    """Why two films count as copies of one exposure.

    Attributes:
        proof: the best proof of the pair.
        found_by: the generators that found the pair, or ``chain``.
    """

    proof: Proof
    found_by: str


@dataclass(frozen=True, eq=False)
class Verdicts:
    """The result for all pairs that were compared; a pair in neither group remains open.

    Attributes:
        proven: pairs that show one exposure.
        refuted: pairs that would overlap, were compared there, and show two exposures.
    """

    proven: dict[Pair, ProvenPair] = field(default_factory=dict)
    refuted: set[Pair] = field(default_factory=set)

    @property
    def similarity(self) -> dict[Pair, float]:
        """Similarity of each proven pair."""
        return {pair: proven.proof.similarity for pair, proven in self.proven.items()}


@dataclass(frozen=True, eq=False)
class ProofTask:
    """One pair to prove, as it travels to a worker.

    Attributes:
        a, b: the two films.
        change: of ``b``.
        from_features: whether to start from matching features, else from the whole films.
        transform: map between their pool pictures to start from instead, if one is known.
    """

    a: MeasuredFilm
    b: MeasuredFilm
    change: Change
    from_features: bool = False
    transform: Matrix | None = None


def prove_candidates(
    films: FilmStore, candidates: Candidates, params: DedupeParams, executor: Executor | None
) -> Verdicts:
    """Prove the candidates, then the pairs that share a proven neighbor, so that no chain goes unchecked."""
    verdicts = Verdicts()
    tasks = (ProofTask(films[c.first], films[c.second], c.change, FEATURES in c.found_by) for c in candidates)
    proofs = tqdm(map_images(_run_task, tasks, executor), "dedupe: proofs", len(candidates), unit="pair", disable=None)
    for candidate, proof in zip(candidates, proofs, strict=True):
        _record(verdicts, (candidate.first, candidate.second), proof, candidate.found_by, params)
    for _ in range(CHAIN_ROUNDS):
        if not _prove_implied(films, verdicts, params, executor):
            break
    return verdicts


MAX_DISAGREEING = 0.35  # share of the overlap that may show something else, such as drawings


# Films of a few pixels hold little detail, and strangers agree in it: of 755 real films, 65 pairs of strangers reached
# the usual similarity at 64 px, 10 at 128 px, 3 at 192 px, and none at 256 px. How far they fell short of 1 was
# proportional to the area. All copies reached more than 0.98 at every size.
ENOUGH_PIXELS = 200**2  # of overlap, from which the usual similarity is enough; with less, it must be higher
MIN_PIXELS = 100**2  # of overlap; with less, nothing is proven


def holds(proof: Proof, params: DedupeParams) -> bool:
    """Whether the films show one exposure.

    Drawings cover a part of a film at most. Where more differs, only the frames of two films agree.
    """
    return (
        proof.pixels >= MIN_PIXELS
        and proof.similarity >= required_similarity(proof.pixels, params)
        and proof.overlap >= params.overlap
        and proof.disagreeing <= MAX_DISAGREEING
    )


def required_similarity(pixels: float, params: DedupeParams) -> float:
    """The similarity that proves a pair whose films overlap in so many pixels of their small pictures."""
    return 1 - (1 - params.similarity) * min(1.0, pixels / ENOUGH_PIXELS)


DOUBT = 0.05  # a proof that misses a threshold by less neither proves nor refutes


def surely_fails(proof: Proof, params: DedupeParams) -> bool:
    """Whether the films show two exposures beyond doubt."""
    return proof.similarity < params.similarity - DOUBT or proof.disagreeing > MAX_DISAGREEING + DOUBT


CHAIN = "chain"  # found_by of a pair that other pairs imply
CHAIN_ROUNDS = 3  # pairs proven in one round may imply more pairs in the next
IMPLIED_PER_FILM = 24


def _prove_implied(films: FilmStore, verdicts: Verdicts, params: DedupeParams, executor: Executor | None) -> int:
    """Prove or refute each pair that shares a proven neighbor, starting from the map by way of the neighbor.

    Returns:
        The number of pairs.
    """
    implied = implied_pairs(verdicts.similarity, verdicts.proven.keys() | verdicts.refuted, IMPLIED_PER_FILM)
    steps = {pair: _transform_by_way_of(verdicts, pair, middle) for pair, middle in implied.items()}
    tasks = (ProofTask(films[a], films[b], change, transform=matrix) for (a, b), (change, matrix) in steps.items())
    proofs = tqdm(
        map_images(_run_task, tasks, executor),
        "dedupe: implied pairs",
        len(steps),
        unit="pair",
        disable=None if steps else True,
    )
    for (pair, (_, transform)), proof in zip(steps.items(), proofs, strict=True):
        _record(verdicts, pair, proof, CHAIN, params)
        failed = proof is None or surely_fails(proof, params)
        if failed and shared_area(films[pair[0]], films[pair[1]], transform) >= params.overlap:
            verdicts.refuted.add(pair)
    return len(steps)


def implied_pairs(similarity: Mapping[Pair, float], known: Collection[Pair], max_per_film: int) -> dict[Pair, int]:
    """Find the pairs of films that share a proven neighbor.

    Args:
        similarity: of each proven pair.
        known: pairs to leave out.
        max_per_film: most pairs that one film contributes, those with the most similar neighbors first.

    Returns:
        Pair -> the neighbor that links it best.
    """
    neighbors = neighbors_by_film(similarity)
    implied: dict[Pair, int] = {}
    for film in sorted(neighbors):
        routes: dict[int, tuple[float, int]] = {}  # other end -> weaker similarity on the way, and the middle
        for middle in sorted(neighbors[film]):
            for end in neighbors[middle]:
                weaker = min(similarity[ordered(film, middle)], similarity[ordered(middle, end)])
                routes[end] = max(routes.get(end, (-1.0, 0)), (weaker, middle))
        ends = sorted(routes, key=lambda end: (-routes[end][0], end))
        fresh = [end for end in ends if end != film and ordered(film, end) not in known]
        implied |= {ordered(film, end): routes[end][1] for end in fresh[:max_per_film]}
    return dict(sorted(implied.items()))


def neighbors_by_film(pairs: Iterable[Pair]) -> dict[int, set[int]]:
    """Collect, for each film, the other films of its pairs."""
    neighbors: dict[int, set[int]] = {}
    for first, second in pairs:
        neighbors.setdefault(first, set()).add(second)
        neighbors.setdefault(second, set()).add(first)
    return neighbors


def ordered(one: int, other: int) -> Pair:
    """The pair with its smaller number first."""
    return (one, other) if one < other else (other, one)


def _transform_by_way_of(verdicts: Verdicts, pair: Pair, middle: int) -> tuple[Change, Matrix]:
    """Change and transform from the first film of a pair to the second, by way of a third."""
    first_change, first = _proven_transform(verdicts, pair[0], middle)
    second_change, second = _proven_transform(verdicts, middle, pair[1])
    return first_change.then(second_change), second @ first


def _proven_transform(verdicts: Verdicts, start: int, end: int) -> tuple[Change, Matrix]:
    proof = verdicts.proven[ordered(start, end)].proof
    return proof.change, proof.transform if start < end else np.linalg.inv(proof.transform)


def _run_task(task: ProofTask) -> Proof | None:
    if task.transform is not None:
        return prove_along(task.a, task.b, task.change, task.transform)
    return (prove if task.from_features else prove_whole)(task.a, task.b, task.change)


def _record(verdicts: Verdicts, pair: Pair, proof: Proof | None, found_by: str, params: DedupeParams) -> None:
    """Keep a proof if it holds and is better than the one there is."""
    if proof is None or not holds(proof, params):
        return
    if pair not in verdicts.proven or proof.similarity > verdicts.proven[pair].proof.similarity:
        verdicts.proven[pair] = ProvenPair(proof, found_by)
