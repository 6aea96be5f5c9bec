"""Which films the shipped networks may learn from: Radiopaedia's never, under whatever set they arrive."""

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
    """What is read of the given rows, where the truth calls every film PA."""

    def read(*rows, long_side=64, truth=True):
        layout = Layout.at(tmp_path)
        table = pd.DataFrame(rows, columns=COLUMNS).astype(object).sort_values(["source", "item_id"])
        table = table.where(table.notna(), None)
        write_table(layout.pool / "pool-00000.parquet", table, POOL_SCHEMA)
        write_table(layout.dedupe, table, DEDUPE_SCHEMA)
        views = tmp_path / "views.csv"
        names = [row["fetched_url"].removeprefix("https://") for row in rows]
        pd.DataFrame({"image": names, "view": "PA"}).to_csv(views, index=False)
        return {found.name: found for found in read_examples(layout, views if truth else None, long_side)}

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
def test_films_whose_terms_forbid_machine_learning_do_not_train(examples, row, may_train):
    (found,) = examples(row).values()
    assert found.may_train is may_train


def test_a_proven_copy_of_a_closed_film_does_not_train_either(examples):
    found = examples(
        film("cohen", "copy", cluster_id="c"), film("radiopaedia", "a", cluster_id="c"), film("cohen", "other")
    )
    assert {name: film.may_train for name, film in found.items()} == {
        "cohen/copy": False,
        "cohen/other": True,
        "radiopaedia/a": False,
    }


def test_films_are_grouped_by_person_across_sources(examples):
    found = examples(film("cohen", "a", patient_key="p1"), film("figure1", "b", patient_key="p1"), film("cohen", "c"))
    assert found["cohen/a"].patient == found["figure1/b"].patient != found["cohen/c"].patient


def test_sets_of_frontal_films_need_no_truth_and_others_are_left_out_without(examples):
    found = examples(film("nih", "a"), film("cohen", "b"), truth=False)
    assert {name: example.kind for name, example in found.items()} == {"nih/a": "frontal"}


def test_pictures_come_as_small_as_asked_for(examples):
    (found,) = examples(film("hannover", "a"), long_side=48).values()
    assert found.picture.shape == (48, 40) and found.picture.dtype == np.uint8


def test_drawn_films_with_a_planted_defect_are_left_out(examples, tmp_path):
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
    assert {name: example.kind for name, example in examples(whole, damaged).items()} == {"hannover/a": "lateral"}
