"""The checkup of sources, on a loopback server whose pages move, change, close and fall silent."""

import json
from datetime import date

import pytest
from loopback import busy, redirected, serving
from toy import client, picture

from pipeline.core.layout import Layout as Folders
from pipeline.core.params import Params
from pipeline.fetch.doctor import Diagnosis, _remembered, check_sources, diagnose
from sources.core.errors import UsageError
from sources.core.items import Item, unparsed
from sources.core.layouts import Layout
from sources.core.origin import LIVE
from sources.core.source import Source, Terms
from sources.reading.html import Listing, absolute, attribute, soup, walk

LIST = Layout("list of 2026", "2026-11", r"/list$", {"case": "a.case"}, {"next": "a.next"})
CASE = Layout("case of 2026", "2026-11", r"/case/\d+$", {"picture": "img.film", "age": "p.age"})
OLD_CASE = Layout("case of 2020", "2020", r"/case/\d+$", {"picture": "img.old"})
CHECK = b"<html><title>Just a moment...</title><body></body></html>"


class Clinic(Source):
    """A site with a list, cases and films."""

    name = "clinic"
    title = "Clinic"
    homepage = "http://127.0.0.1/"
    labels = ("covid",)
    hosts = ("127.0.0.1",)
    terms = Terms(licence="CC0")
    layouts = (LIST, CASE, OLD_CASE)
    has_pages = True

    def __init__(self, url):
        self.url = url

    def items(self, web):
        listing = Listing(LIST["case"], self._cases, lambda tree, url: None)
        yield from walk(web, f"{self.url}/list", listing, self.page_items)

    def _cases(self, tree, url):
        return [absolute(url, attribute(link, "href")) for link in tree.select(LIST["case"])]

    def page_items(self, web, url):
        tree = soup(web.get(url).text)
        films = tree.select("img.film, img.old")
        if not films:
            yield unparsed(url, "img.film")
        for film in films:
            address = absolute(url, attribute(film, "src"))
            yield Item(address, address, page_url=url, label="covid", age=61.0, modality="X-ray")


@pytest.fixture
def site():
    with serving() as site:
        site.files |= {
            "/list": b'<a class="case" href="/case/1">1</a><a class="case" href="/case/2">2</a>',
            "/case/1": b'<p class="age">61</p><img class="film" src="/a.png">',
            "/case/2": b'<p class="age">61</p><img class="film" src="/b.png">',
            "/a.png": picture(1),
            "/b.png": picture(2),
        }
        yield site


def check(site, **limits):
    return diagnose(Clinic(site.url), client(**limits), LIVE)


def test_a_source_that_is_well_costs_four_requests(site):
    assert check(site) == Diagnosis(
        source="clinic",
        state="ok",
        reachable="yes",
        layouts=("list of 2026, 2026-11", "case of 2026, 2026-11"),
        fields=("label", "modality", "age"),
        images=1,
        file="image/png",
    )
    assert dict(site.counts()) == {"/robots.txt": 1, "/list": 1, "/case/1": 1, "/a.png": 1}
    assert site.headers_of("/a.png")[0]["range"] == "bytes=0-511"


def test_a_page_of_an_older_layout_is_known_too(site):
    site.files["/case/1"] = b'<img class="old" src="/a.png">'
    found = check(site)
    assert (found.state, found.layouts[1]) == ("ok", "case of 2020, 2020")


def test_a_changed_layout_names_the_field_and_when_it_was_last_seen(site):
    for case in ("/case/1", "/case/2"):
        site.files[case] = b'<span class="age">61</span><img class="film" src="/a.png">'
    found = check(site)
    (change,) = found.changes
    assert (found.state, found.file) == ("changed", "image/png")
    assert change.startswith(f"{site.url}/case/1 no longer shows age (p.age) of 'case of 2026, 2026-11'")


def test_cases_without_a_picture_are_a_change_with_the_selector(site):
    site.files |= {"/case/1": b"<h1>redesigned</h1>", "/case/2": b"<h1>redesigned</h1>"}
    found = check(site)
    assert (found.state, found.images, found.file) == ("changed", 0, None)
    assert found.changes[0] == f"parse: no image found at {site.url}/case/1 (selector img.film)"
    assert "no longer shows picture" in found.changes[1]


def test_one_odd_case_is_no_change(site):
    site.files["/case/1"] = b"<p>withdrawn</p>"
    assert check(site).state == "ok"


def test_an_empty_list_is_a_change(site):
    site.files["/list"] = b"<p>nothing</p>"
    found = check(site)
    assert (found.state, found.reachable) == ("changed", "yes")
    assert found.changes[0] == f"parse: no image found at {site.url}/list (selector a.case)"


def test_a_page_that_moved_is_a_change_with_its_new_address(site):
    site.files["/archive/list"] = site.files.pop("/list")
    site.faults["/list"] = redirected("/archive/list", 301)
    found = check(site)
    assert found.state == "changed" and found.images == 1
    assert found.changes == (f"{site.url}/list has moved to {site.url}/archive/list: update the address",)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (busy(99, 404), "HTTP 404"),
        (busy(99, 503), "HTTP 503 (2 tries)"),
        (lambda answer, before: answer.respond(403, CHECK) or True, "the site checks the browser instead of answering"),
        (lambda answer, before: answer.hang_up() or True, "no connection"),
    ],
)
def test_a_source_that_does_not_answer_is_broken_with_the_reason(site, fault, reason):
    site.faults["/list"] = fault
    found = check(site, retries=1)
    assert found.state == "broken" and found.needs_attention
    assert reason in found.reachable and found.changes == ()  # told once


