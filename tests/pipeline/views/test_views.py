import numpy as np
import pytest
from handmade import film, lay_out, options
from phantoms import page_of_text, phantom

from pipeline.core.layout import Layout
from pipeline.core.parallel import open_executor
from pipeline.core.params import ViewsParams
from pipeline.core.schema import VIEWS_SCHEMA
from pipeline.views.stage import run
from pipeline.views.verdict import Verdict, verdict
from sources.core.storage import read_table

SURE_FRONTAL, SURE_LATERAL = np.array([0.98, 0.01, 0.01]), np.array([0.01, 0.98, 0.01])
PARAMS = ViewsParams()
DISPUTED = "the source states PA, the picture looks lateral (0.98)"
UNCERTAIN = "the view comes from the picture alone and is uncertain"


def classified(tmp_path, *films, params=PARAMS):
    layout = Layout.at(tmp_path)
    lay_out(layout, films, through="dedupe")
    run(layout, options(views=params), None)
    rows = read_table(layout.views)
    assert list(rows.columns) == VIEWS_SCHEMA.names
    return rows.astype(object).where(rows.notna(), None).to_dict("records")


def test_the_source_comes_first_and_the_picture_second(tmp_path):
    rows = classified(
        tmp_path,
        film(item_id="1", picture=phantom("frontal", 1), view="PA"),
        film(item_id="2", picture=phantom("frontal", 2), view="unknown"),
        film(item_id="3", picture=phantom("lateral", 3), view="unknown"),
        film(item_id="4", picture=phantom("ct", 4), view="CT"),
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


def test_a_film_whose_picture_contradicts_its_source_is_left_to_a_person(tmp_path):
    (row,) = classified(tmp_path, film(picture=phantom("lateral", 7), view="PA"))
    assert (row["view"], row["excluded_by"]) == ("PA", "views")
    assert row["reason"].startswith("view disputed: the source states PA, the picture looks lateral (")
    assert row["view_review"] in row["reason"]


@pytest.mark.parametrize("subject", ["CT", "modality US", "another part of the body", "an animal"])
def test_a_file_that_says_that_it_shows_no_chest_film_is_none(tmp_path, subject):
    films = [
        film(item_id=name, picture=phantom("frontal", 1), view=view, file_subject=subject)
        for name, view in (("1", "unknown"), ("2", "PA"), ("3", "L"), ("4", "OTHER"))
    ]
    unknown, *disputed, other = classified(tmp_path, *films)
    view = "CT" if subject == "CT" else "OTHER"
    name = "CT slice" if subject == "CT" else "not a chest film"
    assert (unknown["view"], unknown["view_source"], unknown["view_class"]) == (view, "metadata", "frontal")
    assert (unknown["excluded_by"], unknown["reason"]) == ("views", f"{name} (the file says: {subject})")
    assert other["reason"] == f"not a chest film (the file says: {subject})"
    for row, stated in zip(disputed, ("PA", "L"), strict=True):
        assert row["view_review"] == f"the source states {stated}, the file says: {subject}"
        assert (row["view"], row["reason"]) == (stated, f"view disputed: {row['view_review']}")


def test_the_profile_may_keep_what_its_file_says_to_be_no_chest_film(tmp_path):
    films = [
        film(item_id=each, picture=phantom("frontal", 1), view="unknown", file_subject=each)
        for each in ("CT", "an animal")
    ]
    kept = classified(tmp_path, *films, params=ViewsParams(keep=("CT", "OTHER")))
    assert [(row["view"], row["excluded_by"]) for row in kept] == [("CT", None), ("OTHER", None)]


def test_rows_without_a_picture_keep_the_view_of_their_source():
    assert verdict("L", None, PARAMS) == Verdict("L", "metadata")
    assert verdict(None, None, PARAMS) == Verdict("unknown")


@pytest.mark.parametrize(
    ("view", "scores", "reason", "review"),
    [
        ("PA", SURE_FRONTAL, None, None),
        ("L", SURE_FRONTAL, "lateral film (metadata)", "the source states L, the picture looks frontal (0.98)"),
        ("PA", np.array([0.3, 0.6, 0.1]), None, None),
        ("PA", SURE_LATERAL, f"view disputed: {DISPUTED}", DISPUTED),
        ("unknown", SURE_FRONTAL, None, None),
        (
            "unknown",
            np.array([0.45, 0.3, 0.25]),
            "not certain to be a frontal film (picture, 0.45)",
            f"{UNCERTAIN}: frontal (0.45)",
        ),
        (
            "unknown",
            np.array([0.7, 0.05, 0.25]),
            "not certain to be a frontal film (picture, 0.70)",
            f"{UNCERTAIN}: frontal (0.70)",
        ),
        ("unknown", np.array([0.8, 0.1, 0.1]), None, f"{UNCERTAIN}: frontal (0.80)"),
        ("unknown", np.array([0.3, 0.1, 0.6]), "not a chest film (picture, 0.60)", f"{UNCERTAIN}: other (0.60)"),
    ],
)
def test_verdicts(view, scores, reason, review):
    result = verdict(view, scores, PARAMS)
    assert (result.reason, result.view_review) == (reason, review)


def test_a_film_that_is_not_certainly_frontal_has_an_unknown_view():
    result = verdict("unknown", np.array([0.7, 0.2, 0.1]), PARAMS)
    assert (result.view, result.view_class, result.view_score) == ("unknown", "lateral", 0.2)
    assert result.reason == "not certain to be a frontal film (picture, 0.70)"


def test_ap_and_pa_are_never_guessed():
    assert verdict("unknown", SURE_FRONTAL, PARAMS).view == "unknown"


def test_a_profile_may_exclude_frontal_films_of_unknown_projection():
    result = verdict("unknown", SURE_FRONTAL, ViewsParams(keep=("PA", "AP")))
    assert result.reason == "frontal film, projection unknown (picture, 0.98)"


def test_a_profile_may_keep_laterals():
    assert verdict("L", SURE_LATERAL, ViewsParams(keep=("PA", "AP", "L"))).reason is None


def test_earlier_exclusions_stand(tmp_path):
    (row,) = classified(
        tmp_path, film(picture=phantom("ct", 9), view="CT", excluded_by="dedupe", reason="duplicate of x")
    )
    assert (row["excluded_by"], row["reason"]) == ("dedupe", "duplicate of x")


def test_workers_do_not_change_the_table(tmp_path):
    films = [film(item_id=str(n), picture=phantom("frontal", n), view="unknown") for n in range(7)]
    layout = Layout.at(tmp_path)
    lay_out(layout, films, through="dedupe")
    run(layout, options(views=PARAMS), None)
    alone = layout.views.read_bytes()
    with open_executor(2) as executor:
        run(layout, options(views=PARAMS), executor)
    assert layout.views.read_bytes() == alone
