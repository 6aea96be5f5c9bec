import hashlib

import cv2
import pandas as pd
import pytest
from exposures import CHANGES, annotated, cropped, draw_exposure, inverted, jpeg, mirrored, resized
from handmade import film, lay_out, options

from pipeline.core.layout import Layout
from pipeline.core.parallel import open_executor
from pipeline.core.params import DedupeParams
from pipeline.core.schema import CONFLICTS_SCHEMA, DEDUPE_SCHEMA, DUPLICATES_SCHEMA
from pipeline.dedupe.stage import DedupeSummary, run
from sources.core.storage import read_table

PARAMS = DedupeParams()


def row(source, item_id, picture, **values):
    """A pool row as ingest leaves it."""
    sums = {"pixel_sha256": hashlib.sha256(picture.tobytes()).hexdigest(), "text_share": 0.0, "format": "PNG"}
    return film(source, item_id, picture, **(sums | {"view_source": None} | values))


def deduped(tmp_path, rows, executor=None):
    layout = Layout.at(tmp_path)
    lay_out(layout, rows, through=None)
    for name in ("dedupe", "views", "segment", "harmonise"):
        getattr(layout, name).unlink()
    summary = run(layout, options(dedupe=PARAMS), executor)
    table = read_table(layout.dedupe)
    return summary, table.set_index(table["source"] + "/" + table["item_id"]), read_table(layout.duplicates), layout


@pytest.fixture(scope="module")
def pool_rows():
    """Twelve rows: one exposure in seven copies, a follow-up film of the patient, and others."""
    first, follow_up, other = draw_exposure(1, patient=3), draw_exposure(2, patient=3), draw_exposure(9)
    copies = {name: change(first) for name, change in CHANGES.items()}
    rows = [row("cohen", "original", first, patient_id="cohen/1", label="covid", width=640, height=640)]
    rows += [row("cxnet", name, copy, patient_id=None, label="covid") for name, copy in copies.items()]
    rows.append(row("cxnet", "twin", first, patient_id="cxnet/8", label="cap", image_id=rows[0]["image_id"]))
    rows.append(row("hannover", "follow_up", follow_up, patient_id="hannover/4"))
    rows.append(row("nih", "other", other, patient_id="nih/1"))
    rows.append(row("nih", "gone", other, excluded_by="ingest", reason="damaged"))
    return rows


@pytest.fixture(scope="module")
def outcome(pool_rows, tmp_path_factory):
    return deduped(tmp_path_factory.mktemp("dedupe"), pool_rows)


def test_all_copies_are_in_one_cluster_and_nothing_else_is(outcome):
    _, table, _, _ = outcome
    assert set(table.index[table["cluster_id"].notna()]) == {
        "cohen/original", "cxnet/twin", *(f"cxnet/{name}" for name in CHANGES),
    }  # fmt: skip
    assert table["cluster_id"].nunique() == 1


def test_the_best_film_stays_and_the_others_name_it(outcome):
    summary, table, _, _ = outcome
    copies = table[table["excluded_by"] == "dedupe"]
    assert len(copies) == 8
    assert table.loc["cohen/original", "excluded_by"] is pd.NA
    assert set(copies["duplicate_of"]) == {"cohen/original"}
    assert copies.loc["cxnet/cropped", "reason"].startswith("duplicate of cohen/original (cropped, ")
    assert summary == DedupeSummary(rows=12, clustered=9, clusters=1, excluded=8)
    assert str(summary) == "12 rows, 9 in 1 cluster, 8 excluded"


def test_kinds_are_named(outcome):
    _, table, _, _ = outcome
    kinds = {name: table.loc[f"cxnet/{name}", "duplicate_kind"] for name in CHANGES}
    assert kinds == {name: name for name in CHANGES}
    assert table.loc["cxnet/twin", "duplicate_kind"] == "bytes"


def test_every_pair_of_the_cluster_is_listed_with_its_evidence(outcome):
    _, _, pairs, _ = outcome
    assert len(pairs) == 9 * 8 // 2
    assert pairs["same_cluster"].all()
    assert pairs["similarity"].between(PARAMS.similarity, 1).all()
    assert pairs["overlap"].between(0.5, 1).all()
    assert all(len(matrix) == 6 for matrix in pairs["transform"])
    assert set(pairs["net"]) <= {"bytes", "pixels", "hash", "features", "features+hash", "chain"}


def test_a_row_excluded_by_ingest_is_ignored(outcome):
    _, table, _, _ = outcome
    assert table.loc["nih/gone", ["excluded_by", "reason"]].tolist() == ["ingest", "damaged"]
    assert pd.isna(table.loc["nih/gone", "phash"])


