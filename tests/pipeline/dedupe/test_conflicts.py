import pandas as pd

from pipeline.dedupe.conflicts import find_conflicts, merge
from pipeline.dedupe.patients import patient_keys

METADATA = ("label", "view", "age", "sex", "rt_pcr", "patient_id", "offset_days")


def rows(*films):
    """Films as (source, item_id, values); the first is kept, the others are its copies."""
    table = []
    for place, (source, item_id, values) in enumerate(films):
        copy_of = None if place == 0 else f"{films[0][0]}/{films[0][1]}"
        row = {"source": source, "item_id": item_id, "cluster_id": "c", "duplicate_of": copy_of}
        table.append(row | dict.fromkeys(METADATA) | values)
    return pd.DataFrame(table).astype(object)


def conflicts_in(table, similarity=None):
    conflicts = find_conflicts(table, similarity or {})
    return [(row["column"], row["a_value"], row["b_value"]) for row in conflicts.to_dict("records")]


def test_two_labels_for_one_film_are_a_conflict_with_its_evidence():
    table = rows(("cohen", "1", {"label": "covid"}), ("cxnet", "9", {"label": "cap"}))
    conflicts = find_conflicts(table, {(0, 1): 0.97})
    assert conflicts.to_dict("records") == [
        {
            "cluster_id": "c", "column": "label", "a_source": "cohen", "a_item_id": "1", "a_value": "covid",
            "b_source": "cxnet", "b_item_id": "9", "b_value": "cap", "similarity": 0.97,
        }
    ]  # fmt: skip


def test_a_missing_value_is_no_conflict():
    assert conflicts_in(rows(("cohen", "1", {"view": "PA"}), ("cxnet", "9", {"view": "unknown"}))) == []
    assert conflicts_in(rows(("cohen", "1", {"label": None}), ("cxnet", "9", {"label": "cap"}))) == []


def test_ages_a_year_apart_agree():
    assert conflicts_in(rows(("cohen", "1", {"age": 50.0}), ("cxnet", "9", {"age": 51.0}))) == []
    assert conflicts_in(rows(("cohen", "1", {"age": 50.0}), ("cxnet", "9", {"age": 53.0}))) == [("age", "50", "53")]


def test_patients_are_in_conflict_within_one_source_only():
    same = rows(("cohen", "1", {"patient_id": "cohen/1"}), ("cohen", "2", {"patient_id": "cohen/2"}))
    other = rows(("cohen", "1", {"patient_id": "cohen/1"}), ("nih", "2", {"patient_id": "nih/2"}))
    assert conflicts_in(same) == [("patient_id", "cohen/1", "cohen/2")]
    assert conflicts_in(other) == []


def test_film_outside_clusters_has_no_conflicts():
    table = rows(("cohen", "1", {"label": "covid"}), ("cxnet", "9", {"label": "cap"}))
    assert conflicts_in(table.assign(cluster_id=None)) == []


def test_every_cluster_is_compared_with_its_own_film_kept():
    one = rows(("cohen", "1", {"label": "covid", "age": 30.0}), ("cxnet", "9", {"label": "cap", "sex": "F"}))
    other = rows(("cohen", "2", {"label": "cap"}), ("cxnet", "8", {"label": "covid", "age": 70.0, "view": "AP"}))
    for order in (0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1):
        table = pd.concat([other.assign(cluster_id="b"), one.assign(cluster_id="a")], ignore_index=True).loc[[*order]]
        conflicts = find_conflicts(table, {(0, 1): 0.9, (2, 3): 0.8})
        assert conflicts[["cluster_id", "a_item_id", "b_item_id", "similarity"]].to_numpy().tolist() == [
            ["a", "1", "9", 0.8],
            ["b", "2", "8", 0.9],
        ]
        merged = merge(table)
        assert merged.loc[0, ["age", "view"]].tolist() == [70.0, "AP"]
        assert merged.loc[2, ["age", "sex"]].tolist() == [30.0, "F"]


def test_missing_values_of_the_kept_film_are_filled_where_its_copies_agree():
    table = rows(
        ("cohen", "1", {"label": "covid", "view": "unknown"}),
        ("cxnet", "8", {"age": 50.0, "sex": "F", "label": "cap", "view": "AP"}),
        ("cxnet", "9", {"age": 51.0, "sex": "M"}),
    )
    merged = merge(table).loc[0]
    assert merged["age"] == 50.0
    assert merged["view"] == "AP"
    assert merged["label"] == "covid"  # its own value stands; the conflict is listed
    assert pd.isna(merged["sex"])  # the copies disagree


def test_copies_keep_the_values_of_their_sources():
    table = rows(("cohen", "1", {"age": 50.0}), ("cxnet", "9", {}))
    assert pd.isna(merge(table).loc[1, "age"])


def patients(*films):
    return pd.DataFrame(films, columns=["source", "patient_id", "cluster_id"]).astype(object)


def test_patients_are_linked_through_a_shared_exposure():
    table = patients(
        ("cohen", "cohen/7", "x"), ("hannover", "hannover/2", "x"), ("hannover", "hannover/2", None),
        ("cxnet", None, "x"), ("nih", "nih/3", None), ("nih", None, None),
    )  # fmt: skip
    assert patient_keys(table).tolist() == ["cohen/7", "cohen/7", "cohen/7", "cohen/7", "nih/3", None]


def test_links_are_transitive():
    table = patients(("a", "a/2", "x"), ("b", "b/1", "x"), ("b", "b/1", "y"), ("c", "c/9", "y"))
    assert set(patient_keys(table)) == {"a/2"}


def test_placeholder_that_many_patients_share_links_nobody(caplog):
    table = patients(*(("cohen", f"cohen/{number}", "x") for number in range(8)), ("nih", None, "x"))
    keys = patient_keys(table)
    assert keys.nunique() == 8
    assert keys[8] is None
    assert caplog.messages == ["Cluster x contains 8 patients of cohen; it is not used to link patients."]
