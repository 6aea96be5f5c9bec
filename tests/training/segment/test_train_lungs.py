import json

import cv2
import numpy as np
import pandas as pd
import pytest
from handmade import film, lay_out, options
from lung_films import film_with_lungs

from pipeline.classifiers.lungs import lung_network
from pipeline.core.layout import Layout
from pipeline.core.params import IngestParams, LungsParams
from sources.core.errors import CxnetError
from sources.core.storage import write_table
from sources.download.masks import MASK_SCHEMA
from training.segment.source_masks import read_source_films
from training.segment.stage import run

TINY = LungsParams(size=32, filters=(2, 4), epochs=2, batch_size=4, held_out=0.3)
SOURCE = "tuberculosis"


def halves(mask):
    """The two lungs as masks of their own, as Montgomery has them."""
    left, right = mask.copy(), mask.copy()
    left[:, : mask.shape[1] // 2] = right[:, mask.shape[1] // 2 :] = False
    return left, right


def png(mask):
    return cv2.imencode(".png", np.where(mask, 255, 0).astype(np.uint8))[1].tobytes()


def published(tmp_path, films, masks):
    """A run up to dedupe of ``films``; ``masks``: item_id -> files of its masks, None for one that was not fetched."""
    layout = Layout.at(tmp_path)
    lay_out(layout, films, through="dedupe")
    rows = []
    for item_id, files in masks.items():
        for number, data in enumerate(files):
            place = f"files/{item_id}-{number}.png"
            rows.append({"source": SOURCE, "item_id": item_id, "file": place if data is not None else None})
            if data is not None:
                path = layout.raw / SOURCE / place
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
    columns = {name: [row.get(name) for row in rows] for name in MASK_SCHEMA.names}
    write_table(layout.raw / SOURCE / "masks.parquet", pd.DataFrame(columns, dtype=object), MASK_SCHEMA)
    return layout


def chest(seed, **values):
    picture, lungs = film_with_lungs(seed, 90, 80)
    return film(SOURCE, f"film{seed}", picture, patient_key=f"p{seed}", **values), lungs


def many(tmp_path, count=10):
    chests = [chest(seed) for seed in range(count)]
    masks = {row["item_id"]: [png(half) for half in halves(lungs)] for row, lungs in chests}
    return published(tmp_path, [row for row, _ in chests], masks)


def test_the_masks_of_both_lungs_are_one_and_lie_on_the_film(tmp_path):
    layout = many(tmp_path, 1)
    (found,) = read_source_films(layout, "visible", 200, IngestParams())
    assert np.array_equal(found.film.masks["visible"] > 0, film_with_lungs(0, 90, 80)[1])
    assert (found.film.picture.shape, found.patient) == ((90, 80), "p0")


def test_the_mask_of_a_film_that_was_set_upright_is_turned_as_well(tmp_path):
    row, lungs = chest(3, rotation=90)
    layout = published(tmp_path, [row], {"film3": [png(np.rot90(lungs, -1))]})
    (found,) = read_source_films(layout, "whole", 200, IngestParams())
    assert np.array_equal(found.film.masks["whole"] > 0, lungs)


def test_a_film_without_all_its_masks_is_left_out_and_counted(tmp_path, caplog):
    films = [chest(seed)[0] for seed in range(5)] + [chest(5, excluded_by="dedupe", reason="copy")[0]]
    lungs = {f"film{seed}": film_with_lungs(seed, 90, 80)[1] for seed in range(6)}
    masks = {name: [png(mask)] for name, mask in lungs.items()}
    masks["film1"] = [png(lungs["film1"]), None]
    masks["film2"] = [b"no picture"]
    masks["film3"] = [png(lungs["film3"][:-1])]
    masks["gone"] = [png(lungs["film1"])]
    found = read_source_films(published(tmp_path, films, masks), "whole", 200, IngestParams())
    assert [each.patient for each in found] == ["p0", "p4"]
    assert [record.message.split(":")[0] for record in caplog.records] == ["2 films left out"]


def test_without_masks_there_is_one_sentence(tmp_path):
    layout = published(tmp_path, [chest(0)[0]], {})
    with pytest.raises(CxnetError, match=r"has no film with a lung mask; add a source that publishes masks"):
        run(layout, options(lungs=TINY))


def test_a_single_patient_cannot_train_and_judge(tmp_path):
    with pytest.raises(CxnetError, match="1 film with a mask: too few patients"):
        run(many(tmp_path, 1), options(lungs=TINY))


@pytest.mark.parametrize("network", ["unet", "lung_net"])
def test_training_writes_a_network_that_the_stage_segment_can_use(tmp_path, network):
    layout = many(tmp_path)
    summary = run(layout, options(lungs=TINY.model_copy(update={"network": network})))
    folder = layout.model("lungs")
    assert sorted(path.name for path in folder.iterdir()) == ["history.csv", "lungs.onnx", "model.keras", "params.json"]
    loaded = lung_network(str(folder / "lungs.onnx"), "visible")
    assert (loaded.facts.size, loaded.facts.definitions) == (32, ("visible",))
    record = json.loads((folder / "params.json").read_text())
    assert record["options"]["network"] == network and record["result"] == summary.numbers()
    assert summary.films + summary.judged == 10 and min(summary.films, summary.judged) > 0
    assert 0 <= summary.dice <= 1
    assert len((folder / "history.csv").read_text().splitlines()) == 3


@pytest.mark.parametrize(("network", "size"), [("unet", 321), ("unet", 40), ("lung_net", 48)])
def test_a_size_that_the_network_cannot_halve_is_refused(network, size):
    with pytest.raises(ValueError, match="is no multiple of"):
        LungsParams(network=network, size=size)
