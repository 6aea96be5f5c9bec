"""Articles, answers and files in the form of the live web's, and what each must give."""

import io
from dataclasses import replace

import numpy as np
import pytest
from lxml import etree
from PIL import Image
from sites import Site

from sources.articles.europepmc import Article, search_address
from sources.articles.figures import FULL_TEXT, SUPPLEMENT
from sources.articles.jats import parse_jats
from sources.articles.pmc_bucket import BUCKET, LISTING, METADATA, listing_address
from sources.language.captions import ANIMAL, CT_BY_CAPTION, NO_FILM, OTHER_PART
from sources.language.panel_texts import part_caption
from sources.papers import EMPTY_ANSWER, Papers, read_article
from sources.reading.layouts import shown_fields
from sources.sandbox.packing import mirror_path, zip_archive

PMCID = "PMC0000001"
FILM = "film"
SIDE, GAP = 70, 10  # of a panel, in pixels

SHOWN = {  # file -> what each panel shows
    "letters_after_text.xml": [FILM, CT_BY_CAPTION, FILM, CT_BY_CAPTION, FILM, FILM],
    "bold_letters.xml": [
        *(FILM, CT_BY_CAPTION, FILM, CT_BY_CAPTION),
        *(FILM, FILM, CT_BY_CAPTION, CT_BY_CAPTION),
        *(FILM, FILM, FILM, CT_BY_CAPTION),
    ],
    "charts_that_name_films.xml": [NO_FILM] * 3,
    "other_body_parts.xml": [OTHER_PART] * 4 + [NO_FILM, ANIMAL],
}
LABELS = {
    "hospital_words.xml": ["cap", "cap", "other"],
    "course_words_in_a_covid_report.xml": ["covid"] * 5 + [None],
    "pneumonia_in_a_covid_report.xml": ["covid", "covid"],
}
LICENCES = {"licence_in_words.xml": "CC-BY", "licence_in_ali_ref.xml": "CC-BY-4.0"}


@pytest.fixture(scope="module")
def live(real):
    return real("facts") / "live"


def figure(panels):
    pixels = np.full((SIDE + 2 * GAP, panels * (SIDE + GAP) + GAP), 255, np.uint8)
    for place in range(panels):
        left = GAP + place * (SIDE + GAP)
        pixels[GAP : GAP + SIDE, left : left + SIDE] = 90
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "PNG")
    return packed.getvalue()


def rows(live, name, folder, **article):
    """The rows of an article whose figures have as many panels as their captions name."""
    content = (live / "papers" / name).read_bytes()
    text = parse_jats(content)
    pictures = {
        f"{each.places[0]}.png": figure(max(1, len(part_caption(each.caption, each.emphasized).panels)))
        for each in text.figures
    }
    answers = {FULL_TEXT.format(pmcid=PMCID): content, SUPPLEMENT.format(pmcid=PMCID): zip_archive(pictures)}
    site = Site({mirror_path(url): answer for url, answer in answers.items()}, folder)
    title = " ".join(etree.fromstring(content).findtext(".//article-title").split())
    known = Article(PMCID, PMCID, None, f"https://europepmc.org/article/PMC/{PMCID}", title)
    return list(read_article(site, replace(known, **article)))


@pytest.mark.parametrize("name", SHOWN)
def test_each_panel_is_a_film_or_a_row_with_its_reason(live, tmp_path, name):
    shown = [item.skip or FILM for item in rows(live, name, tmp_path)]
    assert shown[: len(SHOWN[name])] == SHOWN[name]


def test_a_film_without_a_body_part_is_not_fetched_beside_a_broken_hip_and_one_of_two_parts_is(live, tmp_path):
    unnamed, chest_and_pelvis = rows(live, "other_body_parts.xml", tmp_path)[6:]
    assert unnamed.skip and chest_and_pelvis.skip is None


def test_each_panel_has_its_own_day(live, tmp_path):
    days = [item.offset_days for item in rows(live, "letters_after_text.xml", tmp_path)]
    assert days[-2:] == [1.0, 9.0]


