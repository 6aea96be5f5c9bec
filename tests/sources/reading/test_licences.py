import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.reading.licences import creative_commons, is_free, licence_in_words


@pytest.mark.parametrize(
    ("text", "name", "free"),
    [
        ("cc by", "CC-BY", True),
        ("CC BY 3.0", "CC-BY-3.0", True),
        ("CC BY-SA", "CC-BY-SA", True),
        ("cc by-nc-sa", "CC-BY-NC-SA", True),
        ("CC BY-NC-SA 4.0", "CC-BY-NC-SA-4.0", True),
        ("cc by-nc-nd", "CC-BY-NC-ND", False),
        ("CC BY-ND 4.0", "CC-BY-ND-4.0", False),
        ("cc0", "CC0", True),
        ("https://creativecommons.org/licenses/by-nc/4.0/", "CC-BY-NC-4.0", True),
        ("See http://creativecommons.org/licenses/by-nc-nd/3.0", "CC-BY-NC-ND-3.0", False),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0", True),
        ("https://creativecommons.org/licenses/by-nc-sa/legalcode", "CC-BY-NC-SA", True),
    ],
)
def test_a_creative_commons_license_is_read_from_words_and_addresses(text, name, free):
    assert creative_commons(text) == name
    assert creative_commons(name) == name
    assert is_free(name) is free


@pytest.mark.parametrize(
    "text", [None, "", "publisher's own", "by", "cc", "https://creativecommons.org/licenses/sampling/1.0/"]
)
def test_anything_else_is_not_a_creative_commons_license_and_not_free(text):
    assert creative_commons(text) is None
    assert not is_free(text)


def test_another_free_license_is_free():
    assert is_free("Apache-2.0")


@given(st.text(alphabet="CcBbYyNnDdSsAa0 -/.41creativecommons.org/licenses/", max_size=80))
def test_a_name_is_always_read_back(text):
    name = creative_commons(text)
    assert name is None or creative_commons(name) == name


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("under the terms of the Creative Commons Attribution License, which permits any use", "CC-BY"),
        ("a Creative Commons Attribution 4.0 International License", "CC-BY-4.0"),
        ("Creative Commons Attribution Non-Commercial License 3.0; non-derivative works are welcome", "CC-BY-NC-3.0"),
        ("the Creative Commons Attribution-NonCommercial-ShareAlike 4.0 License", "CC-BY-NC-SA-4.0"),
        ("Creative Commons Attribution-NonCommercial-NoDerivatives License", "CC-BY-NC-ND"),
        ("an open access article under the CC BY-NC-ND license", "CC-BY-NC-ND"),
        ("Creative Commons Public Domain declaration", "CC0"),
        ("unrestricted re-use for the duration of the pandemic", None),
        ("All rights reserved", None),
        ("", None),
        (None, None),
    ],
)
def test_a_license_is_read_from_prose(words, name):
    assert licence_in_words(words) == name


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("http://creativecommons.org/licences/by/4.0", "CC-BY-4.0"),
        ("https://creativecommons.org/license/by-nc/3.0/", "CC-BY-NC-3.0"),
        ("http://www.creative-commons.org/licenses/by/4.0/deed.en", "CC-BY-4.0"),
        ("https://creativecommons.org/by-nc-nd/4.0", "CC-BY-NC-ND-4.0"),
        ("https://creativecommons.org/about/by-the-way", None),
    ],
)
def test_unusual_addresses_of_licenses_are_read(address, name):
    assert creative_commons(address) == name
