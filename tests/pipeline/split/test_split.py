"""The split: each patient and exposure in one split, whatever the order of rows; new films never move old ones."""

import numpy as np
import pandas as pd
import pytest
from handmade import film, options, table
from hypothesis import given, settings
from hypothesis import strategies as st
from upath import UPath

from pipeline.core.balance import gaps
from pipeline.core.layout import Layout
from pipeline.core.params import ManifestParams, SplitParams
from pipeline.core.schema import MANIFEST_SCHEMA
from pipeline.manifest.rules import build
from pipeline.split.assignment import assign, hashed, split_of
from pipeline.split.groups import HOMEPAGES, groups, is_case
from pipeline.split.stage import SplitSummary, run
from sources.core.errors import UsageError
from sources.core.source import registry
from sources.core.storage import read_table, write_table

PICTURE = np.zeros((2, 2), np.uint8)


def split(rows, **options):
    """Rows with group_id, split and fold; those with an ``excluded_by`` are not kept."""
    rows = rows.assign(group_id=groups(rows))
    return assign(rows, rows["excluded_by"].isna(), SplitParams(**options))


def manifest_of(root, rows):
    """A layout with the manifest of ``rows``."""
    layout = Layout.at(UPath(root))
    write_table(layout.manifest / "manifest.parquet", build(table(rows), [], ManifestParams()), MANIFEST_SCHEMA)
    return layout


def maybe(prefix, count):
    return st.none() | st.integers(0, count).map(lambda number: f"{prefix}{number}")


@st.composite
def collections(draw):
    """Up to 25 rows that are linked at random by patients, studies, clusters and pages."""
    rows = []
    for number in range(draw(st.integers(1, 25))):
        page = draw(maybe("https://site.example/case/", 9))
        copied = draw(st.none() | st.integers(0, number).map(lambda of: f"cohen/{of:03d}"))
        links = {"study_id": draw(maybe("s", 9)), "cluster_id": draw(maybe("c", 9)), "page_url": page}
        patients = {"patient_id": draw(maybe("p", 9)), "patient_key": draw(maybe("p", 9))}
        gone = draw(st.sampled_from([None, None, "views"]))
        rows.append(film("cohen", f"{number:03d}", PICTURE, **links, **patients, duplicate_of=copied, excluded_by=gone))
    return table(rows)


@given(collections(), st.integers(0, 99))
@settings(deadline=None, max_examples=60)
def test_linked_rows_are_in_the_same_split_and_fold(rows, seed):
    kept = split(rows, seed=seed, val=0.3, test=0.3).dropna(subset=["split"])
    for link in ("patient_id", "patient_key", "study_id", "cluster_id", "page_url", "group_id"):
        assert (kept.groupby(link)["split"].nunique() <= 1).all()
        assert (kept[kept["split"] != "test"].groupby(link)["fold"].nunique() <= 1).all()


@given(collections(), st.randoms())
@settings(deadline=None, max_examples=30)
def test_the_order_of_rows_does_not_matter(rows, random):
    order = list(rows.index)
    random.shuffle(order)
    shuffled = split(rows.loc[order]).sort_index()
    pd.testing.assert_frame_equal(shuffled, split(rows))


@given(collections(), st.integers(1, 20))
@settings(deadline=None, max_examples=60)
def test_adding_films_of_new_or_known_patients_moves_no_film(rows, added):
    before = split(rows)
    known = rows["patient_id"].dropna().tolist()
    new = [
        film("aaa", f"{number:03d}", PICTURE, patient_id=known[number] if number < len(known) else f"a{number}")
        for number in range(added)
    ]
    after = split(pd.concat([table(new), rows], ignore_index=True)).iloc[added:].reset_index(drop=True)
    pd.testing.assert_frame_equal(after, before)


def test_excluding_a_film_moves_no_other():
    rows = table([film("nih", f"{number:03d}", PICTURE, patient_id=f"p{number % 20}") for number in range(60)])
    before = split(rows)
    after = split(rows.assign(excluded_by=["views" if number % 3 else None for number in range(60)]))
    kept = after["split"].notna()
    assert (after.loc[kept, "split"] == before.loc[kept, "split"]).all()


