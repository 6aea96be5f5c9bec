import json
import re
import shutil

import pandas as pd
import pytest
from handmade import film, lay_out, options
from reported import EVIL, laid_out

from pipeline.core.experiments import ExperimentParams
from pipeline.core.layout import Layout
from pipeline.core.params import ManifestParams, Params, SplitParams
from pipeline.core.schema import CONFLICTS_SCHEMA, CONTRADICTIONS_SCHEMA, DUPLICATES_SCHEMA
from pipeline.core.stages import EXCLUDING_STAGES
from pipeline.manifest import stage as manifest
from pipeline.report.numbers import FUNNEL, crosstab, funnel, source_table, split_table, top_reasons
from pipeline.report.pictures import curve_path
from pipeline.report.stage import run
from pipeline.report.summary import Table, general_reason
from pipeline.split import stage as split
from sources.core.errors import CxnetError
from sources.core.storage import read_table, write_table

CHROMIUM = shutil.which("chromium")
EMPTY = {
    "duplicates": DUPLICATES_SCHEMA,
    "conflicts": CONFLICTS_SCHEMA,
    "contradictions": CONTRADICTIONS_SCHEMA,
}


@pytest.fixture
def layout(tmp_path):
    return laid_out(tmp_path)


def page_of(layout, **params):
    run(layout, Params(profile="tested", **params))
    return (layout.reports / "index.html").read_text(encoding="utf-8")


def test_the_page_is_one_file_that_loads_nothing(layout):
    page = page_of(layout)
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!data:|#)""", page)
    assert "@import" not in page and "url(" not in page


def test_text_from_sources_is_escaped(layout):
    page = page_of(layout)
    assert EVIL not in page
    assert "&lt;script&gt;" in page


def test_the_page_shows_every_part(layout):
    page = page_of(layout)
    for text in (
        "tested",
        "HTTP 404",
        "lateral film",
        "cropped",
        "correlation 0.97",
        "before matching",
        "mirrored",
        "rt_pcr",
        "RT-PCR negative",
        "normal",
        "covid",
    ):
        assert text in page


def test_an_evaluated_model_is_shown_with_its_interval(layout):
    folder = layout.report("base")
    (folder / "figures").mkdir(parents=True)
    (folder / "metrics.json").write_text(
        json.dumps(
            {
                "about": "a small one",
                "localisation": {
                    "films": 8,
                    "in_lungs": {"value": 0.624, "low": 0.5, "high": 0.7},
                    "lungs": {"value": 0.31, "low": 0.3, "high": 0.32},
                },
                "test": {"n": 9, "accuracy": 0.5, "accuracy_low": 0.25, "accuracy_high": 0.75},
            }
        )
    )
    page = page_of(layout, experiments={"base": ExperimentParams(model="base")})
    assert "a small one" in page and "0.250 – 0.750" in page
    assert "Grad-CAM of 8 test films: 62% of the evidence lies in the lungs (95% interval 50% to 70%)" in page


def evaluated(layout, subgroups=""):
    folder = layout.report("base")
    (folder / "figures").mkdir(parents=True)
    accuracy = {"accuracy": 0.5, "accuracy_low": 0.25, "accuracy_high": 0.75}
    (folder / "metrics.json").write_text(
        json.dumps(
            {
                "test": {"n": 9, **accuracy, "roc_auc": None, "roc_auc_low": None, "roc_auc_high": None},
                "external": {"n": 1200, "brier": 0.1, "brier_low": 0.05, "brier_high": 0.15},
            }
        )
    )
    if subgroups:
        (folder / "subgroups.csv").write_text(subgroups)
    return page_of(layout, experiments={"base": ExperimentParams(model="base")})


def test_the_splits_of_a_model_stand_beside_each_other(layout):
    page = evaluated(layout)
    for cells in (
        ("metric", "test, n = 9", "external, n = 1,200"),
        ("accuracy", "0.500 (0.250 – 0.750)", "–"),
        ("roc auc", "–", "–"),
        ("brier", "–", "0.100 (0.050 – 0.150)"),
    ):
        assert re.search("</t[dh]><t[dh]>".join(map(re.escape, cells)), page)


