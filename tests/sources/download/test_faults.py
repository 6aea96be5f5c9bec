import gzip
import hashlib
import json
import time

import pytest
from loopback import (
    busy,
    dripping,
    dripping_head,
    dropped,
    endless,
    flapping,
    gzipped,
    nonsense_length,
    packed,
    redirected,
    serving,
    silent,
    wrong_length,
)
from toy import Toy, client, fetch, fill

FILM = "/films/001.png"


@pytest.fixture
def site():
    with serving() as site:
        fill(site, 3)
        yield site


@pytest.mark.parametrize(
    "fault",
    [
        busy(2, 503),
        busy(2, 429, Retry_After="7"),
        busy(1, 500),
        busy(3, 408),
        dropped(5_000),
        dropped(0),
        dropped(5_000, times=3),
        wrong_length(500),
        flapping,
        gzipped(),
        gzipped(cut=4_000, times=1),
        dripping(0.01, times=1),
        silent(1.5, times=1),
    ],
    ids=[
        "503",
        "429-retry-after",
        "500",
        "408",
        "drop-mid-body",
        "drop-at-once",
        "drop-thrice",
        "too-short",
        "flapping-etag",
        "gzip",
        "truncated-gzip",
        "drip",
        "silence",
    ],
)
def test_a_temporary_fault_loses_no_row(site, tmp_path, fault):
    site.faults[FILM] = fault
    outcome, rows = fetch(Toy(site.url), tmp_path / "toy", with_client=client(timeout_s=0.4, slowest_bytes_s=50_000))
    assert outcome.counts["fetched"] == 3
    assert rows.file_sha256[FILM] == hashlib.sha256(site.files[FILM]).hexdigest()
    assert (tmp_path / "toy" / rows.file[FILM]).read_bytes() == site.files[FILM]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (busy(99, 503), "HTTP 503 (4 tries)"),
        (busy(99, 404), "HTTP 404"),
        (busy(99, 403), "HTTP 403"),
        (busy(99, 429, Retry_After="3600"), "HTTP 429"),
        (redirected("http://evil.example/film.png"), "host evil.example is not one of the source's"),
        (redirected("http://169.254.169.254/latest/meta-data/"), "host 169.254.169.254 is not one of the source's"),
        (redirected("file:///etc/passwd"), "not a plain http(s) address"),
        (redirected(FILM), "more than 5 redirects"),
        (endless, "larger than 5 MB"),
        (packed(gzip.compress(bytes(50_000_000))), "larger than 5 MB"),
        (gzipped(cut=4_000), "the connection broke"),
        (packed(b"no gzip at all"), "the connection broke"),
        (dripping(0.01), "slower than 50 kB/s"),
        (silent(1.0), "no answer in time"),
        (dripping_head, "no answer in time"),
        (wrong_length(500, times=99), "the connection broke"),
    ],
    ids=[
        "503",
        "404",
        "403",
        "long-retry-after",
        "foreign-host",
        "metadata-host",
        "local-file",
        "redirect-loop",
        "endless",
        "gzip-bomb",
        "truncated-gzip",
        "false-gzip",
        "drip",
        "silence",
        "dripping-head",
        "too-short",
    ],
)
def test_a_permanent_fault_is_a_row_with_its_reason(site, tmp_path, fault, reason):
    site.faults[FILM] = fault
    began = time.monotonic()
    outcome, rows = fetch(Toy(site.url), tmp_path / "toy", with_client=client(timeout_s=0.4, slowest_bytes_s=50_000))
    assert outcome.counts["failed"] == 1
    assert rows.fetch_status[FILM] == "failed"
    assert reason in rows.fetch_reason[FILM]
    assert set(rows.fetch_status.drop(FILM)) == {"fetched"}
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("text", ["abc", "-5", "9" * 30, "1e3"])
def test_an_invalid_content_length_is_a_failed_row_or_ignored(site, tmp_path, text):
    site.faults[FILM] = nonsense_length(text)
    _, rows = fetch(Toy(site.url), tmp_path / "toy")
    assert len(rows) == 3
    assert rows.fetch_status[FILM] == "failed" or rows.file_size[FILM] == len(site.files[FILM])


