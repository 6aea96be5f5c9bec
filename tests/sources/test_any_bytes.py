"""What holds for every source that reads one published table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources import cohen, cxnet, figure1, hannover, nih
from sources.core.errors import CxnetError

PARSERS = {
    "cohen": cohen.parse,
    "cxnet": lambda table: cxnet.parse(table, ["001.jpg"]),
    "figure1": figure1.parse,
    "hannover": hannover.parse,
    "nih": nih.parse,
}
SOURCES = {"cohen": cohen, "cxnet": cxnet, "figure1": figure1, "hannover": hannover, "nih": nih}


@pytest.mark.parametrize("name", PARSERS)
@given(content=st.binary(max_size=300))
def test_any_bytes_are_items_or_one_clear_error(name, content):
    source = SOURCES[name]
    for prefix in (b"", ",".join(source.COLUMNS).encode() + b"\n"):
        try:
            items = list(PARSERS[name](prefix + content))
        except CxnetError as error:
            assert source.TABLE in str(error)
        else:
            assert len({item.item_id for item in items}) == len(items)
