import numpy as np
import pandas as pd
import pytest
from handmade import film, lay_out, options
from lung_films import dark_network, film_with_lungs

from pipeline.classifiers.lungs import lung_network
from pipeline.core.layout import Layout
from pipeline.core.parallel import open_executor
from pipeline.core.params import SegmentParams
from pipeline.core.schema import SEGMENT_SCHEMA
from pipeline.imaging.masks import decode_mask, mask_of_size
from pipeline.segment.find import find_lungs
from pipeline.segment.stage import run
from pipeline.segment.variants import dice
from sources.core.errors import UsageError
from sources.core.storage import read_table

PARAMS = SegmentParams()


def found_on(picture):
    return find_lungs(picture, lung_network("shipped", "whole"), PARAMS)


def segmented(tmp_path, *films, params=PARAMS, executor=None):
    layout = Layout.at(tmp_path)
    lay_out(layout, films, through="views")
    summary = run(layout, options(segment=params), executor)
    rows = read_table(layout.segment)
    assert list(rows.columns) == SEGMENT_SCHEMA.names
    return rows.astype(object).where(rows.notna(), None).to_dict("records"), summary


def test_the_shipped_network_finds_the_lungs_of_synthetic_films():
    scores = []
    for seed in range(500, 512):
        picture, lungs = film_with_lungs(seed, label=("normal", "covid")[seed % 2], age=(4, 30, 60)[seed % 3])
        found = found_on(picture)
        scores.append(dice(mask_of_size(found.mask, *picture.shape[::-1]) > 0, lungs))
        rows, columns = np.nonzero(lungs)
        inside = (columns >= found.box.left) & (columns < found.box.right) & (rows >= found.box.top)
        assert found.is_plausible and (inside & (rows < found.box.bottom)).mean() > 0.99
    assert np.mean(scores) > 0.95 and min(scores) > 0.9


def test_a_lung_that_leaves_the_picture_is_noted():
    picture, lungs = film_with_lungs(501)
    columns = np.flatnonzero(lungs.any(axis=0))
    assert not found_on(picture).is_cut
    assert found_on(np.ascontiguousarray(picture[:, columns[0] + 30 :])).is_cut


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((200, 200), np.uint8),
        np.full((200, 200), 255, np.uint8),
        np.random.default_rng(3).integers(0, 256, (300, 300)).astype(np.uint8),
        np.full((1, 1), 77, np.uint8),
        np.zeros((1, 900), np.uint8),
        np.tile(np.arange(64, dtype=np.uint8), (7, 1)),
    ],
    ids=["black", "white", "noise", "one pixel", "one row", "tiny"],
)
def test_without_plausible_lungs_the_box_is_the_whole_film(picture):
    found = found_on(picture)
    height, width = picture.shape
    assert (found.box.left, found.box.top, found.box.right, found.box.bottom) == (0, 0, width, height)
    assert found.reason is not None and found.reason.startswith("whole film: ")
    assert not found.is_plausible and not found.is_cut


def test_every_row_stays_and_only_films_that_are_not_excluded_are_looked_at(tmp_path):
    picture, _ = film_with_lungs(500)
    rows, summary = segmented(
        tmp_path,
        film(item_id="1", picture=picture),
        film(item_id="2", picture=np.zeros((90, 80), np.uint8)),
        film(item_id="3", picture=picture, excluded_by="views", reason="lateral film"),
        film(item_id="4", image=None),
    )
    assert [(row["item_id"], row["excluded_by"]) for row in rows] == [
        ("1", None),
        ("2", None),
        ("3", "views"),
        ("4", None),
    ]
    left, top, right, bottom = rows[0]["lung_box"]
    assert 0 < left < right < 380 and 0 <= top < bottom <= 400
    assert rows[0]["lung_reason"] is None and 0.9 < rows[0]["mask_quality"] <= 1 and not rows[0]["lungs_cut"]
    assert decode_mask(rows[0]["lung_mask"]).mean() == pytest.approx(rows[0]["lung_share"], abs=1e-4)
    assert (list(rows[1]["lung_box"]), rows[1]["lung_reason"]) == ([0, 0, 80, 90], "whole film: the film is uniform")
    for row in rows[2:]:
        assert {row[name] for name in SEGMENT_SCHEMA.names[2:8]} == {None}
    assert (
        str(summary)
        == "2 films, 1 with sure lungs, 0 with doubtful ones, 1 without a plausible mask, 0 with a cut lung"
    )


def test_a_data_set_without_a_film_has_an_empty_table(tmp_path):
    rows, summary = segmented(tmp_path)
    assert rows == [] and summary.films == 0


def test_the_result_does_not_depend_on_the_workers(tmp_path):
    films = [film(item_id=f"{seed}", picture=film_with_lungs(seed)[0]) for seed in range(520, 526)]
    tables = []
    for name, workers in (("one", 1), ("two", 2)):
        with open_executor(workers) as executor:
            segmented(tmp_path / name, *films, executor=executor)
        tables.append(Layout.at(tmp_path / name).segment.read_bytes())
    assert tables[0] == tables[1]


def test_a_mask_on_which_the_variants_differ_is_marked_for_review(tmp_path):
    picture, _ = film_with_lungs(500)
    (row,), summary = segmented(tmp_path, film(picture=picture), params=SegmentParams(min_quality=1.0))
    assert row["lung_reason"].startswith("doubtful mask: its variants agree by 0.9")
    assert list(row["lung_box"]) != [0, 0, 380, 400] and summary.doubtful == 1


def test_a_network_of_ones_own_finds_what_it_was_trained_for(tmp_path):
    place = dark_network(tmp_path / "dark.onnx", definitions=("visible",))
    picture = np.full((320, 320), 200, np.uint8)
    picture[60:260, 40:130] = picture[60:260, 190:280] = 10
    network = lung_network(place, "visible")
    assert network.probabilities([picture[::10, ::10]], "visible")[0, 16, 8] > 0.9
    found = find_lungs(picture, network, SegmentParams(network=place, definition="visible"))
    assert found.share > 0


def test_the_profile_refuses_a_range_that_holds_nothing():
    with pytest.raises(ValueError, match=r"min_share 0\.8 is not below max_share 0\.8"):
        SegmentParams(min_share=0.8)


def test_a_network_that_cannot_be_used_stops_the_stage_before_any_work(tmp_path):
    layout = Layout.at(tmp_path)
    lay_out(layout, [film()], through="views")
    with pytest.raises(UsageError, match="Cannot read the lung network"):
        run(layout, options(segment=SegmentParams(network=str(tmp_path / "none.onnx"))), None)
    assert not layout.segment.exists()


def test_missing_values_are_null_not_nan(tmp_path):
    segmented(tmp_path, film(item_id="1", image=None))
    table = read_table(Layout.at(tmp_path).segment)
    assert pd.isna(table["lung_share"]).all() and table["lung_box"].isna().all()