def test_patients_are_linked_and_conflicts_listed(outcome):
    _, table, _, layout = outcome
    assert table.loc["cxnet/twin", "patient_key"] == table.loc["cxnet/cropped", "patient_key"] == "cohen/1"
    assert table.loc["hannover/follow_up", "patient_key"] == "hannover/4"
    conflicts = read_table(layout.conflicts)
    assert conflicts[["column", "a_value", "b_value"]].values.tolist() == [["label", "covid", "cap"]]


def test_tables_have_their_schemas(outcome):
    _, _, _, layout = outcome
    for path, schema in (
        (layout.dedupe, DEDUPE_SCHEMA), (layout.duplicates, DUPLICATES_SCHEMA), (layout.conflicts, CONFLICTS_SCHEMA),
    ):  # fmt: skip
        assert list(read_table(path).columns) == schema.names


def test_workers_change_no_byte(pool_rows, outcome, tmp_path):
    _, _, _, layout = outcome
    with open_executor(2) as executor:
        other = deduped(tmp_path, pool_rows, executor)[3]
    for name in ("dedupe", "duplicates", "conflicts"):
        assert getattr(layout, name).read_bytes() == getattr(other, name).read_bytes()


def test_same_pixels_in_other_bytes_are_pixels(tmp_path):
    picture = draw_exposure(4, side=200)
    _, table, _, _ = deduped(tmp_path, [row("a", "1", picture), row("b", "2", picture)])
    assert table.loc["b/2", "duplicate_kind"] == "pixels"
    assert table.loc["b/2", "similarity"] == 1.0


def test_two_crops_that_do_not_overlap_are_linked_by_the_whole_film(tmp_path):
    picture = draw_exposure(6)
    left, right = cropped(picture, 0.3, left=0), cropped(picture, 0.3, left=1)
    rows = [row("a", "whole", picture), row("b", "left", left[:, :310]), row("b", "right", right[:, -310:])]
    _, table, _, _ = deduped(tmp_path, rows)
    assert table["cluster_id"].nunique() == 1
    assert table["excluded_by"].notna().sum() == 2


def test_enlarged_reencoded_annotated_crop_of_a_mirrored_film(tmp_path):
    picture = draw_exposure(8)
    copy = jpeg(annotated(inverted(mirrored(resized(cropped(picture, 0.6, left=0.2), 1.5)))), 60)
    _, table, _, _ = deduped(tmp_path, [row("a", "1", picture), row("b", "2", copy)])
    assert table.loc["b/2", "duplicate_of"] == "a/1"


def test_empty_pool_gives_empty_tables(tmp_path):
    summary, table, pairs, _ = deduped(tmp_path, [])
    assert summary == DedupeSummary(rows=0, clustered=0, clusters=0, excluded=0)
    assert len(table) == len(pairs) == 0


def test_pool_without_usable_films(tmp_path):
    rows = [row("a", "1", draw_exposure(1, side=100), excluded_by="ingest", reason="too small")]
    summary, _, _, _ = deduped(tmp_path, rows)
    assert summary == DedupeSummary(rows=1, clustered=0, clusters=0, excluded=0)


def test_blank_films_are_only_duplicates_by_pixels(tmp_path):
    blank = cv2.resize(draw_exposure(1, side=64), (200, 200)) * 0
    rows = [row("a", "1", blank), row("a", "2", blank + 1), row("a", "3", blank)]
    _, table, _, _ = deduped(tmp_path, rows)
    assert table.loc["a/3", "duplicate_of"] == "a/1"
    assert table.loc["a/2", "cluster_id"] is pd.NA


@pytest.mark.parametrize("kind", ["identical-bytes", "resized", "cropped", "marks", "contrast", "re-encoded"])
def test_real_copies_are_proven_and_real_follow_ups_are_not(mirror, truth, kind, tmp_path):
    duplicates, others = (pd.read_csv(truth / name) for name in ("duplicates.csv", "not_duplicates.csv"))
    chosen = duplicates[duplicates["kind"] == kind].iloc[::9].head(4)
    hard = others[others["reason"] == "same-patient-other-day"].head(3)
    names = sorted({*chosen["a"], *chosen["b"], *hard["a"], *hard["b"]})
    films = {name: cv2.imread(str(mirror / name), cv2.IMREAD_GRAYSCALE) for name in names}
    _, table, _, _ = deduped(tmp_path, [row("real", name, resized(films[name], 0.5)) for name in names])
    cluster = table["cluster_id"].fillna("none")
    assert all(cluster[f"real/{a}"] == cluster[f"real/{b}"] for a, b in zip(chosen["a"], chosen["b"], strict=True))
    for a, b in zip(hard["a"], hard["b"], strict=True):
        assert cluster[f"real/{a}"] == "none" or cluster[f"real/{a}"] != cluster[f"real/{b}"]
