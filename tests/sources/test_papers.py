import cv2
import numpy as np
import pytest
from drawn import by_bytes, film, shown, skips
from hypothesis import given
from hypothesis import strategies as st
from test_twitter import JSON

from sources.base import Item
from sources.errors import CxnetError
from sources.papers import Article, Figure, Papers, articles, jats_figures, next_cursor, page_figures, read_article
from sources.sandbox.sites.papers import render

OPEN = Article("PMC123", "10.1/x", "cc by", "https://europepmc.org/article/PMC/PMC123")


class GoneError(CxnetError):
    status = 404


class Library:
    """Answers from a dictionary of addresses."""

    def __init__(self, folder, answers):
        self.folder = folder
        self.answers = answers

    def get(self, url, headers=None):
        if url not in self.answers:
            raise GoneError(f"{url}: HTTP 404")
        return type("Page", (), {"text": self.answers[url], "url": url})

    def archive(self, url):
        if url not in self.answers:
            raise GoneError(f"{url}: HTTP 404")
        path = self.folder / "figure"
        path.write_bytes(self.answers[url])
        return path


def jats(*figures):
    body = "".join(
        f"<fig><caption><p>{caption}</p></caption><graphic xlink:href='{name}'/></fig>" for name, caption in figures
    )
    return f"<article><body>{body}</body></article>"


def composite(panels=2, side=200):
    rng = np.random.default_rng(1)
    page = np.full((side + 20, panels * (side + 20)), 255, np.uint8)
    for place in range(panels):
        left = 10 + place * (side + 20)
        page[10 : 10 + side, left : left + side] = rng.integers(0, 200, (side, side))
    return cv2.imencode(".png", page)[1].tobytes()


def items_of(folder, caption, picture):
    text = f"https://www.ebi.ac.uk/europepmc/webservices/rest/{OPEN.pmcid}/fullTextXML"
    figure = f"https://europepmc.org/articles/{OPEN.pmcid}/bin/fig1.png"
    return list(read_article(Library(folder, {text: jats(("fig1", caption)), figure: picture}), OPEN))


def test_every_film_of_the_drawn_papers_comes_back(tmp_path):
    films = [film(n, patient_id=f"p{n // 2}", stated_age=40.0 + n // 2, offset_days=n % 2) for n in range(24)]
    items, site = shown(Papers(), render, films, tmp_path)
    fetched = [item for item in items if item.skip is None]
    found = by_bytes([item for item in fetched if item.member is None], site)
    packed = [item for item in fetched if item.member is not None]
    assert len(found) + len(packed) == len(films)
    assert {packed_item.member.partition("/")[2] for packed_item in packed} == {"fig1.jpg", "fig2.jpg"}
    for one in films:
        if one.data in found:
            item = found[one.data]
            assert (item.label, item.view, item.age, item.sex, item.offset_days) == (
                *("covid", "PA", one.stated_age, "F", one.offset_days),
            )
            assert (item.licence, item.redistributable) == ("CC BY", True)
    assert skips(items)["CT by its caption"] == 12


def test_a_composite_figure_is_a_row_per_panel(tmp_path):
    caption = "(A) Chest X-ray, PA view of a 40-year-old man (COVID-19). (B) Axial CT of the same man."
    first, second = items_of(tmp_path, caption, composite())
    assert (first.item_id, first.panel, first.box, first.view) == ("PMC123/fig1#A", "A", (10, 10, 200, 200), "PA")
    assert (second.panel, second.box, second.skip) == ("B", (230, 10, 200, 200), "CT by its caption")


def test_a_figure_of_one_film_is_no_panel(tmp_path):
    (item,) = items_of(tmp_path, "Chest X-ray (COVID-19).", composite(panels=1))
    assert (item.item_id, item.panel, item.box, item.skip) == ("PMC123/fig1", None, None, None)


@pytest.mark.parametrize(
    ("caption", "skip"),
    [("Axial CT (COVID-19).", "CT by its caption"), ("Study flow chart.", "the caption tells of no chest film")],
)
def test_other_figures_are_rows_that_are_not_fetched(tmp_path, caption, skip):
    (item,) = items_of(tmp_path, caption, b"")
    assert item.skip == skip


def test_a_figure_that_is_no_picture_is_still_a_row(tmp_path):
    (item,) = items_of(tmp_path, "Chest X-ray (COVID-19).", b"<html>")
    assert (item.box, item.skip) == (None, None)


def test_closed_articles_are_rows_with_the_reason(tmp_path):
    closed = Article(None, "10.1016/j.a", None, "https://doi.org/10.1016/j.a")
    (item,) = read_article(Library(tmp_path, {}), closed)
    assert item.skip == "no open full text at Europe PMC; the publisher's page is not read"


def test_a_full_text_that_is_gone_is_a_row(tmp_path):
    (item,) = read_article(Library(tmp_path, {}), OPEN)
    assert item.skip == "page is gone: HTTP 404"


@pytest.mark.parametrize(
    ("licence", "free"), [("cc by", True), ("cc by-nc-sa", True), ("cc by-nc-nd", False), ("cc0", True), (None, False)]
)
def test_licences_that_forbid_derived_pictures_are_not_passed_on(licence, free):
    assert Article("PMC1", None, licence, "https://e/").may_be_passed_on is free


def test_pages_of_publishers_give_pictures_with_captions():
    page = (
        '<img src="/logo.png"><figure><a href="/full.png"><img src="/s.png"></a><figcaption>CXR</figcaption></figure>'
    )
    assert page_figures(page, "https://x.biomedcentral.com/a") == [
        Figure("https://x.biomedcentral.com/full.png", "CXR")
    ]


def test_names_that_leave_the_articles_folder_are_no_figures():
    assert jats_figures(jats(("../../etc/passwd", "CXR"))) == [Figure("passwd", "CXR")]
    assert jats_figures(jats(("a b?c", "CXR"))) == []


def test_an_address_without_a_name_is_refused(tmp_path):
    with pytest.raises(CxnetError, match="neither a PMCID nor a DOI"):
        list(Papers().page_items(Library(tmp_path, {}), "https://example.org/paper"))


def test_entities_are_never_expanded():
    bomb = '<!DOCTYPE a [<!ENTITY x "' + "y" * 1000 + '"><!ENTITY z "' + "&x;" * 1000 + '">]>'
    (figure,) = jats_figures(bomb + jats(("f", "CXR &z;")))
    assert len(figure.caption) < 100


@given(found=JSON, text=st.text(max_size=300))
def test_any_answer_is_articles_and_figures(found, text):
    for content in (found, {"resultList": {"result": [found]}}):
        assert all(isinstance(article, Article) for article in articles(content))
        next_cursor(content, "*")
    assert all(isinstance(figure, Figure) for figure in (*jats_figures(text), *page_figures(text, "https://a.org/")))


def test_items_are_items(tmp_path):
    assert all(isinstance(item, Item) for item in items_of(tmp_path, "Chest X-ray.", composite()))
