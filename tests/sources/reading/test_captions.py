import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.reading.captions import panel_texts


@pytest.mark.parametrize(
    "caption, lead, texts",
    [
        ("Man of 40. (A) CXR. (B) CT.", "Man of 40.", ["CXR.", "CT."]),
        ("(a) CXR; (b) CT; (c) follow-up", "", ["CXR", "CT", "follow-up"]),
        ("Day 1. A, CXR. B, CT (axial plane).", "Day 1.", ["CXR.", "CT (axial plane)."]),
        ("A: CXR", "", ["CXR"]),
        ("Chest X-ray of a man.", "Chest X-ray of a man.", []),
        ("(B) CT. (C) CXR.", "(B) CT. (C) CXR.", []),
        ("(A) CXR, compare (A) above. (B) CT.", "(A) CXR, compare (A) above. (B) CT.", []),
    ],
)
def test_a_caption_is_parted_by_its_letters(caption, lead, texts):
    assert panel_texts(caption) == (lead, texts)


@given(st.text(alphabet="ABab().,:; x", max_size=200))
def test_any_caption_is_parted(caption):
    lead, texts = panel_texts(caption)
    assert len(lead) + sum(map(len, texts)) <= len(caption)
    assert len(texts) <= 26
