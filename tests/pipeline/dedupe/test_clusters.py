import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dedupe.clusters import cluster_films, rank_films
from pipeline.dedupe.verdicts import implied_pairs, ordered
from pipeline.imaging.tones import NOT_FINITE


def test_chain_whose_ends_differ_is_cut_at_its_weakest_link():
    assert cluster_films(4, {(0, 1): 0.95, (1, 2): 0.8}, refuted={(0, 2)}) == [0, 0, 2, 3]


def test_chain_whose_ends_were_never_refuted_stays_together():
    assert cluster_films(3, {(0, 1): 0.95, (1, 2): 0.8}, refuted=set()) == [0, 0, 0]


pairs = st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda pair: pair[0] < pair[1])


@given(st.dictionaries(pairs, st.floats(0, 1)), st.sets(pairs))
def test_no_cluster_holds_a_refuted_pair(proven, refuted):
    refuted = refuted - proven.keys()
    cluster = cluster_films(12, proven, refuted)
    assert all(cluster[first] != cluster[second] for first, second in refuted)
    assert all(cluster[film] <= film and cluster[cluster[film]] == cluster[film] for film in range(12))


def test_implied_pairs_share_a_neighbor_and_name_the_most_similar_one():
    proven = {(0, 1): 0.9, (1, 2): 0.8, (0, 3): 0.99, (2, 3): 0.95}
    assert implied_pairs(proven, proven.keys(), 5) == {(0, 2): 3, (1, 3): 0}
    assert implied_pairs(proven, {*proven, (0, 2)}, 5) == {(1, 3): 0}


def test_ordered_pair_has_its_smaller_number_first():
    assert ordered(5, 2) == ordered(2, 5) == (2, 5)


def film(item_id, **values):
    row = {"source": "cohen", "item_id": item_id, "width": 800, "height": 800, "text_share": 0.0, "format": "PNG"}
    metadata = dict.fromkeys(
        ("label", "finding", "view", "patient_id", "study_id", "age", "sex", "offset_days", "rt_pcr", "decode_warning")
    )
    return row | metadata | values


def best(rows, field_share=None):
    films = pd.DataFrame(rows)
    ranks = rank_films(films, field_share or {})
    return films.loc[min(ranks, key=ranks.get), "item_id"]


def test_least_cropped_film_is_best_even_if_smaller():
    assert best([film("a", width=1600), film("b")], field_share={0: 0.6, 1: 1.0}) == "b"


def test_a_film_with_gaps_is_never_better_than_a_whole_one():
    gaps = film("a", width=1600, decode_warning=f"odd; {NOT_FINITE}")
    assert best([gaps, film("b", format="JPEG", decode_warning="odd")], field_share={0: 1.0, 1: 0.8}) == "b"


def test_largest_of_equally_complete_films_is_best():
    assert best([film("a"), film("b", width=900)]) == "b"


def test_film_without_drawings_is_best_among_equals():
    assert best([film("a", text_share=0.02), film("b", text_share=0.0)]) == "b"


def test_best_described_film_is_best_among_equals():
    assert best([film("a", view="unknown"), film("b", age=50.0, view="PA")]) == "b"


def test_a_lossless_film_and_then_the_first_name_is_best_among_equals():
    assert best([film("a", format="JPEG"), film("b")]) == "b"
    assert best([film("b"), film("a")]) == "a"
