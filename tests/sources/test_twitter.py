import json

import pytest
from drawn import by_bytes, film, shown, skips
from hypothesis import given
from hypothesis import strategies as st

from sources.base import Item
from sources.errors import CxnetError
from sources.sandbox.sites.twitter import render
from sources.twitter import Twitter, author_of, day_of, next_token, parse

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["data", "includes", "media", "attachments", "media_keys", "id", "text", "meta", "url", "type"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


def answer(text, *, author="1", kind="photo", url="https://pbs.twimg.com/media/EUa.jpg"):
    media = {"media_key": "3_7", "type": kind} | ({"url": url} if url else {})
    post = {"id": "55", "text": text, "author_id": author, "attachments": {"media_keys": ["3_7"]}}
    return {"data": [post], "includes": {"media": [media]}}


def only(text, **facts) -> Item:
    (item,) = parse(answer(text, **facts), "1")
    return item


def test_every_film_of_the_drawn_thread_comes_back(tmp_path):
    films = [film(n, patient_id=f"p{n // 3}", offset_days=n % 3, stated_age=40.0 + n // 3) for n in range(60)]
    items, site = shown(Twitter(), render, films, tmp_path)
    found = by_bytes(items, site)
    assert set(found) == {one.data for one in films}
    for one in films:
        item = found[one.data]
        assert (item.label, item.age, item.sex, item.offset_days) == ("covid", one.stated_age, "F", one.offset_days)
    assert skips(items) == {
        "fetch": 60,
        "posted by someone else": 1,
        "a video, not an image": 1,
        "the API gives no address of the picture": 1,
    }


def test_films_of_a_case_share_its_patient():
    assert only("Case 12. 73yo M. CXR, day 4 of admission #COVID19").patient_id == "case-12"


@pytest.mark.parametrize(
    ("text", "skip"),
    [
        ("Case 1. CXR #COVID19", None),
        ("Chest CT of case 3 #COVID19", "CT by the post's text"),
    ],
)
def test_ct_pictures_are_not_fetched(text, skip):
    assert only(text).skip == skip


def test_other_peoples_pictures_are_rows_without_label():
    item = only("COVID-19 too?", author="2")
    assert (item.label, item.patient_id, item.skip) == (None, None, "posted by someone else")


def test_without_a_known_author_nothing_is_fetched():
    (item,) = parse(answer("CXR #COVID19"), None)
    assert item.skip == "posted by someone else"


def test_addresses_outside_the_picture_host_are_not_fetched():
    assert only("CXR #COVID19", url="https://evil.example/a.jpg").skip == "the API gives no address of the picture"


def test_days_are_given_only_when_they_fit_the_pictures():
    text = "CXR, day 1, 4, 6 of admission"
    assert [day_of(text, place, 3) for place in range(3)] == [1.0, 4.0, 6.0]
    assert day_of(text, 0, 2) is None


def test_saved_answers_are_read_from_files(tmp_path):
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(answer("Case 1. 68yo F. CXR #COVID19")))
    (item,) = Twitter().page_items(None, str(path))
    assert (item.label, item.age, item.sex) == ("covid", 68.0, "F")
    path.write_bytes(b"<html>")
    with pytest.raises(CxnetError, match=r"answer\.json is not a saved JSON answer"):
        list(Twitter().page_items(None, path.as_uri()))


def test_pages_are_never_read():
    with pytest.raises(CxnetError, match="saved answer of the API"):
        list(Twitter().page_items(None, "https://twitter.com/ChestImaging/status/1"))


@given(page=JSON, author=st.none() | st.text(max_size=3))
def test_any_answer_is_items(page, author):
    assert all(isinstance(item, Item) for item in parse(page, author))
    assert next_token(page) is None or isinstance(next_token(page), str)
    assert author_of(page) is None or isinstance(author_of(page), str)
