import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.language.panel_letters import marks_in, sides_in
from sources.language.panel_texts import part_caption


def parted(caption, emphasized=(), by_place=False):
    found = part_caption(caption, emphasized, by_place)
    return found.shared, {letter: panel.text for letter, panel in found.panels.items()}


@pytest.mark.parametrize(
    ("caption", "shared", "texts"),
    [
        ("Man of 40. (A) CXR. (B) CT.", "Man of 40.", {"A": "CXR.", "B": "CT."}),
        ("(a) CXR; (b) CT; (c) follow-up", "", {"A": "CXR", "B": "CT", "C": "follow-up"}),
        ("Day 1. A, CXR. B, CT (axial plane).", "Day 1.", {"A": "CXR.", "B": "CT (axial plane)."}),
        ("A: CXR", "", {"A": "CXR"}),
        ("a) CXR. b) CT.", "", {"A": "CXR.", "B": "CT."}),
        ("[A] CXR. [B] CT.", "", {"A": "CXR.", "B": "CT."}),
        ("Panel A: CXR. Panel B: CT.", "", {"A": "CXR.", "B": "CT."}),
        ("Fig. 2A. CXR. Fig. 2B. CT.", "", {"A": "CXR.", "B": "CT."}),
        ("A Coronal slice. B Axial slice.", "", {"A": "Coronal slice.", "B": "Axial slice."}),
        ("Films: (A) at first, and (B) later.", "Films:", {"A": "at first", "B": "later."}),
        ("(A) CXR. No effusion. (B) CT.", "", {"A": "CXR. No effusion.", "B": "CT."}),
    ],
)
def test_letters_before_their_words(caption, shared, texts):
    assert parted(caption) == (shared, texts)


@pytest.mark.parametrize(
    ("caption", "texts"),
    [
        ("CXR at first (A). CT the next day (B).", {"A": "CXR at first.", "B": "CT the next day."}),
        ("CXR with opacities (a), and CT with bands (b).", {"A": "CXR with opacities", "B": "CT with bands"}),
        (
            "CXR on day 1 (A) and on day 9 (B) of the illness.",
            {"A": "CXR on day 1 of the illness", "B": "on day 9 of the illness"},
        ),
        ("PA (a) and lateral (b) chest film.", {"A": "PA chest film", "B": "lateral chest film"}),
        ("CXR (A) shows bands; CT (B) shows nodes.", {"A": "CXR shows bands", "B": "CT shows nodes."}),
        ("CXR (A) shows bands while CT (B) shows nodes.", {"A": "CXR shows bands", "B": "CT shows nodes."}),
        ("The film, A, is clear. The slice, B, is not.", {"A": "The film is clear.", "B": "The slice is not."}),
    ],
)
def test_letters_after_or_among_their_words(caption, texts):
    assert parted(caption)[1] == texts


def test_one_caption_may_mix_the_ways_of_writing():
    shared, texts = parted("CT (A and B) shows bands. CXR (C) shows nothing. (D) CXR at six weeks.")
    assert (shared, texts) == (
        "",
        {"A": "CT shows bands.", "B": "CT shows bands.", "C": "CXR shows nothing.", "D": "CXR at six weeks."},
    )


@pytest.mark.parametrize(
    ("caption", "letters"),
    [
        ("(A-C) CXR. (D) CT.", ["ABC", "D"]),
        ("(a–b) CXR", None),
        ("(a, b and c) CXR", ["ABC"]),
        ("(A & B) CXR", ["AB"]),
        ("(A to C) CXR", ["ABC"]),
        ("A, B. CXR. C. CT.", ["AB", "C"]),
        ("(C-A) CXR", []),
        ("(B) CT. (C) CXR.", []),
        ("Chest tube (T) and catheter (C).", []),
        ("(A) CXR with a tube (T). (B) CT.", ["A", "B"]),
        ("(A) CXR. (B) CT, compare (A).", ["A", "B"]),
        ("Influenza A. Hepatitis B.", []),
        ("Group A streptococci, vitamin B.", []),
        ("CXR (a 5-year-old boy)", []),
    ],
)
def test_letters_are_marks_if_they_run_from_a_on(caption, letters):
    if letters is not None:
        assert [mark.letters for mark in marks_in(caption)] == letters
    else:
        assert parted(caption)[1].keys() == {"A", "B"}


def test_letters_in_bold_or_italic_type_need_no_punctuation():
    caption = "Chest. a CXR b, c CT"
    assert parted(caption)[1] == {}
    assert parted(caption, [(7, 8), (13, 14), (16, 17)]) == ("Chest.", {"A": "CXR", "B": "CT", "C": "CT"})


@pytest.mark.parametrize(
    ("caption", "texts", "side_by_side"),
    [
        ("CXR (left) and CT (right).", {"A": "CXR", "B": "CT"}, True),
        ("Left: CXR. Right: CT.", {"A": "CXR.", "B": "CT."}, True),
        ("CT (right panel), CXR (left panel).", {"A": "CXR", "B": "CT"}, True),
        ("Top: CXR. Bottom: CT.", {"A": "CXR.", "B": "CT."}, False),
        ("CXR of the left lung.", {}, None),
        ("CXR (left).", {}, None),
    ],
)
def test_left_and_right_tell_panels_apart_where_letters_do_not(caption, texts, side_by_side):
    found = part_caption(caption, by_place=True)
    assert ({letter: panel.text for letter, panel in found.panels.items()}, found.side_by_side) == (texts, side_by_side)
    assert part_caption(caption).panels == {}


def test_what_continues_the_words_before_knows_them():
    panels = part_caption("Chest X-ray on day 1 (A) and on day 9 (B).").panels
    assert (panels["A"].base, panels["B"].base) == ("", "Chest X-ray on day 1")


@given(
    st.text(alphabet="ABab().,:; x-–left", max_size=200), st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)))
)
def test_any_caption_is_parted(caption, places):
    spans = [(min(place), max(place)) for place in places]
    shared, texts = parted(caption, sorted(spans), by_place=True)
    assert list(texts) == sorted(texts) and len(texts) <= 26
    assert len(shared) <= len(caption)
    sides_in(caption)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "caption", ["(A) x " * 4_000, "a, b, " * 4_000, "(A" * 9_000, ". A " * 5_000, "and (a) " * 3_000]
)
def test_long_captions_take_bounded_time(caption):
    part_caption(caption, by_place=True)