def test_subgroups_of_few_films_are_faded(layout):
    page = evaluated(
        layout,
        "split,by,group,n,patients,small,accuracy,accuracy_low,accuracy_high\n"
        "test,source,cohen,40,35,False,0.9,0.8,0.95\n"
        "test,source,NA,4,4,True,,,\n"
        "external,source,elsewhere,4,4,True,0.5,0.1,0.9\n",
    )
    assert '<tr><td>source</td><td>cohen</td><td class="n">40</td><td class="n">35</td><td>0.90 (0.80 – 0.95)' in page
    assert '<tr class="faded"><td>source</td><td>NA</td><td class="n">4</td><td class="n">4</td><td>–</td>' in page
    assert "elsewhere" not in page


def test_damaged_metrics_are_one_sentence(layout):
    layout.report("base").mkdir(parents=True)
    (layout.report("base") / "metrics.json").write_text("{")
    with pytest.raises(CxnetError, match=r"metrics\.json is not readable .* run `cxnet-data evaluate base` again"):
        page_of(layout, experiments={"base": ExperimentParams(model="base")})


def test_a_skipped_source_is_visible(layout):
    receipt = layout.raw / "radiopaedia" / "fetch.json"
    receipt.parent.mkdir(parents=True)
    receipt.write_text(json.dumps({"state": "skipped", "why": "its terms forbid copying"}))
    assert "its terms forbid copying" in page_of(layout, sources=("radiopaedia",))


def test_a_damaged_receipt_is_one_sentence(layout):
    receipt = layout.raw / "radiopaedia_normal" / "fetch.json"
    receipt.parent.mkdir(parents=True)
    receipt.write_text("{")
    with pytest.raises(CxnetError, match="run `cxnet-data fetch radiopaedia_normal` again"):
        page_of(layout, sources=("radiopaedia_normal",))


def test_a_data_set_without_duplicates_has_a_page(tmp_path):
    assert "Proven duplicates" in page_of(laid_out(tmp_path, pairs=False))


def test_a_missing_table_is_one_sentence(tmp_path):
    with pytest.raises(CxnetError, match="does not exist; run the stage that writes it"):
        page_of(Layout.at(tmp_path))


def test_the_funnel_adds_up(layout):
    steps = funnel(read_table(layout.manifest / "manifest.parquet"))
    assert [(step.name, step.left, step.lost) for step in steps] == [
        ("listed", 18, 0),
        ("fetched", 17, 1),
        ("decoded", 17, 0),
        ("one film per exposure", 17, 0),
        ("frontal chest films", 16, 1),
        ("kept", 16, 0),
    ]
    assert [step.percent for step in steps] == [100, 94.44, 94.44, 94.44, 88.89, 88.89]


def test_every_stage_that_excludes_is_a_step_of_the_funnel():
    assert tuple(FUNNEL) == tuple(stage for stage in EXCLUDING_STAGES if stage not in ("segment", "harmonise"))


def test_all_licenses_of_the_kept_films_are_shown_the_most_frequent_first():
    kept = ["CC-BY"] * 3 + ["CC-BY-NC-SA"] * 4 + ["Apache-2.0", "CC0", "CC-BY-SA"] + [None] * 2
    rows = pd.DataFrame({"source": "cohen", "licence": [*kept, "excluded only"]})
    rows = rows.assign(status=["kept"] * len(kept) + ["excluded"], fetch_status="fetched", redistributable=True)
    (row,) = source_table(rows).rows
    assert row[1] == "CC-BY-NC-SA 4, CC-BY 3, not stated 2, Apache-2.0 1, CC-BY-SA 1, CC0 1"
    assert row[2:5] == (13, 13, 12)


def test_a_source_without_kept_films_has_no_license_in_the_table():
    rows = pd.DataFrame({"source": ["nih"], "licence": ["CC0"], "status": "excluded", "fetch_status": "failed"})
    assert source_table(rows).rows == [("nih", "", 1, 0, 0, "")]


def test_reasons_are_counted_without_the_names_of_single_films(layout):
    table = top_reasons(read_table(layout.manifest / "manifest.parquet"))
    assert table.rows == [("fetch", "HTTP 404", 1), ("views", "lateral film", 1)]
    assert general_reason("duplicate of cohen/a.png (cropped, 0.97)") == "duplicate of a better film"


def test_splits_count_films_and_groups(layout):
    rows = read_table(layout.manifest / "manifest.parquet")
    table = split_table(rows[rows["status"] == "kept"], read_table(layout.splits))
    assert table.columns == ("split", "covid", "normal", "all", "groups")
    assert table.rows[-1] == ("all", 8, 8, 16, 16)