@pytest.mark.parametrize("name", LABELS)
def test_each_film_has_the_label_of_its_disease(live, tmp_path, name):
    assert [item.label for item in rows(live, name, tmp_path)] == LABELS[name]


def test_years_that_are_distances_in_time_are_no_age(live, tmp_path):
    first, second, both_views = rows(live, "years_that_are_no_age.xml", tmp_path)
    assert [(item.age, item.pediatric) for item in (first, second)] == [(None, None)] * 2
    assert both_views.view == "unknown"


@pytest.mark.parametrize("name", LICENCES)
def test_licenses_are_found_wherever_they_stand(live, tmp_path, name):
    assert {item.licence for item in rows(live, name, tmp_path)} == {LICENCES[name]}


def test_thumbnails_in_the_supplementary_files_are_not_taken(live, tmp_path):
    texts = (live / "papers" / "letters_after_text.xml").read_bytes()
    packed = (live / "papers" / "supplementary_files.zip").read_bytes()
    answers = {FULL_TEXT.format(pmcid=PMCID): texts, SUPPLEMENT.format(pmcid=PMCID): packed}
    site = Site({mirror_path(url): answer for url, answer in answers.items()}, tmp_path)
    items = list(read_article(site, Article(PMCID, PMCID, None, "https://europepmc.org/a")))
    assert {item.member for item in items if item.member} == {"made-001.jpg", "made-002.jpg"}


def bucket_answers(live, metadata=None):
    folder = live / "papers"
    return {
        listing_address(f"{PMCID}."): (folder / "bucket_listing.xml").read_bytes(),
        listing_address(f"{PMCID}.2/"): (folder / "bucket_files.xml").read_bytes(),
        f"{BUCKET}/metadata/{PMCID}.2.json": metadata or (folder / "bucket_metadata.json").read_bytes(),
        f"{BUCKET}/{PMCID}.2/{PMCID}.2.xml": (folder / "years_that_are_no_age.xml").read_bytes(),
        f"{BUCKET}/{PMCID}.2/made-001.jpg": figure(1),
        search_address(PMCID): (folder / "busy_answer.json").read_bytes(),
    }


def test_the_bucket_is_read_while_the_search_is_busy(live, tmp_path):
    site = Site({mirror_path(url): answer for url, answer in bucket_answers(live).items()}, tmp_path)
    first = next(Papers().page_items(site, PMCID))
    assert (first.url, first.skip) == (f"{BUCKET}/{PMCID}.2/made-001.jpg", None)
    assert shown_fields(LISTING, site.files[mirror_path(listing_address(f"{PMCID}.2/"))]) >= {*LISTING.fields, "file"}
    assert shown_fields(METADATA, bucket_answers(live)[f"{BUCKET}/metadata/{PMCID}.2.json"]) >= set(METADATA.fields)


def test_a_retracted_article_is_a_row_with_the_reason(live, tmp_path):
    metadata = (
        (live / "papers" / "bucket_metadata.json").read_bytes().replace(b'retracted": false', b'retracted": true')
    )
    answers = bucket_answers(live, metadata)
    site = Site({mirror_path(url): answer for url, answer in answers.items()}, tmp_path)
    assert [item.skip for item in Papers().page_items(site, PMCID)] == ["the article was retracted"]


def test_a_busy_answer_is_not_final(live, tmp_path):
    busy = (live / "papers" / "busy_answer.json").read_bytes()
    (item,) = Papers().page_items(Site({mirror_path(search_address(PMCID)): busy}, tmp_path), PMCID)
    assert item.skip == EMPTY_ANSWER and "fetch again later" in EMPTY_ANSWER


def test_every_sample_is_tried(live):
    tried = {*SHOWN, *LABELS, *LICENCES, "years_that_are_no_age.xml", "supplementary_files.zip", "busy_answer.json"}
    tried |= {"bucket_listing.xml", "bucket_files.xml", "bucket_metadata.json"}
    assert {path.name for path in (live / "papers").iterdir()} == tried