def test_films_linked_only_through_an_excluded_copy_share_a_group():
    bridge = film("sirm", "1", PICTURE, patient_id="p2", cluster_id="c", excluded_by="dedupe")
    rows = table([film("cohen", "1", PICTURE, patient_id="p1", cluster_id="c"), bridge])
    rows = pd.concat([rows, table([film("sirm", "2", PICTURE, patient_id="p2")])], ignore_index=True)
    assert groups(rows).tolist() == ["p1", "p1", "p1"]


def test_a_film_without_links_is_a_group_of_its_own():
    rows = table([film("cohen", "1", PICTURE), film("cohen", "2", PICTURE)])
    assert groups(rows).tolist() == ["cohen/1", "cohen/2"]


@pytest.mark.parametrize(
    ("page", "is_linked"),
    [
        ("https://radiopaedia.org/cases/covid-19-pneumonia-14", True),
        ("https://raw.githubusercontent.com/x/y/metadata.csv", False),
        ("https://www.sirm.org/", False),
        ("/disk/films", False),
    ],
)
def test_a_case_page_links_its_films_and_the_list_of_a_collection_does_not(page, is_linked):
    rows = table([film("cohen", "1", PICTURE, page_url=page), film("sirm", "2", PICTURE, page_url=page)])
    assert (groups(rows).nunique() == 1) == is_linked


def test_the_homepage_of_a_source_is_no_case():
    homepages = {source.homepage.rstrip("/") for source in registry().values()}
    assert sorted(page for page in homepages if is_case(page)) == []
    assert sorted(set(HOMEPAGES) - homepages) == []


def test_a_page_with_the_films_of_a_whole_collection_links_none():
    page = "https://nihcc.box.com/v/ChestXray"
    rows = table([film("nih", f"{number}", PICTURE, page_url=page) for number in range(41)])
    assert groups(rows).nunique() == 41


def test_every_stratum_gets_its_shares():
    rows = pd.DataFrame([(label, f"{label}/{number}") for label in ("covid", "cap") for number in range(3000)])
    sides = rows[1].map(lambda group: split_of(group, SplitParams()))
    shares = pd.crosstab(rows[0], sides, normalize="index")
    for label in ("covid", "cap"):  # three standard errors of 3,000 draws
        assert shares.loc[label, "test"] == pytest.approx(0.2, abs=0.022)
        assert shares.loc[label, "val"] == pytest.approx(0.15, abs=0.02)


def test_the_hash_is_the_same_on_every_machine():
    assert hashed("cohen:1", "18/split") == 0.8482604985953444


def test_larger_shares_only_take_films_from_train():
    names = [f"g{number}" for number in range(500)]
    small, large = SplitParams(test=0.1, val=0.1), SplitParams(test=0.1, val=0.2)
    for name in names:
        if split_of(name, small) != "train":
            assert split_of(name, large) == split_of(name, small)


def test_an_external_source_is_held_out_whole_with_the_groups_it_reaches():
    rows = table(
        [
            film("hannover", "1", PICTURE, patient_id="h1"),
            film("hannover", "2", PICTURE, cluster_id="c"),
            film("cohen", "1", PICTURE, cluster_id="c"),
            film("cohen", "2", PICTURE, cluster_id="d"),
            film("hannover", "3", PICTURE, cluster_id="d", excluded_by="dedupe"),
        ]
    )
    sides = split(rows, external=("hannover",))
    assert sides["split"].iloc[:3].tolist() == ["external"] * 3
    assert sides["split"].iloc[3] in ("train", "val", "test")  # its copy in the external source is not used
    assert sides["fold"].iloc[:3].isna().all()


def test_a_label_that_is_missing_from_a_split_is_reported(tmp_path):
    rows = [film("cohen", "1", PICTURE), film("nih", "1", PICTURE, label="normal")]
    summary = run(manifest_of(tmp_path, rows), options(split=SplitParams()))
    assert str(summary).startswith("2 films in 2 groups")
    assert str(summary).count("no ") == 4
    (uneven, _) = summary.warnings
    assert uneven.count("50% of the films with a label (1 of 2)") == 2
    assert uneven.count("none of") == 4
    assert "another seed under `split`" in uneven


