"""Find the films that share local features, with an index of their descriptors.

Each of eight tables looks at a group of eight descriptor bytes. Two features that agree in all key bits of a group are
a vote for their two films. Only votes that imply the same movement (one scale, one shift) are added up; chance
agreements rarely do. The number of key bits grows with the number of features. So a feature meets about as many others
by chance in a large collection as in a small one, and the work grows with the number of films, not of pairs.

A descriptor and its complement share a bucket, so inverted films are found in the same pass. Mirrored films are found
because every film enters the index twice, as it is and mirrored.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from pipeline.dedupe.features import BYTES, OCTAVE_STEP, POINTS, SIDE
from pipeline.dedupe.films import FilmStore
from pipeline.dedupe.nearest import Ints, Words

TABLES = 8
MIN_BITS, MAX_BITS = 28, 64  # of a key
FILMS_AT_MIN_BITS = 1024
BITS_PER_DOUBLING = 3.1
NEIGHBORS = 32  # a feature votes with at most so many of its bucket, which keeps common shapes (letters) cheap
MAX_VOTES_PER_FILM = 64  # votes per film and table; buckets that bring more contain what many films share
WORDS, VOTES = 1 << 22, 1 << 20  # features matched, and votes counted, at once
SHIFT = 56.0  # shifts that differ by less may be the same (px in the film's frame)
SCALE_LEVELS = 3  # scales that differ by fewer pyramid levels may be the same
MIX = np.uint64(0x9E3779B97F4A7C15)  # 2**64 divided by the golden ratio: spreads keys evenly
ENTRY_BITS = np.uint64(31)  # low bits of a word: number of the entry, and whether its key is the complement


@dataclass(frozen=True, eq=False)
class Agreements:
    """Pairs of films, ``first < second``, whose features agree.

    Attributes:
        first, second: (m,) int64, numbers of films.
        mirrored, inverted: (m,) bool, change of the second film after which the features agree.
        votes: (m,) int64, features that agree and imply the same movement.
    """

    first: Ints
    second: Ints
    mirrored: npt.NDArray[np.bool_]
    inverted: npt.NDArray[np.bool_]
    votes: Ints


def agreements(films: FilmStore, min_votes: int) -> Agreements:
    """Find the pairs of films with at least ``min_votes`` votes that imply the same movement, sorted by number."""
    votes = _all_votes(films)
    counted = [_count(films, part, min_votes) for part in _parts(votes, VOTES, 2 * POINTS << 32)]
    pairs = np.concatenate([np.zeros(0, np.int64), *(pairs for pairs, _ in counted)])
    counts = np.concatenate([np.zeros(0, np.int64), *(counts for _, counts in counted)])
    number = pairs // 4
    return Agreements(number // max(len(films), 1), number % max(len(films), 1), pairs % 4 >= 2, pairs % 2 == 1, counts)


def bits_per_key(films: int) -> int:
    """Number of descriptor bits that must agree in a collection of ``films`` films."""
    doublings = np.log2(max(films, FILMS_AT_MIN_BITS) / FILMS_AT_MIN_BITS)
    return int(min(MAX_BITS, MIN_BITS + round(BITS_PER_DOUBLING * doublings)))


def _all_votes(films: FilmStore) -> Words:
    """Collect the votes of all tables, sorted. Finished tables wait on disk, so that memory holds one at a time."""
    with tempfile.TemporaryFile(prefix="cxnet-votes-") as file:
        for table in tqdm(range(TABLES), "dedupe: votes", unit="table", leave=False, disable=None):
            file.write(_votes_of_table(films, table).tobytes())
        file.seek(0)
        votes = np.fromfile(file, np.uint64)
    votes.sort()
    return votes


def _votes_of_table(films: FilmStore, table: int) -> Words:
    """Collect one table's votes as ``left entry << 32 | right entry << 1 | inverted``, the smaller entry left."""
    words = _words(films, table)
    words.sort()
    most = MAX_VOTES_PER_FILM * len(films) / max(len(words), 1)
    parts = _parts(words, WORDS, 1 << int(ENTRY_BITS))
    return np.concatenate([np.zeros(0, np.uint64), *(_votes_among(part, int(most * len(part))) for part in parts)])


def _votes_among(words: Words, most: int) -> Words:
    """Collect the votes among sorted words.

    Args:
        words: (n,) uint64, whole buckets.
        most: once there are so many votes, the search stops: farther neighbors in all buckets do not vote.
    """
    shared = np.zeros(len(words) + 1, bool)
    shared[1:-1] = (words[1:] ^ words[:-1]) >> ENTRY_BITS == 0
    words = words[shared[1:] | shared[:-1]]
    key = words >> ENTRY_BITS
    votes = [np.zeros(0, np.uint64)]
    for offset in range(1, min(NEIGHBORS, len(words))):
        same = np.flatnonzero(key[offset:] == key[:-offset])
        if not len(same) or sum(map(len, votes)) > most:
            break
        votes.append(_valid(words[same], words[same + offset]))
    return np.concatenate(votes)


