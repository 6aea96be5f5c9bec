import gzip
import io
import time
from dataclasses import replace

import pytest
import requests
from clock import Clock
from loopback import busy, packed, redirected, serving
from requests.adapters import BaseAdapter
from toy import POLICY, client
from urllib3 import HTTPResponse

from sources.core.addresses import Hosts
from sources.core.errors import UsageError, WebError
from sources.core.origin import LIVE
from sources.core.web import Page, Web
from sources.download.downloads import Downloads
from sources.download.store import Store
from sources.download.web import SourceWeb
from sources.transport.client import Client
from sources.transport.guard import is_public
from sources.transport.policy import Policy

HOSTS = Hosts(("127.0.0.1",))


@pytest.fixture
def site():
    with serving(files={"/page": b"<html>h\xc3\xa9</html>", "/list": b"[1, 2]"}) as site:
        yield site


def web(folder, with_client=None, hosts=HOSTS, record=None) -> Web:
    sender = with_client or client()
    return SourceWeb(sender, hosts, Downloads(sender, Store(folder, LIVE), hosts), folder, record)


def test_a_page_has_text_json_address_and_headers(site, tmp_path):
    site.kinds["/page"] = "text/html; charset=utf-8"
    page = web(tmp_path).get(f"{site.url}/page")
    assert (page.text, page.url) == ("<html>hé</html>", f"{site.url}/page")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert web(tmp_path).get(f"{site.url}/list").json() == [1, 2]


def test_an_answer_that_is_not_json_is_one_sentence(site, tmp_path):
    with pytest.raises(WebError, match="the answer is not JSON"):
        web(tmp_path).get(f"{site.url}/page").json()


@pytest.mark.parametrize(
    "kind", ["text/html; charset=latin-1", "text/html; charset=nonsense", "text/html", "\0;;=", ""]
)
def test_text_never_fails(kind):
    assert "h" in Page("u", b"h\xe9\xff", {"content-type": kind}).text


def test_the_error_of_an_absent_page_has_its_status(site, tmp_path):
    with pytest.raises(WebError, match="HTTP 404") as caught:
        web(tmp_path).get(f"{site.url}/absent")
    assert caught.value.status == 404


def test_requests_have_our_user_agent_and_the_given_headers(site, tmp_path):
    web(tmp_path).get(f"{site.url}/page", {"Authorization": "Bearer x"})
    sent = site.headers_of("/page")[0]
    assert "cxnet-data/" in sent["user-agent"]
    assert "curator@example.org" in sent["user-agent"]
    assert sent["authorization"] == "Bearer x"


def test_a_token_is_not_sent_to_another_host(site, tmp_path):
    with serving(files={"/there": b"ok"}) as other:
        site.faults["/page"] = redirected(f"{other.url}/there")
        web(tmp_path).get(f"{site.url}/page", {"Authorization": "Bearer x"})
        assert "authorization" not in other.headers_of("/there")[0]


def test_a_token_is_not_sent_unencrypted(tmp_path):
    sent = []

    class Plaintext(BaseAdapter):
        def send(self, request, **options):
            sent.append((request.url, "Authorization" in request.headers))
            response = requests.Response()
            response.request, response.url, response.status_code = request, request.url, 200
            if request.url == "https://api.example/page":
                response.status_code, response.headers["Location"] = 302, "http://api.example/page"
            response.raw = HTTPResponse(body=io.BytesIO(b""), preload_content=False)
            return response

        def close(self):
            pass

    talking = client()
    for scheme in ("http://", "https://"):
        talking._session.mount(scheme, Plaintext())
    web(tmp_path, talking, Hosts(("api.example",))).get("https://api.example/page", {"Authorization": "Bearer x"})
    assert [has for url, has in sent if url.endswith("/page")] == [True, False]


@pytest.mark.parametrize(
    "url",
    [
        "http://other.example/x",
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "http://user:word@127.0.0.1/",
        "x",
        "http://[",
    ],
)
def test_other_hosts_and_schemes_are_refused_without_a_request(tmp_path, url):
    with pytest.raises(WebError, match=r"not one of the source's|not a plain|not an address"):
        web(tmp_path).get(url)


def test_private_addresses_are_refused_unless_allowed(site, tmp_path):
    public_only = Client(Policy(delay_s=0, retries=0))
    with pytest.raises(WebError, match="its host is on a private network"):
        web(tmp_path, public_only).get(f"{site.url}/page")
    assert site.requests == []


