import pytest

from sources.core.addresses import Hosts, host_of, is_among, path_of, raw_github, web_address


@pytest.mark.parametrize("text", ["", "javascript:alert(1)", "file:///etc/passwd", "http://", "https://[x"])
def test_text_that_is_not_a_web_address_is_none(text):
    assert web_address(text) is None
    assert not host_of(text)


def test_an_address_has_a_host_and_a_path():
    assert web_address("https://A.org/b?c") == "https://A.org/b?c"
    assert (host_of("https://A.org/b?c"), path_of("https://A.org/b?c"), path_of("http://[")) == ("a.org", "/b", "")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://a.org/f?access_token=S", "https://a.org/f"),
        ("https://a.org/f?b=1&Access_Token=S&c=2", "https://a.org/f?b=1&c=2"),
        ("https://a.org/f?stp=dst&_nc_ht=x", "https://a.org/f?stp=dst&_nc_ht=x"),
        ("https://a.org/f?", "https://a.org/f?"),
    ],
)
def test_an_address_has_no_access_token(text, address):
    assert web_address(text) == address


@pytest.mark.parametrize(
    ("host", "expected"),
    [("a.org", True), ("b.org", False), ("x.b.org", True), ("x.a.org", False), ("evilb.org", False)],
)
def test_a_dot_stands_for_every_subdomain(host, expected):
    assert is_among(host, ("a.org", ".b.org")) is expected


def test_file_names_are_quoted_in_addresses():
    assert (
        raw_github("o/r", "c0", "images/a b#1.PNG") == "https://raw.githubusercontent.com/o/r/c0/images/a%20b%231.PNG"
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.org/2/x?y=1", True),
        ("https://API.org", True),
        ("https://site.org/api", True),
        ("https://site.org/api/oai", True),
        ("https://site.org/apis", False),
        ("https://site.org/articles", False),
        ("https://site.org/api/../articles", False),
        ("https://site.org/api/%2e%2e/articles", False),
        ("https://other.org/api", False),
        ("https://[", False),
    ],
)
def test_an_api_is_a_host_or_a_part_of_one(url, expected):
    assert Hosts(("site.org", "api.org"), ("api.org", "site.org/api")).is_api(url) is expected