def _words(films: FilmStore, table: int) -> Words:
    """Write every feature as ``mixed key << 31 | entry << 1 | complemented``."""
    columns = (np.arange(8) + table * (BYTES // TABLES)) % BYTES
    mask = np.uint64((1 << bits_per_key(len(films))) - 1)
    slots = np.arange(2 * POINTS).reshape(2, POINTS)
    words = np.zeros(2 * int(films.counts.sum()), np.uint64)
    filled = 0
    for number in range(len(films)):
        count = int(films.counts[number])
        chosen = np.ascontiguousarray(films.bits(number)[:, :, columns])
        key = chosen.reshape(-1, 8).view("<u8").ravel().astype(np.uint64) & mask
        complement = ~key & mask
        entry = (number * 2 * POINTS + slots[:, :count].ravel()).astype(np.uint64)
        mixed = ((np.minimum(key, complement) + np.uint64(1)) * MIX) >> ENTRY_BITS
        words[filled : filled + 2 * count] = mixed << ENTRY_BITS | entry << np.uint64(1) | (complement < key)
        filled += 2 * count
    return words


def _valid(left: Words, right: Words) -> Words:
    """Keep votes between different films whose left entry is not mirrored; mirrored pairs would only repeat others."""
    low = np.uint64((1 << int(ENTRY_BITS)) - 1)
    left, right = left & low, right & low
    inverted = (left ^ right) & np.uint64(1)
    left, right = left >> np.uint64(1), right >> np.uint64(1)
    good = (_film(left) != _film(right)) & ~_is_mirrored(left)
    return (left << np.uint64(32) | right << np.uint64(1) | inverted)[good]


def _parts(ordered: Words, length: int, unit: int) -> Iterator[Words]:
    """Cut sorted words into parts of about ``length``; words between two multiples of ``unit`` stay together."""
    first = 0
    while first < len(ordered):
        owner = int(ordered[min(first + length, len(ordered)) - 1]) // unit
        last = int(np.searchsorted(ordered, np.uint64((owner + 1) * unit - 1), side="right"))
        yield ordered[first:last]
        first = last


def _count(films: FilmStore, votes: Words, min_votes: int) -> tuple[Ints, Ints]:
    """Count the votes of each pair of films that imply the same movement.

    Returns:
        Pairs as ``(first * n + second) * 4 + mirrored * 2 + inverted``, and the number of votes of each.
    """
    left, right, inverted = _distinct(votes)
    pair = (_film(left) * np.int64(len(films)) + _film(right)) * 4 + _is_mirrored(right) * 2 + inverted
    pairs, counts = _fullest_bins(pair, _movement_bins(films, left, right))
    enough = counts >= min_votes
    return pairs[enough], counts[enough]


def _distinct(votes: Words) -> tuple[Ints, Ints, Ints]:
    """Left entries, right entries and inversion of the votes, each pair of features once."""
    votes = np.unique(votes)
    left = (votes >> np.uint64(32)).astype(np.int64)
    right = (votes & np.uint64(0xFFFFFFFF)).astype(np.int64)
    return left, right >> 1, right & 1


def _movement_bins(films: FilmStore, left: Ints, right: Ints) -> Ints:
    """Assign each vote's scale and shift to a bin in each of four staggered grids; (4, votes) int64."""
    film, other = _film(left), _film(right)
    step = films.levels[film, left % POINTS].astype(np.int64) - films.levels[other, right % POINTS]
    scale = (OCTAVE_STEP ** (-step / 2))[:, None]  # half on either side, so that the order of films does not matter
    shift = _entered_places(films, right) / scale - films.places[film, left % POINTS] * scale
    bins = []
    for stagger_scale in (0, 1):
        for stagger_shift in (0.0, 0.5):
            cell = np.floor(shift / SHIFT + stagger_shift).astype(np.int64) + 64
            bins.append((cell[:, 0] << 7 | cell[:, 1]) << 4 | (step + stagger_scale + 12) // SCALE_LEVELS)
    return np.array(bins)


def _entered_places(films: FilmStore, entries: Ints) -> npt.NDArray[np.float64]:
    """Places of features in the film as it was entered, (n, 2) float64 (px in the frame); mirrored if the entry is."""
    film = _film(entries)
    places = films.places[film, entries % POINTS].astype(np.float64)
    sizes = films.boxes[film, 2:]
    widths = np.maximum(1, np.rint(sizes[:, 0] * (SIDE / sizes.max(axis=1, initial=1))))  # like frame_size
    x = np.where(_is_mirrored(entries), widths - 1 - places[:, 0], places[:, 0])
    return np.stack([x, places[:, 1]], axis=1)


def _fullest_bins(pair: Ints, bins: Ints) -> tuple[Ints, Ints]:
    """Keep each pair once, with the number of votes in its fullest bin."""
    pairs, place = np.unique(pair, return_inverse=True)
    votes = np.zeros(len(pairs), np.int64)
    for grid in bins:
        cells, counts = np.unique(place << 18 | grid, return_counts=True)
        np.maximum.at(votes, cells >> 18, counts)
    return pairs, votes


def _film(entries: npt.NDArray) -> Ints:
    return (entries // (2 * POINTS)).astype(np.int64)


def _is_mirrored(entries: npt.NDArray) -> npt.NDArray[np.bool_]:
    return entries // POINTS % 2 == 1
