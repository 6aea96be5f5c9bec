"""Which films the small networks may learn from: never those of Radiopaedia, whichever source lists them."""

import hashlib

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline.core.layout import Layout
from pipeline.core.schema import DEDUPE_SCHEMA, POOL_SCHEMA
from sources.core.storage import write_table
from training.classifiers.known_films import read_examples

COLUMNS = list(dict.fromkeys([*POOL_SCHEMA.names, *DEDUPE_SCHEMA.names]))


def film(source, item_id, **values):
    picture = np.random.default_rng(len(source + item_id)).integers(0, 255, (96, 80)).astype(np.uint8)
    png = cv2.imencode(".png", picture)[1].tobytes()
    name = hashlib.sha256(f"{source}/{item_id}".encode()).hexdigest()
    given = {"image": {"bytes": png, "path": "film.png"}, "image_id": name, "pixel_sha256": name}
    given["fetched_url"] = f"https://films.org/{source}/{item_id}"
    return {**dict.fromkeys(COLUMNS), **given, "source": source, "item_id": item_id, **values}


@pytest.fixture
def examples(tmp_path):
    """A function that reads the examples of a pool with the given rows; the CSV of views has PA for each of them."""

    def read(*rows, long_side=64, with_views=True):
        layout = Layout.at(tmp_path)
        table = pd.DataFrame(rows, columns=COLUMNS).astype(object).sort_values(["source", "item_id"])
        table = table.where(table.notna(), None)
        write_table(layout.pool / "pool-00000.parquet", table, POOL_SCHEMA)
        write_table(layout.dedupe, table, DEDUPE_SCHEMA)
        views = tmp_path / "views.csv"
        names = [row["fetched_url"].removeprefix("https://") for row in rows]
        pd.DataFrame({"image": names, "view": "PA"}).to_csv(views, index=False)
        return {each.name: each for each in read_examples(layout, views if with_views else None, long_side)}

    return read


@pytest.mark.parametrize(
    ("row", "may_train"),
    [
        (film("hannover", "a"), True),
        (film("radiopaedia", "a"), False),
        (film("radiopaedia_normal", "a"), False),
        (film("cohen", "a", page_url="https://radiopaedia.org/cases/1"), False),
        (film("cxnet", "a", attribution="Case courtesy of A. B., Radiopaedia.org"), False),
        (film("cohen", "a", page_url="https://www.eurorad.org/case/1"), True),
    ],
)
def test_films_whose_terms_forbid_machine_learning_may_not_train(examples, row, may_train):
    (example,) = examples(row).values()
    assert example.may_train is may_train


def test_copies_of_such_films_in_other_sources_may_not_train(examples):
    by_name = examples(
        film("cohen", "copy", cluster_id="c"), film("radiopaedia", "a", cluster_id="c"), film("cohen", "other")
    )
    assert {name: example.may_train for name, example in by_name.items()} == {
        "cohen/copy": False,
        "cohen/other": True,
        "radiopaedia/a": False,
    }


def test_films_are_grouped_by_person_across_sources(examples):
    by_name = examples(film("cohen", "a", patient_key="p1"), film("figure1", "b", patient_key="p1"), film("cohen", "c"))
    assert by_name["cohen/a"].patient == by_name["figure1/b"].patient != by_name["cohen/c"].patient


def test_without_a_csv_only_sources_of_frontal_films_have_known_views(examples):
    by_name = examples(film("nih", "a"), film("cohen", "b"), with_views=False)
    assert {name: example.view_class for name, example in by_name.items()} == {"nih/a": "frontal"}


def test_pictures_are_shrunk_to_the_long_side(examples):
    (example,) = examples(film("hannover", "a"), long_side=48).values()
    assert example.picture.shape == (48, 40) and example.picture.dtype == np.uint8


def test_synthetic_films_with_a_planted_defect_are_left_out(examples, tmp_path):
    whole, damaged = film("hannover", "a"), film("nih", "b")
    truth = Layout.at(tmp_path).sandbox / "truth" / "films.csv"
    truth.parent.mkdir(parents=True)
    pd.DataFrame(
        {
            "sha256": [whole["image_id"], damaged["image_id"]],
            "view": ["L", "PA"],
            "defect": [None, "rotated"],
            "duplicate_kind": [None, None],
        }
    ).to_csv(str(truth), index=False)
    assert {name: example.view_class for name, example in examples(whole, damaged).items()} == {"hannover/a": "lateral"}
