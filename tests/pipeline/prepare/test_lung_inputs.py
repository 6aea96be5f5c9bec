"""Inputs of the lungs: cropped to the box that segment found, with the mask laid over exactly what is shown."""

import numpy as np
import pytest
from handmade import film, options
from hypothesis import given, settings
from hypothesis import strategies as st
from lung_films import BLOBS, ellipses, film_with_lungs
from split_films import laid_out

from pipeline.classifiers.lungs import lung_network
from pipeline.core.experiments import Inputs
from pipeline.core.params import PrepareParams, SegmentParams
from pipeline.imaging.masks import LungBox, encode_mask, mask_of_part
from pipeline.prepare.arrays import read_arrays
from pipeline.prepare.inputs import as_shown, mask_of_input, to_input
from pipeline.prepare.stage import run
from pipeline.segment.find import find_lungs
from sources.core.errors import CxnetError
from training.core.model_file import ModelRecord
from training.predict.predictor import Predictor

SIZE = 64
PHANTOM, LUNGS = film_with_lungs(4, height=300, width=360)
BOX = (40, 30, 320, 280)
WHOLE = "whole film: 1 part, not two lungs"


def row(item_id, **values):
    return film("nih", item_id, PHANTOM, label="normal", patient_id=f"p{item_id}", **values)


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    """Films with plausible lungs, with a mask that is none, and without any mask."""
    mask = encode_mask(ellipses(*BLOBS))
    rows = [
        row("1", lung_box=BOX, lung_mask=mask, lung_share=0.2),
        row("2", lung_box=(0, 0, 360, 300), lung_mask=mask, lung_reason=WHOLE),
        row("3"),
    ]
    layout = laid_out(tmp_path_factory.mktemp("lungs"), rows)
    for name in (f"{SIZE}_lungs", str(SIZE)):
        run(layout, options(prepare=PrepareParams()), None, name)
    return layout


def test_a_film_is_cropped_to_its_lungs_before_all_else(layout):
    arrays = read_arrays(layout, f"{SIZE}_lungs")
    cropped = to_input(PHANTOM[30:280, 40:320], None, SIZE, PrepareParams())
    whole = to_input(PHANTOM, None, SIZE, PrepareParams())
    assert (arrays.images[0] == cropped).all() and not (cropped == whole).all()
    assert (arrays.images[1] == whole).all() and (arrays.images[2] == whole).all()
    assert arrays.rows["lung_reason"].fillna("").tolist() == ["", WHOLE, ""]


def test_masks_lie_on_what_is_shown_and_are_empty_where_none_is_plausible(layout):
    cropped, whole = read_arrays(layout, f"{SIZE}_lungs"), read_arrays(layout, str(SIZE))
    assert whole.mask(0).shape == (SIZE, SIZE) and whole.mask(0).mean() == pytest.approx(
        ellipses(*BLOBS).mean(), abs=0.01
    )
    assert cropped.mask(0).mean() > 1.3 * whole.mask(0).mean()
    assert not any(arrays.mask(place).any() for arrays in (cropped, whole) for place in (1, 2))


def test_the_summary_and_the_record_say_what_is_shown(layout):
    assert str(run(layout, options(prepare=PrepareParams()), None, f"{SIZE}_lungs")).endswith(", lungs")
    stated = read_arrays(layout, f"{SIZE}_lungs").inputs
    assert (stated["region"], stated["lungs"]["definition"], len(stated["lungs"]["network_sha256"])) == (
        "lungs",
        "whole",
        64,
    )
    assert "lungs" not in read_arrays(layout, str(SIZE)).inputs


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data[:-1] + b"\x01", lambda data: b""])
def test_damaged_masks_are_named(layout, change):
    path = layout.arrays(str(SIZE)) / "masks.npy"
    good = path.read_bytes()
    path.write_bytes(change(good))
    try:
        with pytest.raises(CxnetError, match=r"masks\.npy .*run .*prepare"):
            read_arrays(layout, str(SIZE))
    finally:
        path.write_bytes(good)


@given(
    st.integers(20, 300), st.integers(20, 300), st.sampled_from(["stretch", "pad"]), st.sampled_from(["film", "lungs"])
)
@settings(deadline=None, max_examples=40)
def test_a_mask_is_treated_as_the_pixels_are(width, height, aspect, region):
    """A film that is bright where its lungs are has an input that is bright where its mask is."""
    mask, params = ellipses(*BLOBS), PrepareParams(aspect=aspect)
    lungs = LungBox(width // 10, height // 8, width - width // 9, height)
    picture = mask_of_part(mask, LungBox.whole(width, height), (width, height), (width, height))
    inputs = Inputs(96, region)
    shown = to_input(as_shown(picture, inputs, lungs), None, 96, params)[..., 2] > 127
    laid = mask_of_input(mask, picture, inputs, lungs, params)
    assert (shown != laid).mean() < 0.12 * (100 / min(width, height, 100))


def test_prediction_finds_and_crops_lungs_as_training_did(layout):
    segment = SegmentParams()
    box = find_lungs(PHANTOM, lung_network(segment.network, segment.definition), segment).box
    assert box != LungBox.whole(360, 300)
    stated = read_arrays(layout, f"{SIZE}_lungs").inputs
    record = ModelRecord.model_construct(size=SIZE, inputs=stated)
    made = Predictor(None, record, None, None).to_input(PHANTOM)
    assert np.array_equal(made, to_input(box.of(PHANTOM), None, SIZE, PrepareParams()))
