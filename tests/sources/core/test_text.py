"""Texts for people."""

import pytest

from sources.core.text import counted


@pytest.mark.parametrize(("count", "expected"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (1000, "1,000 files")])
def test_a_number_and_its_noun_agree(count, expected):
    assert counted(count, "file") == expected
