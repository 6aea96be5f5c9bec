import json

import pytest
from any_json import JSON
from hypothesis import given
from hypothesis import strategies as st
from sites import Mirror, by_bytes, film, gone, list_items, skips

from sources.core.errors import CxnetError
from sources.core.items import Item
from sources.core.source import registry
from sources.core.web import Page
from sources.sandbox.sites.twitter import render
from sources.twitter import (
    ROOT,
    SEARCH,
    SEARCH_WITHOUT_START,
    THREAD,
    Twitter,
    author_of,
    day_of,
    next_token,
    parse,
)


def answer(text, *, author="1", kind="photo", url="https://pbs.twimg.com/media/EUa.jpg", identity="55"):
    media = {"media_key": "3_7", "type": kind} | ({"url": url} if url else {})
    post = {"id": identity, "text": text, "author_id": author, "attachments": {"media_keys": ["3_7"]}}
    return {"data": [post], "includes": {"media": [media]}}


def only(text, **facts) -> Item:
    (item,) = parse(answer(text, **facts), "1")
    return item


def test_every_film_of_the_synthetic_thread_is_listed(tmp_path):
    films = [film(n, patient_id=f"p{n // 3}", offset_days=n % 3, stated_age=40.0 + n // 3) for n in range(60)]
    items, site = list_items(Twitter(), render, films, tmp_path)
    found = by_bytes(items, site)
    assert set(found) == {one.data for one in films}
    for one in films:
        item = found[one.data]
        assert (item.label, item.age, item.sex, item.offset_days) == ("covid", one.stated_age, "F", one.offset_days)
    assert skips(items) == {
        "fetch": 60,
        "posted by someone else": 1,
        "a video, not an image": 1,
        "the API gives no address for the picture": 1,
    }


def test_films_of_a_case_share_its_patient():
    assert only("Case 12. 73yo M. CXR, day 4 of admission #COVID19").patient_id == "case-12"


@pytest.mark.parametrize(
    ("text", "skip"),
    [
        ("Case 1. CXR #COVID19", None),
        ("Chest CT of case 3 #COVID19", "CT according to the post"),
        ("CXR and CT of case 3 #COVID19", None),
    ],
)
def test_ct_pictures_are_not_fetched(text, skip):
    assert only(text).skip == skip


def test_other_peoples_pictures_are_rows_without_label():
    item = only("COVID-19 too?", author="2")
    assert (item.label, item.patient_id, item.skip) == (None, None, "posted by someone else")
    assert (item.attribution, only("COVID-19").attribution) == (None, "@ChestImaging on X")


def test_without_a_known_author_nothing_is_fetched():
    (item,) = parse(answer("CXR #COVID19"), None)
    assert item.skip == "posted by someone else"


@pytest.mark.parametrize("url", ["https://evil.example/a.jpg", "https://api.x.com/2/a.jpg", "file:///etc/passwd", None])
def test_addresses_outside_the_picture_host_are_not_fetched(url):
    assert only("CXR #COVID19", url=url).skip == "the API gives no address for the picture"


@pytest.mark.parametrize(
    ("text", "label", "rt_pcr"),
    [
        ("Case 1. 68yo F. CXR #COVID19 &amp; #chestrad", "covid", None),
        ("CXR, COVID-19 confirmed by RT-PCR", "covid", "positive"),
        ("CXR, COVID-19? RT-PCR negative", None, "negative"),
        ("CXR, suspected COVID-19", None, None),
        ("CXR of SARS in 2003", "cap", None),
        ("One more CXR", None, None),
    ],
)
def test_the_text_labels_by_the_rules_for_prose(text, label, rt_pcr):
    assert (only(text).label, only(text).rt_pcr) == (label, rt_pcr)


def test_age_and_sex_are_read_in_the_posts_shorthand_and_in_words():
    for text in ("Case 1. 68yo F. CXR", "CXR of a 68-year-old woman"):
        assert (only(text).age, only(text).sex) == (68.0, "F")


def test_days_are_given_only_when_they_fit_the_pictures():
    text = "CXR, day 1, 4, 6 of admission"
    assert [day_of(text, place, 3) for place in range(3)] == [1.0, 4.0, 6.0]
    assert day_of(text, 0, 2) is None
    assert (day_of("CXR, day 7", 0, 1), day_of("CXR, day 7", 0, 2)) == (7.0, None)


class Answers:
    """Gives the answers of the API, and records the requests."""

    offline = False

    def __init__(self, answers):
        self.answers = answers
        self.requests = []

    def token(self, variable):
        return f"secret-{variable}"

    def get(self, url, headers, suspect=None):
        self.requests.append((url, headers))
        if url in self.answers and self.answers[url] is None:
            raise gone(url)
        return Page(url, json.dumps(self.answers.get(url, {})).encode())


def test_the_token_is_a_header_and_never_part_of_an_address():
    web = Answers({ROOT: answer("CXR #COVID19", identity=THREAD), SEARCH: answer("CXR #COVID19")})
    (item,) = Twitter().items(web)
    assert item.skip is None and len(web.requests) == 2
    assert {headers["Authorization"] for _, headers in web.requests} == {"Bearer secret-X_BEARER_TOKEN"}
    assert "secret" not in "".join([item.url, *item.alternates, *(url for url, _ in web.requests)])


def test_the_search_starts_before_the_thread():
    """Without it, the full-archive search covers the last 30 days."""
    assert "&start_time=2020-03-01T00:00:00Z&" in SEARCH
    assert registry()["twitter"].reach().is_api(SEARCH)


def test_an_offline_copy_that_was_recorded_without_a_start_is_read():
    web = Answers({ROOT: answer("CXR #COVID19", identity=THREAD), SEARCH_WITHOUT_START: answer("CXR #COVID19")})
    web.offline = True
    web.answers[SEARCH] = None
    (item,) = Twitter().items(web)
    assert item.skip is None and web.requests[-1][0] == SEARCH_WITHOUT_START


@pytest.mark.parametrize(
    ("answers", "message"),
    [({}, "(selector data.author_id)"), ({ROOT: answer("CXR", identity=THREAD)}, "(selector data)")],
)
def test_an_answer_without_the_author_or_without_posts_is_a_row_with_that_reason(answers, message):
    (item,) = Twitter().items(Answers(answers))
    assert item.skip.startswith("parse: no image found at https://api.x.com/2/tweets") and item.skip.endswith(message)


@pytest.mark.parametrize("media", [5, True, "x", {"a": 1}, [1, None]])
def test_media_of_another_shape_are_pictures_without_address(media):
    (item,) = parse(answer("CXR #COVID19") | {"includes": {"media": media}}, "1")
    assert item.skip == "the API gives no address for the picture"


def saved(folder, **answers):
    for name, content in answers.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def test_saved_answers_are_read_together_from_a_folder(tmp_path):
    root = answer("Case 1. 68yo F. CXR #COVID19", identity=THREAD)
    folder = saved(tmp_path, b=root, a=answer("Case 2. CXR #COVID19"), c=answer("Mine too", author="2"))
    found = list(Twitter().page_items(None, str(folder)))
    assert [(item.patient_id, item.age, item.skip) for item in found] == [
        ("case-2", None, None),
        ("case-1", 68.0, None),
        (None, None, "posted by someone else"),
    ]
    assert len(list(Twitter().page_items(None, (folder / "b.json").as_uri()))) == 1


def test_the_author_is_identified_by_the_first_post_or_by_the_name():
    users = {"includes": {"users": [{"id": "7", "username": "chestimaging"}, {"id": "8", "username": "other"}]}}
    assert author_of([answer("CXR"), users]) == "7"
    assert author_of([answer("CXR", identity=THREAD)]) == "1"
    assert author_of([answer("CXR")]) is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", json.dumps(answer("CXR #COVID19")), "does not identify @ChestImaging"),
        ("a.json", "<html>", r"a\.json is not a saved JSON answer"),
        ("a.json", "[" * 100_000, r"a\.json is not a saved JSON answer"),
        ("a.txt", "{}", "contains no saved answers"),
    ],
)
def test_a_file_that_is_not_a_saved_answer_is_one_sentence(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(CxnetError, match=message):
        list(Twitter().page_items(None, str(tmp_path)))


def test_pages_are_never_read():
    with pytest.raises(CxnetError, match="saved answers of the API"):
        list(Twitter().page_items(None, "https://twitter.com/ChestImaging/status/1"))


def test_the_offline_copy_lists_the_author_s_films_and_what_else_is_there(mirror):
    copy = Mirror(mirror)
    listed = list(Twitter().items(copy))
    assert skips(listed) == {
        "fetch": 85,
        "posted by someone else": 1,
        "a video, not an image": 1,
        "CT according to the post": 1,
    }
    films = [item for item in listed if item.skip is None]
    assert sum(copy.holds(item) for item in films) == 84
    assert len({item.patient_id for item in films} - {None}) == 35
    assert {item.label for item in films} == {"covid"}
    assert sum(item.offset_days is not None for item in films) == 71
    assert not any(item.redistributable for item in listed)


@given(page=JSON, author=st.none() | st.text(max_size=3))
def test_any_answer_is_items(page, author):
    assert all(isinstance(item, Item) for item in parse(page, author))
    assert next_token(page) is None or isinstance(next_token(page), str)
    assert author_of([page]) is None or isinstance(author_of([page]), str)
