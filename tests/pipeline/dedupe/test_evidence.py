import numpy as np
import pandas as pd
import pytest
from exposures import cropped, draw_exposure

from pipeline.core.schema import DUPLICATES_SCHEMA
from pipeline.dedupe.alignment import Change
from pipeline.dedupe.evidence import IDENTITY, LISTED_COPIES, Evidence, duplicates_table, pairs_of_rows
from pipeline.dedupe.films import FilmStore, measure
from pipeline.dedupe.proof import prove
from pipeline.dedupe.verdicts import ProvenPair, Verdicts


def rows_of(image_ids, width=320):
    names = [str(place) for place in range(len(image_ids))]
    table = {"source": "cohen", "item_id": names, "image_id": image_ids, "width": width, "inverted": False}
    return pd.DataFrame(table | {"cluster_id": "cohen/0"})


@pytest.fixture(scope="module")
def films():
    exposure = draw_exposure(5, side=320)
    with FilmStore(2) as store:
        yield store.extend([measure(exposure), measure(cropped(exposure))])


@pytest.fixture(scope="module")
def proof(films):
    return prove(films[0], films[1], Change())


def test_evidence_in_the_other_order_has_the_inverse_transform(proof):
    evidence = Evidence.of_proof(proof, "cropped", "features")
    turned = evidence.reversed()
    assert (turned.a_overlap, turned.b_overlap) == (evidence.b_overlap, evidence.a_overlap)
    assert (turned.kind, turned.net, turned.similarity) == ("cropped", "features", evidence.similarity)
    matrices = [np.vstack([np.reshape(some.transform, (2, 3)), [0, 0, 1]]) for some in (evidence, turned)]
    np.testing.assert_allclose(matrices[0] @ matrices[1], np.eye(3), atol=1e-6)


def test_copies_of_two_proven_films_are_all_paired(films, proof):
    rows, film_of = rows_of(["x", "y", "x", "z"]), pd.Series([0, 1, 0, 0])
    pairs = pairs_of_rows(rows, film_of, films, Verdicts({(0, 1): ProvenPair(proof, "hash")}))
    kinds = {pair: evidence.kind for pair, evidence in pairs.items()}
    assert kinds == {
        (0, 1): "cropped", (0, 2): "bytes", (0, 3): "pixels", (1, 2): "cropped", (1, 3): "cropped", (2, 3): "pixels",
    }  # fmt: skip
    assert pairs[0, 2].transform == IDENTITY
    assert pairs[1, 2] == pairs[0, 1].reversed()


def test_of_very_many_identical_rows_only_some_are_listed(films):
    count = LISTED_COPIES + 20
    pairs = pairs_of_rows(rows_of(["x"] * count), pd.Series([0] * count), films, Verdicts())
    assert len(pairs) == LISTED_COPIES * (LISTED_COPIES - 1) // 2


def test_the_table_names_both_rows_of_each_pair(films):
    rows = rows_of(["x", "x", "x"])
    rows.loc[2, "cluster_id"] = "cohen/2"
    table = duplicates_table(rows, pairs_of_rows(rows, pd.Series([0, 0, 0]), films, Verdicts()))
    assert list(table.columns) == DUPLICATES_SCHEMA.names
    assert table[["a_item_id", "b_item_id"]].values.tolist() == [["0", "1"], ["0", "2"], ["1", "2"]]
    assert table["same_cluster"].tolist() == [True, False, False]
    assert set(table["overlap"]) == {1.0}
