import json

import pytest
from any_json import JSON
from hypothesis import given
from sites import Mirror, by_bytes, film, list_items, skips

from sources.core.errors import CxnetError, UsageError
from sources.core.items import Item
from sources.core.web import Page
from sources.instagram import GRAPH, PAGES, VERSIONS, Instagram, next_cursor, parse, posts_address
from sources.sandbox.sites.instagram import render

PICTURE = "https://scontent.cdninstagram.com/v/1_n.jpg?oh=1"


def answer(caption, kind="IMAGE", **more):
    post = {"id": "9", "caption": caption, "media_type": kind, "media_url": PICTURE} | more
    return {"business_discovery": {"username": "theradiologistpage", "media": {"data": [post]}}}


def only(caption, **more) -> Item:
    (item,) = parse(answer(caption, **more), "theradiologistpage")
    return item


def test_every_film_of_the_synthetic_pages_is_listed(tmp_path):
    films = [film(n, patient_id=f"p{n // 2}", stated_age=40.0 + n // 2) for n in range(15)]
    items, site = list_items(Instagram(), render, films, tmp_path)
    found = by_bytes(items, site)
    assert set(found) >= {one.data for one in films}
    assert {(found[one.data].label, found[one.data].age, found[one.data].view) for one in films} == {
        ("covid", 40.0 + n, "PA") for n in range(8)
    }
    assert skips(items) == {"fetch": 16, "a video, not an image": 1, "the caption does not mention a chest film": 1}


def test_the_films_of_an_album_are_one_post_of_an_unknown_patient():
    children = {"data": [{"id": "1", "media_url": PICTURE}, {"media_url": PICTURE}]}
    found = list(parse(answer("COVID-19, chest X-ray on two days", "CAROUSEL_ALBUM", children=children), "p"))
    assert [(item.item_id, item.study_id, item.patient_id) for item in found] == [("1", "9", None), ("9-2", "9", None)]


@pytest.mark.parametrize(
    ("caption", "label"),
    [
        ("COVID-19 pneumonia, chest X-ray", "covid"),
        ("COVID-19? RT-PCR negative, chest X-ray", None),
        ("SARS, chest X-ray", "cap"),
        ("Normal chest x-ray", "normal"),
        ("Chest X-ray of the week", None),
    ],
)
def test_the_caption_alone_labels(caption, label):
    assert only(caption).label == label


def test_addresses_outside_the_picture_hosts_are_not_fetched():
    assert (
        only("COVID-19 CXR", media_url="https://evil.example/a.jpg").skip == "the API gives no address for the picture"
    )


@pytest.mark.parametrize(
    ("caption", "skip"),
    [
        ("Covid #chestxray", None),
        ("COVID-19 CXR and CT", None),
        ("COVID-19, axial CT", "CT according to its caption"),
        ("Guess the fracture!", "the caption does not mention a chest film"),
    ],
)
def test_only_posts_about_chest_films_are_fetched(caption, skip):
    assert only(caption).skip == skip


def test_saved_answers_are_read_from_a_folder(tmp_path):
    (tmp_path / "1.json").write_text(json.dumps(answer("COVID-19 CXR")))
    (tmp_path / "2.json").write_text(json.dumps(answer("COVID-19 CXR", id="10")))
    assert [item.item_id for item in Instagram().page_items(None, str(tmp_path))] == ["9", "10"]


@pytest.mark.parametrize(
    "content", [{}, {"error": {"code": 190}}, [], answer("x") | {"business_discovery": {"media": 5}}]
)
def test_saved_answers_without_posts_are_refused_in_one_sentence(tmp_path, content):
    (tmp_path / "1.json").write_text(json.dumps(content))
    with pytest.raises(CxnetError, match="contains no post"):
        list(Instagram().page_items(None, str(tmp_path)))


def test_an_answer_without_posts_is_a_row_with_that_reason():
    class Empty:
        offline = True

        def token(self, variable):
            return None

        def get(self, url, headers, suspect=None):
            return Page(url, b"{}")

    found = list(Instagram().items(Empty()))
    assert [item.url for item in found] == [f"https://www.instagram.com/{page}/" for page in PAGES]
    assert all(item.skip.endswith("(selector business_discovery.media.data)") for item in found)


def test_live_answers_are_few():
    class Live:
        offline = False
        requests = []

        def token(self, variable):
            return variable.lower()

        def get(self, url, headers, suspect=None):
            self.requests.append((url, headers))
            return Page(url, json.dumps(answer("COVID-19 CXR")).encode())

    found = list(Instagram().items(Live()))
    assert len(found) == len(Live.requests) == 2
    assert all("limit(25)" in url and "/instagram_user_id?" in url for url, _ in Live.requests)
    assert {headers["Authorization"] for _, headers in Live.requests} == {"Bearer instagram_token"}


def test_the_version_of_the_api_is_an_option():
    assert f"{GRAPH}/{VERSIONS[0]}/1?" in posts_address("1", "page", None)

    class Live:
        offline = False
        requests = []

        def token(self, variable):
            return "x"

        def get(self, url, headers, suspect=None):
            self.requests.append(url)
            return Page(url, json.dumps(answer("COVID-19 CXR")).encode())

    list(Instagram().configured({"version": "v31.0"}).items(Live()))
    assert len(Live.requests) == 2 and all(url.startswith(f"{GRAPH}/v31.0/") for url in Live.requests)
    with pytest.raises(UsageError, match=r"fetch.options.instagram.version is '26': it should be a version"):
        Instagram().configured({"version": "26"})


def test_robots_txt_does_not_decide_about_the_api_but_about_the_pictures():
    reach = Instagram().reach()
    assert reach.is_api(posts_address("1", "page", None)) and not reach.is_api(PICTURE)


def test_the_offline_copy_lists_8_pictures(mirror):
    copy = Mirror(mirror)
    listed = list(Instagram().items(copy))
    assert skips(listed) == {
        "fetch": 5,
        "a video, not an image": 1,
        "CT according to its caption": 1,
        "the caption does not mention a chest film": 1,
    }
    assert sum(copy.holds(item) for item in listed if item.skip is None) == 4
    assert {item.label for item in listed if item.skip is None} == {"covid"}


def test_no_token_is_part_of_an_address():
    assert "access_token" not in posts_address("1", "page", "abc")


def test_pages_are_never_read():
    with pytest.raises(CxnetError, match="saved answers of the API"):
        list(Instagram().page_items(None, "https://www.instagram.com/p/x/"))


@given(JSON)
def test_any_answer_is_items(found):
    for content in (found, {"business_discovery": {"media": found}}):
        assert all(isinstance(item, Item) for item in parse(content, "page"))
        assert next_cursor(content) is None or isinstance(next_cursor(content), str)