def test_splits_are_listed_in_the_order_of_their_use():
    rows = pd.DataFrame({"source": "own", "split": ["external", "test", "train", "val", "test"]})
    assert crosstab(rows, "source", "split").columns == ("source", "train", "val", "test", "external", "all")
    assert [row[0] for row in crosstab(rows, "split", "source").rows] == ["train", "val", "test", "external", "all"]


def test_copies_whose_metadata_disagree_are_listed_and_patients_are_not_named(layout):
    page = page_of(layout)
    assert "Copies whose metadata disagree: 2 of 2 pairs" in page
    assert "age-of-a and &lt;script&gt;" in page
    assert "two patients" in page and "patient_id-of-a" not in page


def test_figures_of_a_model_say_what_they_show(layout):
    folder = layout.report("base")
    (folder / "figures").mkdir(parents=True)
    (folder / "metrics.json").write_text("{}")
    for name in ("roc", "gradcam_covid", "of_a_later_version"):
        (folder / "figures" / f"{name}.png").write_bytes(b"\x89PNG")
    page = page_of(layout, experiments={"base": ExperimentParams(model="base")})
    assert "ROC curve of each class" in page
    assert "Films of class covid." in page and "“max 0” means" in page
    assert "<figcaption>of a later version</figcaption>" in page


def test_an_empty_table_has_no_rows():
    assert crosstab(pd.DataFrame({"a": [], "b": []}), "a", "b") == Table(("a",), [])


def write_empty(layout):
    """The tables of a data set without duplicates and contradictions."""
    for name, schema in EMPTY.items():
        write_table(getattr(layout, name), pd.DataFrame(columns=schema.names), schema)


def unlabeled(folder, patients):
    """Films without labels, of which the first ``patients`` have a known patient."""
    layout = Layout.at(folder)
    key = lambda number: f"own:{number}" if number < patients else None  # noqa: E731
    lay_out(layout, [film("own", f"{n}", label=None, patient_key=key(n)) for n in range(10)], through="harmonise")
    write_empty(layout)
    manifest.run(layout, options(manifest=ManifestParams(labels=("any",))))
    split.run(layout, options(split=SplitParams()))
    return page_of(layout)


def test_a_data_set_without_films_has_a_page(tmp_path):
    layout = Layout.at(tmp_path)
    lay_out(layout, [film("own", "a", image=None, excluded_by="ingest", reason="damaged")], through="harmonise")
    write_empty(layout)
    manifest.run(layout, options(manifest=ManifestParams()))
    split.run(layout, options(split=SplitParams()))
    page = page_of(layout)
    assert "<b>0</b>films kept" in page
    assert "damaged" in page


def test_the_first_numbers_have_right_plurals(tmp_path):
    page = unlabeled(tmp_path, patients=1)
    for number in ("<b>10</b>images listed", "<b>1</b>patient<", "<b>1</b>source<", "<b>0</b>duplicates excluded"):
        assert number in page


def test_films_without_labels_have_a_page(tmp_path):
    page = unlabeled(tmp_path, patients=10)
    assert "<b>10</b>unlabeled" in page
    assert "<h3>unlabeled</h3>" in page
    assert "<b>0</b>" not in page.partition("unlabeled")[2][:200]
    assert "Unknown patients" not in page


@pytest.mark.parametrize(("patients", "times", "films"), [(0, 2, "all 10 films"), (8, 1, "2 of 10 films")])
def test_unknown_patients_are_a_warning_beside_the_splits_and_first_of_all_if_they_are_many(
    tmp_path, patients, times, films
):
    page = unlabeled(tmp_path, patients)
    assert page.count("Unknown patients") == times
    assert f"The patients of {films} are unknown" in page


def test_a_tone_curve_is_drawn_from_the_bottom_left():
    path = curve_path(bytes(range(256)))
    assert path.startswith("M0 255 L1 254") and path.endswith("L255 0")


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium, to look at the page in a real browser")
def test_a_browser_shows_every_picture_and_reports_no_error(layout):
    from playwright.sync_api import sync_playwright

    page_of(layout)
    problems = []
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 900, "height": 700})
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto("file://" + (layout.reports / "index.html").path)
        widths = page.evaluate("Array.from(document.images, image => image.naturalWidth)")
        overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        browser.close()
    assert problems == []
    assert len(widths) > 20 and min(widths) > 0
    assert overflow <= 0