def test_a_dead_host_is_broken(site):
    url = site.url
    with serving() as gone:
        dead = gone.url
    found = diagnose(Clinic(dead), client(retries=0), LIVE)
    assert url != dead and (found.state, found.file) == ("broken", None)
    assert "robots.txt cannot be read: no connection" in found.reachable


def test_robots_txt_may_forbid_the_source(site):
    site.files["/robots.txt"] = b"User-agent: *\nDisallow: /list\n"
    assert "robots.txt forbids it" in check(site).reachable


def test_gates_on_every_case_are_told_as_such(site):
    site.faults |= {path: lambda answer, before: answer.respond(200, CHECK) or True for path in ("/case/1", "/case/2")}
    found = check(site, retries=1)
    assert (found.state, found.reachable) == ("broken", "yes")
    assert "the site checks the browser instead of answering" in found.changes[0]


def test_a_file_that_is_gone_is_replaced_by_the_next_and_none_at_all_is_broken(site):
    site.files["/case/1"] += b'<img class="film" src="/b.png">'
    del site.files["/a.png"]
    assert check(site).state == "ok"
    site.files["/b.png"] = b"<html>moved</html>"
    found = check(site)
    assert (found.state, found.file) == ("broken", None)
    assert found.changes == (f"no file could be fetched: {site.url}/a.png: HTTP 404",)


class Packed(Clinic):
    """A source whose only list is inside an archive."""

    layouts = ()

    def items(self, web):
        raise AssertionError(f"the archive is not fetched: {web.archive(f'{self.url}/set.zip')}")
        yield


def test_of_an_archive_only_the_beginning_is_fetched(site):
    site.files["/set.zip"] = b"PK\x03\x04" + bytes(3_000_000)
    found = diagnose(Packed(site.url), client(), LIVE)
    assert (found.state, found.file, found.images) == ("ok", "application/zip", 0)
    site.files["/set.zip"] = b"<html>sorry</html>"
    found = diagnose(Packed(site.url), client(), LIVE)
    assert found.state == "broken" and "the file is of type text/html" in found.reachable


class WithFallback(Clinic):
    """A source that has a second place for its list."""

    def items(self, web):
        try:
            web.get(f"{self.url}/api")
        except Exception:
            yield from super().items(web)


def test_a_fallback_that_serves_is_told_and_is_no_illness(site):
    found = diagnose(WithFallback(site.url), client(), LIVE)
    assert (found.state, found.changes) == ("ok", (f"a fallback serves: {site.url}/api: HTTP 404",))


def test_since_when_is_remembered_per_origin(tmp_path):
    folders = Folders.at(tmp_path)

    def remember(state, day, place="live"):
        (found,) = _remembered(folders, place, [Diagnosis("clinic", state, "yes")], date(2026, 11, day))
        return found.since, found.last_ok

    assert remember("ok", 1) == ("2026-11-01", "2026-11-01")
    assert remember("ok", 2) == ("2026-11-01", "2026-11-02")
    assert remember("broken", 3) == ("2026-11-03", "2026-11-02")
    assert remember("broken", 9) == ("2026-11-03", "2026-11-02")
    assert remember("broken", 9, "mirror") == ("2026-11-09", None)
    (tmp_path / "data" / "doctor.json").write_text("[1]")
    assert remember("ok", 10) == ("2026-11-10", "2026-11-10")


def test_a_closed_source_is_told_as_closed_and_not_requested(tmp_path, monkeypatch):
    monkeypatch.delenv("X_BEARER_TOKEN", raising=False)
    found = check_sources(Folders.at(tmp_path), Params(profile="p"), ["radiopaedia", "twitter"])
    assert [(one.source, one.state, one.reachable) for one in found] == [
        ("radiopaedia", "closed", "not requested"),
        ("twitter", "closed", "not requested"),
    ]
    assert "--accept-terms radiopaedia" in found[0].changes[0] and "X_BEARER_TOKEN" in found[1].changes[0]
    assert not any(one.needs_attention for one in found)


def test_unknown_names_and_folders_are_usage_errors(tmp_path):
    params = Params.model_validate_json(json.dumps({"profile": "p", "folders": [{"name": "own", "path": "/x"}]}))
    with pytest.raises(UsageError, match="Unknown source 'nope'"):
        check_sources(Folders.at(tmp_path), params, ["nope"])
    with pytest.raises(UsageError, match="'own' is a folder of your own"):
        check_sources(Folders.at(tmp_path), params, ["own"])


def test_the_doctor_finds_the_mirror_well(mirror, tmp_path):
    names = ("eurorad", "radiopaedia", "sirm", "nih", "hannover", "twitter", "instagram", "pediatric", "cxnet")
    found = check_sources(Folders.at(tmp_path), Params(profile="mirror", mirror=str(mirror)), names)
    assert {one.source: one.state for one in found} == dict.fromkeys(names, "ok")