def test_unknown_patients_are_counted_and_warned_of(tmp_path):
    known = film("cohen", "1", PICTURE, patient_id="cohen:a")
    through_a_copy = film("nih", "1", PICTURE, patient_key="cohen:a")
    unknown = [film("nih", f"{number}", PICTURE, study_id="nih:s") for number in (2, 3)]
    gone = film("nih", "4", PICTURE, excluded_by="views", reason="lateral film")
    result = run(manifest_of(tmp_path / "some", [known, through_a_copy, *unknown, gone]), options(split=SplitParams()))
    assert result.unknown_patients == 2
    assert "patients of 2 films unknown" in str(result)
    assert "The patients of 2 of 4 films are unknown: films of one patient may be in two splits" in result.warnings[-1]
    result = run(manifest_of(tmp_path / "none", [known, through_a_copy]), options(split=SplitParams()))
    assert (result.unknown_patients, "unknown" in str(result)) == (0, False)
    assert not any("unknown" in warning for warning in result.warnings)
    result = run(manifest_of(tmp_path / "all", unknown), options(split=SplitParams()))
    assert "The patients of all 2 films are unknown" in result.warnings[-1]


def test_films_without_a_label_are_split_like_all_others(tmp_path):
    rows = [film("nih", f"{number}", PICTURE, patient_id=f"p{number}", label=None) for number in range(60)]
    layout = Layout.at(UPath(tmp_path))
    built = build(table(rows), [], ManifestParams(labels=("any",)))
    write_table(layout.manifest / "manifest.parquet", built, MANIFEST_SCHEMA)
    result = run(layout, options(split=SplitParams()))
    assert (sum(result.splits.values()), set(result.splits), result.gaps) == (60, {"train", "val", "test"}, ())


def test_enough_films_leave_no_gap():
    rows = split(table([film("nih", f"{number}", PICTURE, patient_id=f"p{number}") for number in range(200)]))
    assert gaps(rows) == []
    summary = SplitSummary.of(rows)
    assert summary.films == sum(summary.splits.values()) == 200
    assert "train" in str(summary)


def test_the_table_holds_every_row_and_is_the_same_bytes_again(tmp_path):
    rows = [film("nih", f"{number}", PICTURE, patient_id=f"p{number}", age=float(10 + number)) for number in range(20)]
    layout = manifest_of(tmp_path, rows)
    run(layout, options(split=SplitParams()))
    first = layout.splits.read_bytes()
    run(layout, options(split=SplitParams()))
    assert layout.splits.read_bytes() == first
    splits = read_table(layout.splits)
    assert len(splits) == 20
    assert splits["group_id"].notna().all()
    assert splits["split"].isna().sum() == 8  # children are excluded


def test_a_manifest_without_films_makes_an_empty_split(tmp_path):
    assert str(run(manifest_of(tmp_path, []), options(split=SplitParams()))) == "0 films in 0 groups"


def test_children_are_set_apart_with_the_groups_they_belong_to():
    family = [film(item_id=f"{n}", patient_id=f"p{n // 2}", age=[4.0, 40.0][n % 2]) for n in range(4)]
    rows = table([*family, *(film(item_id=f"a{n}", patient_id=f"a{n}", age=50.0) for n in range(40))])
    mixed, apart = split(rows), split(rows, children="apart")
    assert "pediatric" not in set(mixed["split"])
    assert apart["split"].iloc[:4].tolist() == ["pediatric"] * 4 and apart["fold"].iloc[:4].notna().all()
    assert (apart["split"].iloc[4:] == mixed["split"].iloc[4:]).all()


def test_an_unknown_external_source_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"Unknown source in split\.external 'hanover'; expected one of: "):
        run(manifest_of(tmp_path, [film()]), options(split=SplitParams(external=("hanover",))))
