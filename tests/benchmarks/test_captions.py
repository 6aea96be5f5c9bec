"""The captions written for the purpose (tests/data/captions.jsonl) are read as well as promised."""

from collections import Counter

import pytest

from benchmarks.captions import TARGETS, figures, judge, read_set
from sources.core.items import LABELS, VIEWS


@pytest.fixture(scope="module")
def judged():
    return list(judge(read_set()))


@pytest.mark.parametrize("measure", TARGETS)
def test_captions_are_read_as_well_as_promised(judged, measure):
    for right, total in figures(judged, measure):
        assert total and right / total >= TARGETS[measure], [
            (one.caption, one.detail) for one in judged if one.measure == measure and not one.is_right
        ]


def test_the_set_is_large_and_a_third_of_each_form_is_held_out():
    captions = read_set()
    forms = Counter(caption["form"] for caption in captions)
    held_out = Counter(caption["form"] for caption in captions if caption.get("held_out"))
    assert len(captions) >= 300 and len(forms) >= 20
    assert all(forms[form] // 3 == held_out[form] for form in forms)


def test_the_set_is_written_without_slips():
    captions = read_set()
    assert len({(caption["caption"], caption.get("title")) for caption in captions}) == len(captions)
    for panel in (panel for caption in captions for panel in caption["panels"]):
        assert panel["film"] in (True, False, None)
        assert panel.get("label") in (None, "any", *LABELS) and panel.get("view", "any") in ("any", *VIEWS)