def test_a_name_that_leads_to_a_private_address_is_refused(site, tmp_path):
    public_only = Client(Policy(delay_s=0, retries=0))
    with pytest.raises(WebError, match="its host is on a private network"):
        web(tmp_path, public_only, Hosts(("localhost",))).get(site.url.replace("127.0.0.1", "localhost") + "/page")
    assert site.requests == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.0.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("2002:7f00:1::", False),
        ("2002:808:808::", True),
        ("::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b::808:808", True),
        ("64:ff9b:1::7f00:1", False),
        ("fec0::1", False),
        ("ff0e::1", False),
        ("192.0.0.8", False),
        ("192.0.1.1", True),
        ("192.88.99.1", False),
        ("192.88.98.255", True),
        ("::ffff:192.88.99.1", False),
        ("2002:c058:6301::", False),
        ("3fff::1", False),
        ("3fff:fff:ffff::1", False),
        ("3ffe::1", True),
    ],
)
def test_which_addresses_are_public(address, public):
    assert is_public(address) is public


def test_robots_txt_is_obeyed_and_requested_once(site, tmp_path):
    site.files |= {"/robots.txt": b"User-agent: *\nDisallow: /page\n", "/other": b"ok"}
    reader = web(tmp_path)
    with pytest.raises(WebError, match=r"robots\.txt forbids it"):
        reader.get(f"{site.url}/page")
    reader.get(f"{site.url}/other")
    assert site.counts() == {"/robots.txt": 1, "/other": 1}


def test_a_robots_txt_that_a_broken_server_does_not_return_forbids_everything(site, tmp_path):
    site.faults["/robots.txt"] = busy(99, 503)
    with pytest.raises(WebError, match=r"robots\.txt cannot be read: HTTP 503"):
        web(tmp_path).get(f"{site.url}/page")


def test_a_robots_txt_does_not_decide_about_an_official_api(site, tmp_path):
    site.files |= {"/robots.txt": b"User-agent: *\nDisallow: /\n", "/api/v1": b"yes", "/apis": b"no"}
    reader = web(tmp_path, hosts=Hosts(("127.0.0.1",), ("127.0.0.1/api",)))
    assert reader.get(f"{site.url}/api/v1").content == b"yes"
    assert site.counts() == {"/api/v1": 1}
    with pytest.raises(WebError, match=r"robots\.txt forbids it"):
        reader.get(f"{site.url}/apis")


def test_a_redirect_from_an_api_to_a_page_obeys_robots_txt(site, tmp_path):
    site.files["/robots.txt"] = b"User-agent: *\nDisallow: /page\n"
    site.faults["/api"] = redirected("/page")
    with pytest.raises(WebError, match=r"robots\.txt forbids it"):
        web(tmp_path, hosts=Hosts(("127.0.0.1",), ("127.0.0.1/api",))).get(f"{site.url}/api")


CHECK = b"<html><title>eurorad.org</title><body>Please wait while your request is being verified...</body></html>"


@pytest.mark.parametrize("status", [200, 403, 503])
def test_a_browser_check_is_requested_again_and_then_a_reason_of_its_own(site, tmp_path, status):
    site.faults["/page"] = lambda answer, before: before < 2 and (answer.respond(status, CHECK) or True)
    sleeps = []
    assert b"<html>" in web(tmp_path, client(sleeps)).get(f"{site.url}/page").content
    assert [round(wait) for wait in sleeps] == [1, 2]
    site.faults["/page"] = lambda answer, before: answer.respond(status, CHECK) or True
    with pytest.raises(WebError, match="the site checks the browser instead of answering"):
        web(tmp_path).get(f"{site.url}/page")


def test_an_ordinary_refusal_is_final(site, tmp_path):
    site.faults["/page"] = busy(99, 403)
    with pytest.raises(WebError, match="HTTP 403"):
        web(tmp_path).get(f"{site.url}/page")
    assert site.counts()["/page"] == 1


def test_a_suspect_page_is_requested_again(site, tmp_path):
    site.faults["/list"] = lambda answer, before: before < 2 and (answer.respond(200, b"[]") or True)
    sleeps = []
    page = web(tmp_path, client(sleeps)).get(f"{site.url}/list", suspect=lambda page: page.json() == [])
    assert (page.json(), [round(wait) for wait in sleeps]) == ([1, 2], [1, 2])


