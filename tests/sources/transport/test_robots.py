import pytest

from sources.core.errors import StoppedError, WebError
from sources.transport.robots import Robots

US = "cxnet-data/0.1 (x)"


def robots(text: bytes, status: int = 200) -> tuple[Robots, list[str]]:
    requested = []

    def read(url: str) -> tuple[int, bytes]:
        requested.append(url)
        return status, text

    return Robots(US, read), requested


def test_forbidden_paths_are_refused_and_others_allowed():
    rules, _ = robots(b"User-agent: *\nDisallow: /search\nAllow: /search/help\n")
    assert [
        rules.refusal(f"https://a.org{path}") is None for path in ("/search?q=1", "/search/help", "/case/1", "/")
    ] == [*(False, True, True, True)]


def test_rules_for_us_come_before_those_for_all():
    rules, _ = robots(b"User-agent: *\nDisallow: /\n\nUser-agent: cxnet-data\nDisallow: /private\n")
    assert rules.refusal("https://a.org/case") is None
    assert rules.refusal("https://a.org/private/1") == "robots.txt forbids it"


def test_the_file_of_a_host_is_requested_once():
    rules, requested = robots(b"")
    for path in ("a", "b", "c"):
        rules.refusal(f"https://a.org/{path}")
    rules.refusal("http://a.org/")
    assert requested == ["https://a.org/robots.txt", "http://a.org/robots.txt"]


@pytest.mark.parametrize(("status", "allowed"), [(404, True), (403, True), (500, False), (503, False)])
def test_absent_rules_allow_everything_and_a_broken_server_nothing(status, allowed):
    rules, _ = robots(b"", status)
    assert (rules.refusal("https://a.org/") is None) is allowed


def test_unreachable_rules_allow_nothing():
    def read(url: str) -> tuple[int, bytes]:
        raise WebError(url, "no connection")

    assert Robots(US, read).refusal("https://a.org/") == "its robots.txt cannot be read: no connection"


def test_an_interrupt_does_not_count_as_unreachable_rules():
    def read(url: str) -> tuple[int, bytes]:
        raise StoppedError()

    with pytest.raises(StoppedError):
        Robots(US, read).refusal("https://a.org/")


@pytest.mark.parametrize(("line", "delay"), [(b"Crawl-delay: 2.5", 2.5), (b"", 0.0), (b"Crawl-delay: 86400", 60.0)])
def test_the_delay_that_a_host_demands_is_read_and_bounded(line, delay):
    rules, _ = robots(b"User-agent: *\n" + line)
    assert rules.delay_s("https://a.org/") == delay


@pytest.mark.parametrize("text", [b"\xff\xfe\x00", b"<html>", b"Disallow", b"User-agent: *\nDisallow: *" + b"*" * 5000])
def test_any_bytes_are_rules(text):
    rules, _ = robots(text)
    assert rules.refusal("https://a.org/case") in (None, "robots.txt forbids it")
