"""From candidates to proven pairs: every candidate is proven or not, then the pairs that the proven ones imply."""

from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from pipeline.core.parallel import map_images
from pipeline.core.params import DedupeParams
from pipeline.dedupe.candidates import FEATURES, Candidates
from pipeline.dedupe.clusters import Pair, open_pairs, ordered
from pipeline.dedupe.films import Film, Films
from pipeline.dedupe.geometry import Matrix
from pipeline.dedupe.proof import Change, Proof, prove, prove_along, prove_whole, shared_area

MOST_DISAGREEING = 0.35  # share of the overlap that carries another drawing
DOUBT = 0.05  # what misses a bar by less neither proves nor refutes
IMPLIED_PER_FILM = 24
CHAIN = "chain"  # the net of pairs that others imply
ROUNDS = 3  # of pairs that proven pairs imply

Task = tuple[Film, Film, Change, "Matrix | None", str]


@dataclass(frozen=True, eq=False)
class Verdicts:
    """What became of the candidates.

    Attributes:
        proven: pair -> its best proof and the net that caught it.
        refuted: pairs that would overlap, were compared there, and show two exposures.
    """

    proven: dict[Pair, tuple[Proof, str]] = field(default_factory=dict)
    refuted: set[Pair] = field(default_factory=set)


def judge(films: Films, candidates: Candidates, params: DedupeParams, executor: Executor | None) -> Verdicts:
    """Prove the candidates, then the pairs that share a proven neighbour, so that no chain goes unchecked."""
    verdicts = Verdicts()
    tasks = ((films[c.first], films[c.second], c.change, None, c.net) for c in candidates)
    results = map_images(_prove, tasks, executor)
    shown = tqdm(results, "prove", len(candidates), unit="pair", disable=None)
    for candidate, proof in zip(candidates, shown, strict=True):
        _note(verdicts, (candidate.first, candidate.second), proof, candidate.net, params)
    for _ in range(ROUNDS):
        if not _judge_implied(films, verdicts, params, executor):
            break
    return verdicts


def holds(proof: Proof, params: DedupeParams) -> bool:
    """Do the films show one exposure? Drawings cover a part of one at most; where more differs, only a frame agrees."""
    return (
        proof.similarity >= params.similarity
        and proof.overlap >= params.overlap
        and proof.disagreeing <= MOST_DISAGREEING
    )


def surely_fails(proof: Proof, params: DedupeParams) -> bool:
    """Do the films show two exposures, beyond doubt?"""
    return proof.similarity < params.similarity - DOUBT or proof.disagreeing > MOST_DISAGREEING + DOUBT


def _judge_implied(films: Films, verdicts: Verdicts, params: DedupeParams, executor: Executor | None) -> int:
    """Prove or refute each pair that shares a proven neighbour, along the way through it; returns how many."""
    sure = {pair: proof.similarity for pair, (proof, _) in verdicts.proven.items()}
    implied = open_pairs(sure, sure.keys() | verdicts.refuted, IMPLIED_PER_FILM)
    ways = {pair: _way(verdicts, pair, middle) for pair, middle in implied.items()}
    tasks = ((films[first], films[second], *ways[first, second], CHAIN) for first, second in ways)
    for (pair, (_, transform)), proof in zip(ways.items(), map_images(_prove, tasks, executor), strict=True):
        _note(verdicts, pair, proof, CHAIN, params)
        if (proof is None or surely_fails(proof, params)) and shared_area(
            films[pair[0]], films[pair[1]], transform
        ) >= params.overlap:
            verdicts.refuted.add(pair)
    return len(ways)


def _way(verdicts: Verdicts, pair: Pair, middle: int) -> tuple[Change, Matrix]:
    """Change and transform from the first film of a pair to its second, by way of a third."""
    first_change, first = _step(verdicts, pair[0], middle)
    second_change, second = _step(verdicts, middle, pair[1])
    return first_change.then(second_change), second @ first


def _step(verdicts: Verdicts, start: int, end: int) -> tuple[Change, Matrix]:
    proof, _ = verdicts.proven[ordered(start, end)]
    return proof.change, proof.transform if start < end else np.linalg.inv(proof.transform)


def _prove(task: Task) -> Proof | None:
    a, b, change, transform, net = task
    if transform is not None:
        return prove_along(a, b, change, transform)
    return prove(a, b, change) if FEATURES in net else prove_whole(a, b, change)


def _note(verdicts: Verdicts, pair: Pair, proof: Proof | None, net: str, params: DedupeParams) -> None:
    """Keep a proof that is good enough and better than the one there is."""
    if proof is None or not holds(proof, params):
        return
    if pair not in verdicts.proven or proof.similarity > verdicts.proven[pair][0].similarity:
        verdicts.proven[pair] = (proof, net)
