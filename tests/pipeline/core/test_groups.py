import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.groups import group_rows, smallest_by_group

values = st.one_of(st.none(), st.sampled_from("abcde"))


def column(*cells):
    return pd.Series(cells, dtype=object)


@given(st.lists(st.tuples(values, values, values), min_size=1, max_size=12))
def test_rows_are_grouped_exactly_when_a_chain_of_shared_values_connects_them(rows):
    first, second, third = (column(*cells) for cells in zip(*rows, strict=True))
    group = group_rows([("letter", first), ("letter", second), ("other", third)]).tolist()
    names = [
        {*(("letter", cell) for cell in row[:2] if cell), *(("other", cell) for cell in row[2:] if cell)}
        for row in rows
    ]
    reached = [{place} for place in range(len(rows))]
    for _ in rows:  # a chain is no longer than the table
        reached = [
            {other for other in range(len(rows)) for near in members if near == other or names[near] & names[other]}
            for members in reached
        ]
    for place, members in enumerate(reached):
        assert members == {other for other in range(len(rows)) if group[other] == group[place]}


def test_one_value_in_columns_of_different_kinds_links_nothing():
    assert group_rows([("page", column("7", None)), ("study", column(None, "7"))]).nunique() == 2


def test_no_rows_have_no_groups():
    assert group_rows([("page", column()), ("study", column())]).empty


def test_smallest_value_of_each_group():
    result = smallest_by_group(column("b", "a", None, None), pd.Series([0, 0, 1, 0]))
    assert result.to_dict() == {0: "a"}
