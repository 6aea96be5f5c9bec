import pytest

from sources.transport.browser_checks import is_browser_check

VERIFIED = (
    b"<!DOCTYPE html><html><head><title>One moment, please...</title><style>.x{color:red}</style></head>"
    b"<body><h1>Please wait while your request is being verified...</h1><script>" + b"var a = 1;" * 900 + b"</script>"
)
CHECKS = {
    "verified": VERIFIED,
    "verified under the site's own title": VERIFIED.replace(b"One moment, please...", b"eurorad.org"),
    "title alone": b"<html><head><title>Just a moment...</title></head><body><div id=c></div></body></html>",
    "javascript": b"\n<html><body><noscript>x</noscript>Enable JavaScript and cookies to continue</body></html>",
    "human": b"<html><body><p>Verify you are human by completing the action below.</p></body></html>",
    "incident": b"<html><body>Request unsuccessful. Incapsula incident ID: 1-2</body></html>",
}
PAGES = {
    "a case": b"<html><head><title>Case 1</title></head><body><p>COVID-19, one moment of it</p></body></html>",
    "a long page about such checks": b"<html><title>News</title><body>"
    + b"<p>They wrote: please wait while your request is being verified.</p>" * 30,
    "json": b'{"message": "your request is being verified"}',
    "xml": b"<?xml version='1.0'?><p>your request is being verified</p>",
    "a picture": b"\x89PNG\r\n\x1a\nyour request is being verified",
    "nothing": b"",
}


@pytest.mark.parametrize("name", CHECKS)
def test_a_page_that_checks_the_browser_is_recognized(name):
    assert is_browser_check(CHECKS[name])


@pytest.mark.parametrize("name", PAGES)
def test_other_content_is_none(name):
    assert not is_browser_check(PAGES[name])


def test_any_amount_of_markup_takes_little_time():
    assert not is_browser_check(b"<" * 3_000_000)
    assert not is_browser_check(b"<script>" * 500_000)
    assert not is_browser_check(b"<!--" * 1_000_000)