def test_a_page_sent_as_a_picture_is_a_failed_row(site, tmp_path):
    site.files[FILM] = b"<!DOCTYPE html><html><body>Please log in</body></html>"
    site.kinds[FILM] = "image/png"
    _, rows = fetch(Toy(site.url), tmp_path / "toy")
    assert rows.fetch_status[FILM] == "failed"
    assert "html" in rows.fetch_reason[FILM]


def test_a_gzip_bomb_of_a_page_is_bounded(site, tmp_path):
    site.faults["/list.json"] = packed(gzip.compress(bytes(300_000_000)))
    with pytest.raises(Exception, match="larger than 1 MB"):
        fetch(Toy(site.url), tmp_path / "toy")


def test_a_page_may_be_gzipped_in_several_members(site, tmp_path):
    text = json.dumps([FILM]).encode()
    site.faults["/list.json"] = packed(gzip.compress(text[:4]) + gzip.compress(text[4:]))
    _, rows = fetch(Toy(site.url), tmp_path / "toy")
    assert list(rows.index) == [FILM]


def test_the_wait_that_a_server_demands_is_kept(site, tmp_path):
    site.faults[FILM] = busy(2, 429, Retry_After="7")
    sleeps: list[float] = []
    fetch(Toy(site.url), tmp_path / "toy", with_client=client(sleeps))
    assert max(sleeps) == pytest.approx(7, abs=0.5)


def test_waits_grow_between_tries(site, tmp_path):
    site.faults[FILM] = busy(3, 503)
    site.files["/list.json"] = json.dumps([FILM]).encode()
    sleeps: list[float] = []
    fetch(Toy(site.url), tmp_path / "toy", with_client=client(sleeps))
    assert [round(wait) for wait in sleeps] == [1, 2, 4]


def test_a_browser_check_sent_as_a_picture_is_requested_again(site, tmp_path):
    check = b"<html><title>Just a moment...</title><body></body></html>"
    site.faults[FILM] = lambda answer, before: before < 2 and (answer.respond(200, check) or True)
    _, rows = fetch(Toy(site.url), tmp_path / "toy")
    assert rows.fetch_status[FILM] == "fetched"
    site.faults[FILM] = lambda answer, before: answer.respond(200, check) or True
    _, rows = fetch(Toy(site.url), tmp_path / "again")
    assert rows.fetch_reason[FILM] == "the site checks the browser instead of answering (4 tries)"


@pytest.mark.parametrize(
    "body", [b'{"code": 503, "message": "try later"}', b'{"error": {"type": "x"}}', b'{\n "status": 502\n}']
)
def test_an_error_in_json_sent_as_a_picture_is_requested_again(site, tmp_path, body):
    site.faults[FILM] = lambda answer, before: before < 2 and (answer.respond(200, body) or True)
    _, rows = fetch(Toy(site.url), tmp_path / "toy")
    assert rows.fetch_status[FILM] == "fetched"
    site.faults[FILM] = lambda answer, before: answer.respond(200, body) or True
    _, rows = fetch(Toy(site.url), tmp_path / "again")
    assert rows.fetch_reason[FILM].startswith("an error in JSON instead of the file: {")
    assert not list((tmp_path / "again").glob(".parts/*"))


@pytest.mark.parametrize("body", [b'{"films": 3}', b"[1]", b"{nothing"])
def test_other_json_sent_as_a_picture_is_refused_at_once(site, tmp_path, body):
    site.files[FILM] = body
    _, rows = fetch(Toy(site.url), tmp_path / "toy")
    assert rows.fetch_reason[FILM].startswith("not an image")
    assert site.counts()[FILM] == 1
