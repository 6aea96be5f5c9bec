"""Which films share local features: an index of descriptors, where films that fall into the same buckets vote.

Eight tables look at eight groups of descriptor bytes each; two features that agree in all bits of one group are a
vote for their two films. Votes count only together when they move the film alike (one scale, one shift), which a few
chance agreements never do. The number of bits grows with the number of features, so that a feature meets about as many
others by chance in a large collection as in a small one, and the work grows with the number of films, not of pairs.

A descriptor and its complement share a bucket: an inverted film is found in the same pass. Mirrored films are found
because every film is entered twice, as it is and mirrored.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.dedupe.features import BYTES, OCTAVE_STEP, POINTS, SIDE
from pipeline.dedupe.films import Films

TABLES = 8
LEAST_BITS, MOST_BITS = 28, 64
FILMS_AT_LEAST_BITS = 1024
BITS_PER_DOUBLING = 3.1
NEIGHBOURS = 32  # a feature votes with so many of its bucket: buckets of common shapes (letters) stay cheap
MOST_PER_FILM = 64  # votes per film and table; buckets that bring more hold what many films share
WORDS, VOTES = 1 << 22, 1 << 20  # features that meet, and votes that are counted, at a time
SHIFT = 56.0  # shifts that differ by less may be one (px in the film's frame)
SCALE_LEVELS = 3  # scales that differ by fewer pyramid levels may be one
MIX = np.uint64(0x9E3779B97F4A7C15)
ENTRY_BITS = np.uint64(31)  # of a word: number of the entry, and one bit that says whether it was complemented

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Agreements:
    """Pairs of films, ``first < second``, whose features agree.

    Attributes:
        first, second: (m,) int64, numbers of films.
        mirrored, inverted: (m,) bool, the second film agrees after that change.
        votes: (m,) int64, features that agree and move alike.
    """

    first: Ints
    second: Ints
    mirrored: npt.NDArray[np.bool_]
    inverted: npt.NDArray[np.bool_]
    votes: Ints


def agreements(films: Films, least_votes: int) -> Agreements:
    """All pairs of films with at least ``least_votes`` features that agree and move alike, sorted by number."""
    votes = _all_votes(films)
    counted = [_count(films, part, least_votes) for part in _parts(votes, VOTES, 2 * POINTS << 32)]
    pairs = np.concatenate([np.zeros(0, np.int64), *(pairs for pairs, _ in counted)])
    counts = np.concatenate([np.zeros(0, np.int64), *(counts for _, counts in counted)])
    number = pairs // 4
    return Agreements(number // max(len(films), 1), number % max(len(films), 1), pairs % 4 >= 2, pairs % 2 == 1, counts)


def bits_per_key(films: int) -> int:
    """Bits of a descriptor that must agree, for a collection of so many films."""
    doublings = np.log2(max(films, FILMS_AT_LEAST_BITS) / FILMS_AT_LEAST_BITS)
    return int(min(MOST_BITS, LEAST_BITS + round(BITS_PER_DOUBLING * doublings)))


# ------------------------------------------------------------------------------------------------------- one table


def _all_votes(films: Films) -> Words:
    """The votes of all tables, sorted; those of one wait on disk while the next is in memory."""
    with tempfile.TemporaryFile(prefix="cxnet-votes-") as file:
        for table in range(TABLES):
            file.write(_votes_of_table(films, table).tobytes())
        file.seek(0)
        votes = np.fromfile(file, np.uint64)
    votes.sort()
    return votes


def _votes_of_table(films: Films, table: int) -> Words:
    """Votes as ``left entry << 32 | right entry << 1 | inverted``, left before right."""
    words = _words(films, table)
    words.sort()
    most = MOST_PER_FILM * len(films) / max(len(words), 1)
    parts = _parts(words, WORDS, 1 << int(ENTRY_BITS))
    return np.concatenate([np.zeros(0, np.uint64), *(_votes_among(part, int(most * len(part))) for part in parts)])


def _votes_among(words: Words, most: int) -> Words:
    """The votes of sorted words, of which each bucket is whole; no more of any bucket once there are ``most``."""
    met = np.zeros(len(words) + 1, bool)
    met[1:-1] = (words[1:] ^ words[:-1]) >> ENTRY_BITS == 0
    words = words[met[1:] | met[:-1]]
    key = words >> ENTRY_BITS
    votes = [np.zeros(0, np.uint64)]
    for offset in range(1, min(NEIGHBOURS, len(words))):
        same = np.flatnonzero(key[offset:] == key[:-offset])
        if not len(same) or sum(map(len, votes)) > most:
            break
        votes.append(_valid(words[same], words[same + offset]))
    return np.concatenate(votes)


def _words(films: Films, table: int) -> Words:
    """Every feature as ``mixed key << 31 | entry << 1 | complemented``."""
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
    """Votes between different films where the first is entered as it is; mirrored against mirrored says nothing new."""
    low = np.uint64((1 << int(ENTRY_BITS)) - 1)
    left, right = left & low, right & low
    inverted = (left ^ right) & np.uint64(1)
    left, right = left >> np.uint64(1), right >> np.uint64(1)
    good = (_film(left) != _film(right)) & ~_is_mirrored(left)
    return (left << np.uint64(32) | right << np.uint64(1) | inverted)[good]


def _parts(ordered: Words, length: int, unit: int) -> Iterator[Words]:
    """Sorted words in parts of about ``length``; those between two multiples of ``unit`` stay together."""
    first = 0
    while first < len(ordered):
        owner = int(ordered[min(first + length, len(ordered)) - 1]) // unit
        last = int(np.searchsorted(ordered, np.uint64((owner + 1) * unit - 1), side="right"))
        yield ordered[first:last]
        first = last


def _count(films: Films, votes: Words, least_votes: int) -> tuple[Ints, Ints]:
    """Pairs as ``(first * n + second) * 4 + mirrored * 2 + inverted``, and the votes of each that move alike."""
    left, right, inverted = _distinct(votes)
    pair = (_film(left) * np.int64(len(films)) + _film(right)) * 4 + _is_mirrored(right) * 2 + inverted
    pairs, counts = _most_alike(pair, _movement_bins(films, left, right))
    enough = counts >= least_votes
    return pairs[enough], counts[enough]


def _distinct(votes: Words) -> tuple[Ints, Ints, Ints]:
    """Left entries, right entries and inversion, each pair of features once."""
    votes = np.unique(votes)
    left = (votes >> np.uint64(32)).astype(np.int64)
    right = (votes & np.uint64(0xFFFFFFFF)).astype(np.int64)
    return left, right >> 1, right & 1


# ----------------------------------------------------------------------------------------------------- move alike


def _movement_bins(films: Films, left: Ints, right: Ints) -> Ints:
    """(4, votes): number of the bin of each vote's scale and shift, in four staggered grids."""
    film, other = _film(left), _film(right)
    step = films.levels[film, left % POINTS].astype(np.int64) - films.levels[other, right % POINTS]
    scale = (OCTAVE_STEP ** (-step / 2))[:, None]  # half of it on either side, so that order does not matter
    shift = _seen_places(films, right) / scale - films.places[film, left % POINTS] * scale
    bins = []
    for stagger_scale in (0, 1):
        for stagger_shift in (0.0, 0.5):
            cell = np.floor(shift / SHIFT + stagger_shift).astype(np.int64) + 64
            bins.append((cell[:, 0] << 7 | cell[:, 1]) << 4 | (step + stagger_scale + 12) // SCALE_LEVELS)
    return np.array(bins)


def _seen_places(films: Films, entries: Ints) -> npt.NDArray[np.float64]:
    """Where a feature lies in the film as entered: x runs from the right in a mirrored one."""
    film = _film(entries)
    places = films.places[film, entries % POINTS].astype(np.float64)
    sizes = films.boxes[film, 2:]
    widths = np.maximum(1, np.rint(sizes[:, 0] * (SIDE / sizes.max(axis=1, initial=1))))  # as frame_size
    x = np.where(_is_mirrored(entries), widths - 1 - places[:, 0], places[:, 0])
    return np.stack([x, places[:, 1]], axis=1)


def _most_alike(pair: Ints, bins: Ints) -> tuple[Ints, Ints]:
    """Each pair once, with the votes in its fullest bin."""
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
