"""Reading, joining and excluding rows: no row is lost, the first exclusion is kept, pictures come one by one."""

import pandas as pd
import pytest
from handmade import draw, film, lay_out
from hypothesis import given
from hypothesis import strategies as st
from upath import UPath

from pipeline.core.layout import Layout
from pipeline.core.schema import TABLES
from pipeline.core.tables import exclude, is_pediatric, iter_images, join, read_pool, read_rows, row_names, shards
from sources.core.errors import CxnetError
from sources.core.storage import read_table, write_table

PLACE = UPath("data/views.parquet")


def rows(**columns):
    """Rows of source nih named 0, 1, ..., with the given columns."""
    count = len(next(iter(columns.values())))
    names = [str(number) for number in range(count)]
    return pd.DataFrame({"source": ["nih"] * count, "item_id": names, **columns}, dtype=object)


def test_shards_are_listed_in_order_and_by_prefix(tmp_path):
    for name in ("pool-00001.parquet", "pool-00000.parquet", "images-00000.parquet", "pool.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in shards(UPath(tmp_path), "pool")] == ["pool-00000.parquet", "pool-00001.parquet"]


@pytest.mark.parametrize("folder", ["absent", "."])
def test_a_folder_without_shards_is_one_sentence(tmp_path, folder):
    with pytest.raises(CxnetError, match="holds no pool shard; run the stage that writes it first"):
        shards(UPath(tmp_path) / folder, "pool")


def test_joining_adds_columns_in_the_order_of_the_rows(tmp_path):
    added = rows(view=["PA", "AP", "L"]).iloc[::-1]
    assert join(rows(age=[1, 2, 3]), added, PLACE).to_dict("list") == {
        "source": ["nih"] * 3,
        "item_id": ["0", "1", "2"],
        "age": [1, 2, 3],
        "view": ["PA", "AP", "L"],
    }


def test_joining_replaces_a_column_of_the_same_name_even_by_nothing():
    joined = join(rows(view=["PA", "PA"], age=[1, 2]), rows(view=["L", None]), PLACE)
    assert joined["view"].tolist() == ["L", None]
    assert joined["age"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("added", "message"),
    [
        (rows(view=["PA"]), "views.parquet holds 1 row, but the tables before it 2; run"),
        (
            rows(view=["PA", "PA"]).assign(source="sirm"),
            "views.parquet holds other rows than the tables before it; run",
        ),
        (
            rows(view=["PA", "PA"]).assign(item_id=["0", "9"]),
            "views.parquet holds other rows than the tables before it; run",
        ),
    ],
    ids=["fewer", "another source", "another film"],
)
def test_tables_of_different_rows_are_not_joined(added, message):
    with pytest.raises(CxnetError, match=message):
        join(rows(age=[1, 2]), added, PLACE)


def test_a_row_that_occurs_twice_is_not_joined():
    with pytest.raises(CxnetError, match=r"views\.parquet or a table before it holds a row twice; run"):
        join(rows(age=[1, 2]), rows(view=["PA", "PA"]).assign(item_id="0"), PLACE)


@given(st.lists(st.tuples(st.booleans() | st.none(), st.none() | st.just("dedupe")), min_size=1, max_size=9))
def test_only_rows_that_are_not_excluded_yet_are_excluded(cells):
    mask, before = zip(*cells, strict=True)
    table = rows(excluded_by=list(before), reason=[stage and "a copy" for stage in before])
    after = exclude(table, pd.Series(mask, dtype=object), "views", "lateral film")
    for marked, earlier, row in zip(mask, before, after.to_dict("records"), strict=True):
        expected = ("dedupe", "a copy") if earlier else ("views", "lateral film") if marked else (None, None)
        assert (row["excluded_by"], row["reason"]) == expected
    assert table["excluded_by"].tolist() == list(before)  # the table given is not changed


def test_each_row_can_be_excluded_for_its_own_reason():
    table = rows(excluded_by=[None, None], reason=[None, None])
    after = exclude(table, pd.Series([True, True]), "manifest", pd.Series(["age 3", "age 7"]))
    assert after["reason"].tolist() == ["age 3", "age 7"]


@pytest.mark.parametrize(
    ("age", "stated", "pediatric"),
    [(17.9, None, True), (18.0, None, False), (40.0, True, False), (None, True, True), (None, None, False)],
)
def test_age_decides_who_is_a_child_and_else_the_source(age, stated, pediatric):
    table = pd.DataFrame({"age": pd.array([age], "Float64"), "pediatric": pd.array([stated], "boolean")})
    assert is_pediatric(table).tolist() == [pediatric]


def test_rows_are_named_by_source_and_item():
    assert row_names(rows(age=[1, 2])).tolist() == ["nih/0", "nih/1"]


@pytest.fixture
def layout(tmp_path):
    layout = Layout.at(tmp_path)
    films = [film("nih", f"{number}", draw(number), view="L" if number == 3 else "PA") for number in range(5)]
    films.append(film("sirm", "gone", image=None, excluded_by="fetch", reason="HTTP 404", view="unknown"))
    lay_out(layout, films, through="harmonise", shard_rows=2)
    return layout


def test_a_stage_sees_the_columns_of_the_stages_before_it(layout):
    after_ingest, after_views = read_rows(layout, after="ingest"), read_rows(layout, after="views")
    assert len(after_ingest) == len(after_views) == 6
    assert "cluster_id" not in after_ingest and "image" not in after_ingest
    assert {"cluster_id", "view_score"} <= set(after_views)
    assert "tone_curve" not in after_views
    assert after_views["view"].tolist() == ["PA", "PA", "PA", "L", "PA", "unknown"]


def test_some_columns_of_the_pool_can_be_read(layout):
    assert read_pool(layout, ["item_id"]).to_dict("list") == {"item_id": ["0", "1", "2", "3", "4", "gone"]}


@pytest.mark.parametrize("batch_rows", [1, 64])
def test_pictures_come_with_their_rows_in_order_and_rows_without_one_are_left_out(layout, batch_rows):
    films = list(iter_images(layout.pool, "pool", ("item_id", "width"), batch_rows))
    assert [row for row, _ in films] == [{"item_id": str(number), "width": 40} for number in range(5)]
    assert [png for _, png in films] == [film(picture=draw(number))["image"]["bytes"] for number in range(5)]


@pytest.mark.parametrize("expected", TABLES)
def test_no_other_table_is_taken_for_the_one_that_belongs_there(tmp_path, expected):
    path = tmp_path / f"{expected}.parquet"
    for name, schema in TABLES.items():
        write_table(path, pd.DataFrame(columns=schema.names, dtype=object), schema)
        if name == expected:
            assert len(read_table(path, schema=TABLES[expected])) == 0
            continue
        with pytest.raises(CxnetError, match=rf"^\S*{expected}\.parquet is not the table .* delete it and run .*\.$"):
            read_table(path, schema=TABLES[expected])


@pytest.mark.parametrize("name", ["pool", "dedupe", "views"])
def test_rows_are_not_read_from_a_table_in_the_place_of_another(tmp_path, name):
    layout = Layout.at(tmp_path)
    lay_out(layout, [film(), film(item_id="2")], through="harmonise")
    wrong = layout.pool / "pool-00000.parquet" if name == "pool" else layout.table(name)
    wrong.write_bytes(layout.harmonise.read_bytes())
    with pytest.raises(CxnetError, match=f"{wrong.name} is not the table that belongs there"):
        read_rows(layout, after="harmonise")
