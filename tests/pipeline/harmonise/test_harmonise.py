"""Histogram matching as a stage: which films, to what reference, written how."""

import hashlib

import numpy as np
import pytest
from handmade import draw, film, lay_out, table
from upath import UPath

from pipeline.core.layout import Layout
from pipeline.core.parallel import open_executor
from pipeline.core.params import HarmoniseParams, Params, SplitParams
from pipeline.harmonise.reference import choose_films, read_reference
from pipeline.harmonise.stage import run
from pipeline.imaging.histogram import apply_curve, cumulative, histogram
from pipeline.split.assignment import split_of
from sources.core.errors import CxnetError, UsageError
from sources.core.storage import read_table

COVID = [film("cohen", f"{number:02d}", draw(number), patient_id=f"p{number}") for number in range(12)]
NIH = [film("nih", f"{number:02d}", draw(100 + number), label="normal") for number in range(6)]
SEEN = [row for row in COVID if split_of(row["patient_id"], SplitParams()) != "test"]
UNSEEN = [row for row in COVID if row not in SEEN]


def params(**options):
    return Params(profile="test", harmonise=HarmoniseParams(**options))


def laid_out(root, rows):
    layout = Layout.at(UPath(root))
    lay_out(layout, rows)
    return layout


def curves(layout):
    found = read_table(layout.harmonise).dropna(subset=["tone_curve"])
    return dict(zip(zip(found["source"], found["item_id"], strict=True), found["tone_curve"], strict=True))


def mean_cdf(rows):
    pictures = [draw(int(row["item_id"])) for row in rows]
    return np.mean([cumulative(histogram(picture)) for picture in pictures], axis=0)


def test_only_the_chosen_sources_are_matched(tmp_path):
    layout = laid_out(tmp_path, COVID + NIH)
    assert str(run(layout, params(), None)) == f"6 films matched to the mean of {len(SEEN)} covid films"
    found = curves(layout)
    assert set(found) == {("nih", row["item_id"]) for row in NIH}
    assert all(len(curve) == 256 for curve in found.values())


def test_the_reference_is_the_mean_of_covid_films_and_never_holds_a_test_film(tmp_path):
    assert SEEN and UNSEEN
    layout = laid_out(tmp_path, COVID + NIH)
    run(layout, params(), None)
    reference = read_reference(layout)
    assert (reference.kind, reference.films) == ("covid_mean", len(SEEN))
    assert np.allclose(reference.cdf, mean_cdf(SEEN), atol=1e-12)
    assert not np.allclose(reference.cdf, mean_cdf(COVID), atol=1e-3)


@pytest.mark.parametrize(
    "change",
    [{"excluded_by": "views"}, {"label": "cap"}, {"pediatric": True}, {"age": 7.0}, {"source": "nih"}],
    ids=str,
)
def test_films_that_the_data_set_does_not_use_are_no_reference(change):
    rows = table([*SEEN, {**SEEN[0], "item_id": "99", **change}])
    assert len(choose_films(rows, HarmoniseParams(), SplitParams())) == len(SEEN)


def test_external_films_are_no_reference():
    rows = table([*SEEN, film("hannover", "1")])
    assert len(choose_films(rows, HarmoniseParams(), SplitParams(external=("hannover",)))) == len(SEEN)


def test_a_matched_film_has_nearly_the_histogram_of_the_reference(tmp_path):
    layout = laid_out(tmp_path, COVID + NIH)
    run(layout, params(), None)
    reference = read_reference(layout)
    for row, number in zip(NIH, range(6), strict=True):
        picture = draw(100 + number)
        curve = np.frombuffer(curves(layout)["nih", row["item_id"]], np.uint8)
        before = np.abs(cumulative(histogram(picture)) - reference.cdf).mean()
        after = np.abs(cumulative(histogram(apply_curve(picture, curve))) - reference.cdf).mean()
        assert after < 0.01 < before


def test_the_reference_is_recorded_by_hash_in_the_rows_that_use_it(tmp_path):
    layout = laid_out(tmp_path, COVID + NIH)
    run(layout, params(), None)
    found = read_table(layout.harmonise)
    assert (found["tone_reference"].notna() == found["tone_curve"].notna()).all()
    assert set(found["tone_reference"].dropna()) == {read_reference(layout).sha256}


