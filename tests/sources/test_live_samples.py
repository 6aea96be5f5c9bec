"""Every sample of what the sources show today (``facts/live`` beside the checkout), with what its README expects.

The papers' samples have a test of their own.
"""

import json
from pathlib import Path

import pytest
from sites import Pages

from sources import nih, pediatric, twitter
from sources.cases import sirm_listing
from sources.eurorad import SEARCH, Eurorad, next_hits, parse_hits
from sources.radiopaedia import Radiopaedia
from sources.reading.html import soup

CASES = "https://radiopaedia.org/cases/covid-19-pneumonia-made-up"
STUDIES = "https://radiopaedia.org/studies"
IMAGES = "https://prod-images-static.radiopaedia.org/images"
READ_ELSEWHERE = "papers"


@pytest.fixture(scope="module")
def live(real) -> Path:
    return real("facts/live")


def expect_eurorad_case(path):
    url = "https://www.eurorad.org/case/99003"
    found = {item.item_id: item for item in Eurorad().page_items(Pages({url: path.read_text()}), url)}
    assert {name.partition("/")[2]: (item.view, item.skip is None) for name, item in found.items()} == {
        "99003_1_1.JPG": ("CT", False),
        "99003_2_1.png": ("CT", False),
        "99003_3_1.png": ("CT", False),
        "99003_4_1.png": ("PA", True),
        "99003_4_2.png": ("L", True),
        "99003_5_1.png": ("CT", False),
    }


def expect_eurorad_search(path):
    tree = soup(path.read_text())
    assert parse_hits(tree, SEARCH) == [
        "https://www.eurorad.org/case/99001",
        "https://www.eurorad.org/case/99002/teaching-case",
    ]
    assert next_hits(tree, SEARCH) == "https://www.eurorad.org/advanced-search?search=COVID&page=1"


def expect_nih_table(path):
    items = list(nih.parse(path.read_bytes()))
    assert [(item.label, item.skip is None) for item in items] == [("other", False), ("normal", True), ("cap", True)]
    assert [(item.age, item.sex, item.view) for item in items] == [(57, "M", "PA"), (80, "F", "AP"), (45, "M", "AP")]


def expect_pediatric_hosts(path):
    named = [word.partition("/")[0] for word in path.read_text().replace("(", " ").split() if "amazonaws" in word]
    assert len(named) == 2 and {name.rstrip(").") for name in named} <= set(pediatric.Pediatric.hosts)


def expect_radiopaedia_case(path):
    pages = {f"{CASES}?lang=us": path.read_text()}
    for study in ("888001", "888002"):
        answer = path.with_name(f"{study}_annotated_viewer.json").read_text()
        pages[f"{STUDIES}/{study}/annotated_viewer_json?lang=us"] = answer
    film, *slices = Radiopaedia().page_items(Pages(pages), CASES)
    assert (film.patient_id, film.study_id, film.age, film.sex) == ("999001", "888001", 40.0, "F")
    assert "A. Nobody" in film.attribution and film.finding == "COVID-19 pneumonia - made up"
    assert (film.modality, film.skip) == ("X-ray", None)
    assert film.url.startswith(f"{IMAGES}/66600001/0a0a0a0a") and film.url.endswith(".jpg")
    assert [(each.study_id, each.modality, each.skip) for each in slices] == [
        ("888002", "CT", "CT according to its metadata")
    ] * 2


def expect_viewer(path):
    """Read together with the case page; here, that nothing else of the answer is a picture."""
    from sources.cases.radiopaedia_pictures import parse_viewer

    frames = [frame for series in json.loads(path.read_text())["study"]["series"] for frame in series["frames"]]
    assert len(parse_viewer(path.read_text()).pictures) == len(frames)


def expect_sirm_list(path, site):
    url = f"{site}{sirm_listing.CATEGORY_PATH}"
    tree = soup(path.read_text())
    assert sirm_listing.parse_hits(tree, url) == [f"{site}/2020/03/08/covid-19-caso-13/"]
    assert sirm_listing.next_hits(tree, url) == f"{url}page/2/"
    listing = sirm_listing.CaseListing(Pages({url: path.read_text()}))
    assert list(listing) == [f"{site}/2020/03/08/covid-19-caso-13/"]
    assert listing.gap.skip.startswith("the list names 7 pages and shows 1")


def expect_x_without_start(path):
    assert list(twitter.parse(json.loads(path.read_text()), "1")) == []
    assert "start_time=2020-03-01T00:00:00Z" in twitter.SEARCH


EXPECTATIONS = {
    "eurorad/case_ct_without_the_word.html": expect_eurorad_case,
    "eurorad/search_cards.html": expect_eurorad_search,
    "nih/current_header.csv": expect_nih_table,
    "pediatric/README.txt": expect_pediatric_hosts,
    "radiopaedia/case_2025.html": expect_radiopaedia_case,
    "radiopaedia/888001_annotated_viewer.json": expect_viewer,
    "radiopaedia/888002_annotated_viewer.json": expect_viewer,
    "sirm/category_page_1.html": lambda path: expect_sirm_list(path, sirm_listing.SITE),
    "sirm/archive_category.html": lambda path: expect_sirm_list(path, sirm_listing.ARCHIVE),
    "twitter/empty_without_start_time.json": expect_x_without_start,
}


@pytest.mark.parametrize("name", EXPECTATIONS)
def test_a_sample_is_read_as_its_readme_says(live, name):
    EXPECTATIONS[name](live / name)


def test_every_sample_has_an_expectation(live):
    samples = {path.relative_to(live).as_posix() for path in live.glob("*/*") if path.parent.name != READ_ELSEWHERE}
    assert samples == set(EXPECTATIONS)
