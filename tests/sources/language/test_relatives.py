"""Ages and sexes of a patient's family are not the patient's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.language.ages import age_in_text
from sources.language.relatives import without_relatives
from sources.language.words import sex_in_text

RELATIVES = ("mother", "father", "wife", "husband", "sister", "grandmother", "son")


@given(st.sampled_from(("his", "her", "the patient's", "whose")), st.sampled_from(RELATIVES), st.integers(19, 99))
def test_an_age_of_the_family_is_not_the_patients(owner, relative, age):
    for words in (
        f"{owner} {relative}, aged {age}",
        f"{owner} {age}-year-old {relative}",
        f"{owner} {relative} was {age} years old",
        f"{owner} {relative} ({age} years)",
    ):
        assert age_in_text(f"Chest X-ray; {words}, had a cough.") is None
        assert age_in_text(f"Chest X-ray of a 7-year-old boy; {words}, had a cough.") == 7
        assert sex_in_text(f"Chest X-ray of a 7-year-old boy; {words}, had a cough.") == "M"


@pytest.mark.parametrize(
    ("text", "sex"),
    [("X-ray of the father of the 5-year-old patient", "M"), ("X-ray of the mother of a 12-year-old boy", "F")],
)
def test_a_film_of_a_relative_has_the_relatives_sex_and_no_age(text, sex):
    assert (age_in_text(text), sex_in_text(text)) == (None, sex)


@pytest.mark.parametrize("text", ["A 40-year-old mother with cough", "A 40-year-old father of two"])
def test_a_patient_who_is_called_a_parent_keeps_the_age(text):
    assert age_in_text(text) == 40


@given(st.text("his mother's of a 45-year old,.", max_size=60))
def test_the_text_keeps_its_length(text):
    assert len(without_relatives(text)) == len(text)


@pytest.mark.parametrize(
    ("text", "age", "sex"),
    [
        ("CXR, 58F, fever", 58, "F"),
        ("CXR (M/45): shadows", 45, "M"),
        ("CXR (F58)", 58, "F"),
        ("CXR. 63/M with cough", 63, "M"),
    ],
)
def test_a_letter_beside_a_number_is_an_age_and_a_sex(text, age, sex):
    assert (age_in_text(text), sex_in_text(text)) == (age, sex)


@pytest.mark.parametrize("text", ["18F-FDG PET", "uptake of 18F", "a 16F catheter", "segment M1/2", "scale M/100"])
def test_a_letter_beside_another_number_is_neither(text):
    assert (age_in_text(text), sex_in_text(text)) == (None, None)