def test_one_film_can_be_the_reference_and_is_itself_unchanged(tmp_path):
    layout = laid_out(tmp_path, COVID + NIH)
    chosen = SEEN[0]
    options = params(reference="image", reference_image=chosen["image_id"], sources=("nih", "cohen"))
    assert str(run(layout, options, None)) == "18 films matched to one film"
    picture = draw(int(chosen["item_id"]))
    curve = np.frombuffer(curves(layout)["cohen", chosen["item_id"]], np.uint8)
    assert (apply_curve(picture, curve) == picture).all()


@pytest.mark.parametrize(
    ("image_id", "message"),
    [
        (None, "is empty"),
        ("0" * 64, "is not a film of this data set"),
        (UNSEEN[0]["image_id"], "belongs to the test split"),
        (hashlib.sha256(b"cohen/50").hexdigest(), r"is excluded \(lateral\)"),
    ],
)
def test_an_unusable_reference_film_is_refused(tmp_path, image_id, message):
    rows = [*COVID, film("cohen", "50", draw(50), excluded_by="views", reason="lateral")]
    with pytest.raises(UsageError, match=message):
        run(laid_out(tmp_path, rows), params(reference="image", reference_image=image_id), None)


def test_a_film_that_a_person_keeps_gets_its_curve_and_its_row_stays_the_same(tmp_path):
    layout = laid_out(tmp_path, [*COVID, film("nih", "9", label="normal", excluded_by="views", reason="lateral")])
    layout.decisions.parent.mkdir(parents=True)
    image_id = hashlib.sha256(b"nih/9").hexdigest()
    header = "image_id,decision,field,value,who,when,why\n"
    layout.decisions.write_text(f"{header}{image_id},keep,,,ana,2020-06-24,frontal\n")
    run(layout, params(), None)
    assert ("nih", "9") in curves(layout)
    assert read_table(layout.harmonise)["excluded_by"].dropna().tolist() == ["views"]


def test_without_a_reference_film_nothing_is_matched_and_a_warning_is_logged(tmp_path, caplog):
    layout = laid_out(tmp_path, NIH)
    assert str(run(layout, params(), None)) == "0 films matched: no reference"
    assert "no covid film" in caplog.text
    assert curves(layout) == {}
    assert read_reference(layout) is None


def test_where_nothing_is_to_be_matched_no_reference_is_missed(tmp_path, caplog):
    layout = laid_out(tmp_path, [film("hannover", "1", label=None), film("hannover", "2", label="other")])
    assert str(run(layout, params(), None)) == "0 films matched: no reference"
    assert caplog.text == ""
    assert len(read_table(layout.harmonise)) == 2


def test_films_without_a_label_make_no_reference(tmp_path):
    unlabeled = [film("hannover", f"u{number}", label=None) for number in range(3)]
    with_them, without = laid_out(tmp_path / "a", [*COVID, *NIH, *unlabeled]), laid_out(tmp_path / "b", [*COVID, *NIH])
    for layout in (with_them, without):
        run(layout, params(), None)
    assert read_reference(with_them).sha256 == read_reference(without).sha256


def test_an_empty_pool_is_an_empty_table(tmp_path):
    layout = laid_out(tmp_path, [])
    assert str(run(layout, params(), None)) == "0 films matched: no reference"
    assert len(read_table(layout.harmonise)) == 0


def test_workers_and_a_second_run_give_the_same_bytes(tmp_path):
    layout = laid_out(tmp_path, COVID + NIH)
    run(layout, params(), None)
    first = layout.harmonise.read_bytes()
    with open_executor(2) as executor:
        run(layout, params(), executor)
    assert layout.harmonise.read_bytes() == first


def test_an_unknown_source_is_refused_with_the_list(tmp_path):
    with pytest.raises(UsageError, match=r"Unknown source in harmonise.sources 'nhi'; expected one of: .*nih"):
        run(laid_out(tmp_path, COVID + NIH), params(sources=("nhi",)), None)


def test_a_damaged_pool_picture_is_named_in_the_error(tmp_path):
    damaged = film("nih", "1", label="normal", image={"bytes": b"no picture", "path": "film.png"})
    with pytest.raises(CxnetError, match="stored picture of nih/1 is damaged"):
        run(laid_out(tmp_path, [*COVID, damaged]), params(), None)
