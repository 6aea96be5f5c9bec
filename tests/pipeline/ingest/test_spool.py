import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.intake import Ingested
from pipeline.ingest.spool import Spool

keys = st.tuples(st.text(max_size=5), st.text(max_size=5))
values = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.just(["text"]))
results = st.builds(
    Ingested,
    keys,
    st.dictionaries(st.text(max_size=5), values, max_size=4),
    st.none() | st.binary(max_size=50),
    st.none() | st.text(max_size=20),
)


@given(st.lists(results, unique_by=lambda result: result.key, max_size=8), st.randoms(use_true_random=False))
def test_results_come_back_unchanged_in_any_order(stored, rng):
    with Spool() as spool:
        for result in stored:
            spool.put(result)
        for result in rng.sample(stored, len(stored)):
            assert result.key in spool
            assert spool.take(result.key) == result


def test_results_may_be_taken_while_others_are_put():
    first, second, third = (Ingested(("nih", str(n)), {"width": n}, bytes([n]) * n) for n in (1, 2, 3))
    with Spool() as spool:
        spool.put(first)
        spool.put(second)
        assert spool.take(first.key) == first
        spool.put(third)
        assert [spool.take(each.key) for each in (third, second)] == [third, second]


def test_a_result_is_taken_once():
    with Spool() as spool:
        spool.put(Ingested(("nih", "1"), {}, reason="empty file"))
        spool.take(("nih", "1"))
        assert ("nih", "1") not in spool
        with pytest.raises(KeyError):
            spool.take(("nih", "1"))


def test_an_empty_picture_is_not_a_missing_one():
    with Spool() as spool:
        spool.put(Ingested(("nih", "1"), {}, png=b""))
        spool.put(Ingested(("nih", "2"), {}, png=None))
        assert (spool.take(("nih", "1")).png, spool.take(("nih", "2")).png) == (b"", None)
