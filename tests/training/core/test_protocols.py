"""Divisions of films: which protocol puts which films where, and which sources can be held out."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from synthetic_arrays import SIZE, profile, put_arrays, write_arrays

from pipeline.prepare.arrays import read_arrays
from training.core.protocols import divide

ALL = ("grouped", "paper", "sources")


def options(protocols=ALL):
    return profile(protocols=protocols).experiments["tiny"]


def arrays_of(root, sources, groups=None, per_class=60):
    """Films whose sources (and groups) are given in turn."""
    layout = write_arrays(root, per_class=per_class)
    arrays = read_arrays(layout, str(SIZE))
    count = len(arrays.rows)
    columns = {"source": [sources[place % len(sources)] for place in range(count)]}
    if groups is not None:
        columns["group_id"] = groups(count)
    put_arrays(layout, arrays.rows.assign(**columns), np.array(arrays.images))
    return read_arrays(layout, str(SIZE))


def films(selected):
    return set(selected.positions.tolist())


def test_grouped_is_the_division_of_the_split_stage(tmp_path):
    arrays = arrays_of(tmp_path, ["a"])
    divisions, reasons = divide(arrays, options(("grouped",)))
    assert [str(each) for each in divisions] == ["grouped"]
    assert reasons == {}
    for split in ("train", "val", "test"):
        assert set(getattr(divisions[0], split).rows["split"]) == {split}


def test_the_paper_tests_and_validates_on_a_random_fifth_of_all_films(tmp_path):
    paper = divide(arrays_of(tmp_path, ["a"]), options(("grouped", "paper")))[0][1]
    assert films(paper.val) == films(paper.test)
    assert films(paper.train) | films(paper.test) == set(range(120))
    assert (len(paper.train), len(paper.test)) == (96, 24)
    assert set(paper.test.rows["split"]) == {"train", "val", "test"}


def test_a_source_is_tested_by_what_saw_none_of_it(tmp_path):
    divisions, reasons = divide(arrays_of(tmp_path, ["a", "b", "c"]), options(("grouped", "sources")))
    assert [each.held_out for each in divisions] == [None, "a", "b", "c"]
    assert reasons == {}
    for each in divisions[1:]:
        assert set(each.test.rows["source"]) == {each.held_out}
        assert each.held_out not in set(each.train.rows["source"]) | set(each.val.rows["source"])
        assert films(each.train) <= films(divisions[0].train)
        assert len(each.test) == 40


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(2, 30))
def test_no_patient_of_a_held_out_source_is_learned_from(tmp_path, patients):
    arrays = arrays_of(tmp_path, ["a", "b"], lambda count: [f"p{place % patients}" for place in range(count)])
    for each in divide(arrays, options(("grouped", "sources")))[0][1:]:
        assert not set(each.train.rows["group_id"]) & set(each.test.rows["group_id"])
        assert not set(each.val.rows["group_id"]) & set(each.test.rows["group_id"])


@pytest.mark.parametrize(
    ("sources", "reasons"),
    [
        (["a"] * 11 + ["few"], {"few": "it has only 10 films"}),
        (["one"] * 60 + ["a", "b"] * 30, {"one": "without it, split 'train' has no 'normal' film"}),
    ],
)
def test_a_source_that_cannot_be_held_out_has_a_reason(sources, reasons, tmp_path):
    divisions, told = divide(arrays_of(tmp_path, sources), options(("grouped", "sources")))
    assert {name: told[name] for name in reasons} == reasons
    assert not set(told) & {each.held_out for each in divisions}
