import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.reading.letters import about_letter

BEHIND = "PA (a) and lateral (b) chest radiograph with a consolidation."
BEFORE = "Chest radiographs. (a) PA view on day 1. (b) Lateral view."


@pytest.mark.parametrize(
    ("caption", "letter", "own", "common"),
    [
        (BEHIND, "a", "PA", "chest radiograph with a consolidation."),
        (BEHIND, "b", "and lateral", "chest radiograph with a consolidation."),
        (BEHIND, "c", "", BEHIND),
        (BEHIND, "", "", BEHIND),
        (BEFORE, "a", "PA view on day 1.", "Chest radiographs."),
        (BEFORE, "b", "Lateral view.", "Chest radiographs."),
        ("(A) X-ray, (B, C) CT", "b", "CT", ""),
        ("(a-c) axial CT, (d) chest X-ray", "b", "axial CT,", ""),
        ("(a) X-ray and (b) CT", "a", "X-ray and", ""),
        ("Findings: X-ray on day 1 (a) and day 9 (b).", "b", "and day 9", "Findings: ."),
        ("Chest X-ray, (a) on arrival, (b) later", "b", "later", "Chest X-ray,"),
        ("Chest X-ray (arrow)", "a", "", "Chest X-ray (arrow)"),
        ("", "a", "", ""),
    ],
)
def test_letters_stand_before_or_behind_their_text(caption, letter, own, common):
    assert about_letter(caption, letter) == (own, common)


@given(st.text(alphabet="ab(),.: cA-", max_size=60), st.sampled_from(["", *"abch"]))
def test_any_caption_has_a_part_for_any_letter(caption, letter):
    own, common = about_letter(caption, letter)
    assert len(own) + len(common) <= len(caption) + 2


@pytest.mark.timeout(10)
@pytest.mark.parametrize("caption", ["(a)" * 100_000, "(a, b, c, " * 100_000, ". " * 200_000 + "(a)"])
def test_monstrous_captions_take_bounded_time(caption):
    about_letter(caption, "a")
