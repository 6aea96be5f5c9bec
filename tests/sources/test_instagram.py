import pytest
from drawn import by_bytes, film, shown, skips
from hypothesis import given
from test_twitter import JSON

from sources.base import Item
from sources.errors import CxnetError
from sources.instagram import Instagram, next_cursor, parse, question
from sources.sandbox.sites.instagram import render

PICTURE = "https://scontent.cdninstagram.com/v/1_n.jpg?oh=1"


def answer(caption, kind="IMAGE", **more):
    post = {"id": "9", "caption": caption, "media_type": kind, "media_url": PICTURE} | more
    return {"business_discovery": {"username": "theradiologistpage", "media": {"data": [post]}}}


def only(caption, **more) -> Item:
    (item,) = parse(answer(caption, **more), "theradiologistpage")
    return item


def test_every_film_of_the_drawn_pages_comes_back(tmp_path):
    films = [film(n, patient_id=f"p{n // 2}", stated_age=40.0 + n // 2) for n in range(15)]
    items, site = shown(Instagram(), render, films, tmp_path)
    found = by_bytes(items, site)
    assert set(found) >= {one.data for one in films}
    assert {(found[one.data].label, found[one.data].age, found[one.data].view) for one in films} == {
        ("covid", 40.0 + n, "PA") for n in range(8)
    }
    assert skips(items) == {"fetch": 16, "a video, not an image": 1, "the caption tells of no chest film": 1}


def test_an_albums_films_share_a_patient_and_a_single_post_names_none():
    children = {"data": [{"id": "1", "media_url": PICTURE}, {"id": "2", "media_url": PICTURE}]}
    first, second = parse(answer("COVID-19, chest X-ray on two days", "CAROUSEL_ALBUM", children=children), "p")
    assert (first.item_id, first.patient_id) == ("1", "9")
    assert second.patient_id == "9"
    assert only("COVID-19 chest X-ray").patient_id is None


@pytest.mark.parametrize(
    ("caption", "label"),
    [("COVID-19 pneumonia, chest X-ray", "covid"), ("Normal chest x-ray", "normal"), ("Chest X-ray of the week", None)],
)
def test_the_caption_alone_labels(caption, label):
    assert only(caption).label == label


def test_addresses_outside_the_picture_hosts_are_not_fetched():
    assert (
        only("COVID-19 CXR", media_url="https://evil.example/a.jpg").skip == "the API gives no address of the picture"
    )


def test_no_token_is_part_of_an_address():
    assert "access_token" not in question("1", "page", "abc")


def test_pages_are_never_read():
    with pytest.raises(CxnetError, match="saved answer of the API"):
        list(Instagram().page_items(None, "https://www.instagram.com/p/x/"))


@given(JSON)
def test_any_answer_is_items(found):
    for content in (found, {"business_discovery": {"media": found}}):
        assert all(isinstance(item, Item) for item in parse(content, "page"))
        assert next_cursor(content) is None or isinstance(next_cursor(content), str)
