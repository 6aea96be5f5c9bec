"""Listings of several API answers: cursors, older forms of an address, and answers that are empty under load."""

import json

import pytest
from loopback import serving
from toy import client

from sources.core.addresses import Hosts
from sources.core.errors import WebError
from sources.core.origin import LIVE
from sources.core.web import Page
from sources.download.downloads import Downloads
from sources.download.store import Store
from sources.download.web import SourceWeb
from sources.reading.answers import listing_answers


class Copy:
    """An offline copy, or a live site, with the given answers."""

    def __init__(self, answers, offline=True):
        self.answers, self.offline, self.requests = answers, offline, []

    def get(self, url, headers, suspect):
        self.requests.append(url)
        if url not in self.answers:
            raise WebError(url, "HTTP 404", 404)
        return Page(url, json.dumps(self.answers[url]).encode())


def listed(web, forms=("new", "old")):
    def addresses(cursor):
        return [f"{form}{cursor or ''}" for form in forms]

    return list(listing_answers(web, addresses, lambda answer: answer.get("next"), {}, lambda answer: not answer))


def test_answers_follow_their_cursors():
    assert [address for address, _ in listed(Copy({"new": {"next": "2"}, "new2": {"next": None}}))] == ["new", "new2"]


def test_each_answer_of_an_offline_copy_may_have_its_own_form():
    assert [address for address, _ in listed(Copy({"old": {"next": "2"}, "new2": {"a": 1}}))] == ["old", "new2"]


def test_the_live_web_is_asked_in_the_current_form_alone():
    web = Copy({"old": {"a": 1}}, offline=False)
    with pytest.raises(WebError, match="HTTP 404"):
        listed(web)
    assert web.requests == ["new"]


def test_an_answer_in_no_form_is_gone():
    with pytest.raises(WebError, match="old: HTTP 404"):
        listed(Copy({}))


@pytest.mark.parametrize("busy", [b"{}", b"<html>try later</html>", b""])
def test_an_empty_answer_of_a_busy_server_is_requested_again(tmp_path, busy):
    with serving(files={"/list": b'{"posts": [1]}'}) as site:
        site.faults["/list"] = lambda answer, before: before < 2 and (answer.respond(200, busy) or True)
        sleeps = []
        sender, hosts = client(sleeps), Hosts(("127.0.0.1",))
        web = SourceWeb(sender, hosts, Downloads(sender, Store(tmp_path, LIVE), hosts), tmp_path)
        assert [answer for _, answer in listed(web, (f"{site.url}/list",))] == [{"posts": [1]}]
        assert [round(wait) for wait in sleeps] == [1, 2]
