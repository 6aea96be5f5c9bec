import numpy as np
import pytest
from handmade import film, lay_out, options
from phantoms import drawn, page_of_text

from pipeline.core.layout import Layout
from pipeline.core.parallel import open_executor
from pipeline.core.params import ViewsParams
from pipeline.core.schema import VIEWS_SCHEMA
from pipeline.views.stage import run, verdict
from sources.core.storage import read_table

SURE_FRONTAL, SURE_LATERAL = np.array([0.98, 0.01, 0.01]), np.array([0.01, 0.98, 0.01])
PARAMS = ViewsParams()


def judged(tmp_path, *films, params=PARAMS):
    layout = Layout.at(tmp_path)
    lay_out(layout, films, through="dedupe")
    run(layout, options(views=params), None)
    rows = read_table(layout.views)
    assert list(rows.columns) == VIEWS_SCHEMA.names
    return rows.astype(object).where(rows.notna(), None).to_dict("records")


def test_films_are_judged_by_word_and_picture(tmp_path):
    rows = judged(
        tmp_path,
        film(item_id="1", picture=drawn("frontal", 1), view="PA"),
        film(item_id="2", picture=drawn("frontal", 2), view="unknown"),
        film(item_id="3", picture=drawn("lateral", 3), view="unknown"),
        film(item_id="4", picture=drawn("ct", 4), view="CT"),
        film(item_id="5", picture=page_of_text(), view="unknown"),
    )
    assert [(row["view"], row["view_source"], row["view_class"]) for row in rows] == [
        ("PA", "metadata", "frontal"),
        ("unknown", "model", "frontal"),
        ("L", "model", "lateral"),
        ("CT", "metadata", "other"),
        ("OTHER", "model", "other"),
    ]
    assert [row["reason"] and row["reason"].partition(" (")[0] for row in rows] == [
        *(None, None, "lateral film", "CT slice", "not a chest film"),
    ]


def test_a_picture_that_contradicts_its_source_is_left_to_a_person(tmp_path):
    (row,) = judged(tmp_path, film(picture=drawn("lateral", 7), view="PA"))
    assert (row["view"], row["excluded_by"]) == ("PA", "views")
    assert row["reason"].startswith("view disputed: the source says PA, the picture looks lateral (")
    assert row["view_review"] in row["reason"]


def test_rows_without_a_picture_keep_what_the_source_says():
    assert verdict("L", None, PARAMS) == {"view": "L", "view_source": "metadata"}
    assert verdict(None, None, PARAMS) == {"view": "unknown", "view_source": None}


@pytest.mark.parametrize(
    ("view", "scores", "why", "review"),
    [
        ("PA", SURE_FRONTAL, None, None),
        ("L", SURE_FRONTAL, "lateral film (metadata)", "the source says L, the picture looks frontal (0.98)"),
        ("PA", np.array([0.3, 0.6, 0.1]), None, None),
        ("PA", SURE_LATERAL, "view disputed: ", "the source says PA, the picture looks lateral (0.98)"),
        ("unknown", SURE_FRONTAL, None, None),
        ("unknown", np.array([0.45, 0.3, 0.25]), "not surely a frontal film", "the picture alone tells the view"),
        ("unknown", np.array([0.7, 0.05, 0.25]), "not surely a frontal film", "the picture alone tells the view"),
        ("unknown", np.array([0.8, 0.1, 0.1]), None, "the picture alone tells the view"),
        ("unknown", np.array([0.3, 0.1, 0.6]), "not a chest film (picture, 0.60)", "the picture alone tells the view"),
    ],
)
def test_verdicts(view, scores, why, review):
    found = verdict(view, scores, PARAMS)
    assert (found.get("why") or "").startswith(why or "") and bool(found.get("why")) == bool(why)
    assert (found.get("view_review") or "").startswith(review or "") and bool(found.get("view_review")) == bool(review)


def test_what_is_not_surely_frontal_is_neither_called_so_nor_lateral():
    found = verdict("unknown", np.array([0.7, 0.2, 0.1]), PARAMS)
    assert (found["view"], found["view_class"], found["view_score"]) == ("unknown", "lateral", 0.2)
    assert found["why"] == "not surely a frontal film (picture, 0.70)"
    assert found["view_review"] == "the picture alone tells the view, and not surely: frontal (0.70)"


def test_ap_and_pa_are_never_guessed():
    assert verdict("unknown", SURE_FRONTAL, PARAMS)["view"] == "unknown"


def test_a_profile_may_keep_laterals():
    found = verdict("L", SURE_LATERAL, ViewsParams(keep=("PA", "AP", "L")))
    assert found.get("why") is None


def test_earlier_exclusions_stand(tmp_path):
    (row,) = judged(tmp_path, film(picture=drawn("ct", 9), view="CT", excluded_by="dedupe", reason="duplicate of x"))
    assert (row["excluded_by"], row["reason"]) == ("dedupe", "duplicate of x")


def test_workers_do_not_change_the_table(tmp_path):
    films = [film(item_id=str(n), picture=drawn("frontal", n), view="unknown") for n in range(7)]
    layout = Layout.at(tmp_path)
    lay_out(layout, films, through="dedupe")
    run(layout, options(views=PARAMS), None)
    alone = layout.views.read_bytes()
    with open_executor(2) as executor:
        run(layout, options(views=PARAMS), executor)
    assert layout.views.read_bytes() == alone