def test_a_page_that_stays_suspect_is_returned(site, tmp_path):
    page = web(tmp_path).get(f"{site.url}/list", suspect=lambda page: True)
    assert page.json() == [1, 2]
    assert site.counts()["/list"] == POLICY.retries + 1


def test_a_suspect_page_of_an_offline_copy_is_not_requested_again(tmp_path):
    copy = tmp_path / "copy"
    (copy / "127.0.0.1").mkdir(parents=True)
    (copy / "127.0.0.1" / "list").write_bytes(b"[]")
    seen = []
    reader = web(tmp_path / "raw", Client(POLICY, mirror=copy))
    assert reader.get("http://127.0.0.1/list", suspect=lambda page: bool(seen.append(page)) or True).json() == []
    assert len(seen) <= 1


@pytest.mark.parametrize(("moved", "is_forbidden"), [("/moved.txt", True), ("http://other.example/r.txt", False)])
def test_a_robots_txt_that_moved_within_its_site_is_followed(site, tmp_path, moved, is_forbidden):
    site.files["/moved.txt"] = b"User-agent: *\nDisallow: /page\n"
    site.faults["/robots.txt"] = redirected(moved, 301)
    if is_forbidden:
        with pytest.raises(WebError, match=r"robots\.txt forbids it"):
            web(tmp_path).get(f"{site.url}/page")
    else:
        web(tmp_path).get(f"{site.url}/page")


def test_a_robots_txt_with_endless_redirects_counts_as_absent(site, tmp_path):
    site.faults["/robots.txt"] = redirected("/robots.txt")
    web(tmp_path).get(f"{site.url}/page")
    assert site.counts()["/robots.txt"] == POLICY.redirects + 1


def test_requests_keep_the_distance_of_the_profile(site, tmp_path):
    clock = Clock()
    polite = Client(replace(POLICY, delay_s=0.1), sleep=clock.sleep, clock=clock)
    for _ in range(3):
        web(tmp_path, polite).get(f"{site.url}/page")
    assert len(site.requests) == 4  # robots.txt first
    assert clock.slept == pytest.approx([0.1, 0.1, 0.1])


def test_a_gzip_page_is_decompressed(site, tmp_path):
    site.faults["/page"] = packed(gzip.compress(b"hello"))
    assert web(tmp_path).get(f"{site.url}/page").content == b"hello"


def test_an_unknown_encoding_is_a_failure(site, tmp_path):
    site.faults["/page"] = lambda answer, before: answer.respond(200, b"x", {"Content-Encoding": "br"}) or True
    with pytest.raises(WebError, match="the connection broke"):
        web(tmp_path).get(f"{site.url}/page")


def test_an_archive_is_fetched_once_for_list_and_films(site, tmp_path):
    site.files["/set.zip"] = b"PK\x03\x04 and so on"
    reader = web(tmp_path)
    path = reader.archive(f"{site.url}/set.zip")
    assert path == reader.archive(f"{site.url}/set.zip")
    assert path.read_bytes() == site.files["/set.zip"]
    assert site.counts()["/set.zip"] == 1


def test_pages_are_recorded_in_the_layout_of_an_offline_copy(site, tmp_path):
    url = f"{site.url}/page"
    web(tmp_path / "raw", record=tmp_path / "copy").get(url)
    copy = Client(POLICY, mirror=tmp_path / "copy")
    assert web(tmp_path / "raw", copy).get(url).content == site.files["/page"]


def test_a_token_comes_from_the_environment_and_offline_none_is_needed(tmp_path, monkeypatch):
    monkeypatch.delenv("CXNET_TEST_TOKEN", raising=False)
    with pytest.raises(UsageError, match="Set the environment variable CXNET_TEST_TOKEN"):
        web(tmp_path).token("CXNET_TEST_TOKEN")
    monkeypatch.setenv("CXNET_TEST_TOKEN", " secret ")
    assert web(tmp_path).token("CXNET_TEST_TOKEN") == "secret"
    assert web(tmp_path, Client(POLICY, mirror=tmp_path)).token("CXNET_TEST_TOKEN") is None


def test_a_stopped_client_ends_at_once(site, tmp_path):
    site.faults["/page"] = busy(99, 503)
    stopping = Client(POLICY)
    stopping.stop.set()
    began = time.monotonic()
    with pytest.raises(Exception, match="Interrupted"):
        web(tmp_path, stopping).get(f"{site.url}/page")
    assert time.monotonic() - began < 1
