import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.language.ages import age_in_text, is_child, parse_age


@pytest.mark.parametrize(
    ("written", "years"),
    [
        ("70 years", 70),
        ("65", 65),
        ("0.5", 0.5),
        ("50+", 50),
        ("16month", 16 / 12),
        ("64days", 64 / 365.25),
        ("3 weeks", 21 / 365.25),
        ("5-year-old", 5),
        ("027Y", 27),
        ("Female, 28yrs", 28),
        ("75 anni", 75),
        ("18 mesi", 1.5),
        ("1 year 6 months", 1.5),
        ("seventy-five years", 75),
        ("Age: 61", 61),
        ("2 mths", 2 / 12),
    ],
)
def test_age_is_read_in_years_from_the_words_of_a_cell(written, years):
    assert parse_age(written) == pytest.approx(years, abs=1e-4)


@pytest.mark.parametrize(
    ("prose", "years"),
    [
        ("Paziente di sesso femminile, 75 anni, febbre da 3 giorni.", 75),
        ("Fumatore da 30 anni; uomo di 61 anni", 61),
        ("lattante di 3 mesi di vita", 0.25),
        ("A 65-year-old man, smoker for 40 years", 65),
        ("fever for 5 days", None),
        ("operated 12 years ago", None),
        ("an 18-month-old girl", 1.5),
        ("man aged 44", 44),
        ("seventy year old", 70),
        ("no age at all", None),
        ("Chest X-ray 14 years after transplantation", None),
        ("Chest X-ray at 3 years follow-up", None),
        ("a smoker of 40 years", None),
        ("patients over 65 years", None),
        ("a five-year-old scar", None),
        ("a 5F catheter, 18F-FDG", None),
        ("gestational age 21 weeks", None),
        ("patient 3, 81 years, male", 81),
        ("patient 3", None),
        ("female, 63 years", 63),
        ("a man of 60", 60),
        ("45M with cough", 45),
        ("(44F)", 44),
        ("homme de 54 ans", 54),
        ("at the age of 12 years", 12),
        ("at 2 years and 1 month of age", 2),
        ("40-50-year-old men", None),
    ],
)
def test_only_an_age_counts_in_prose_not_a_duration(prose, years):
    assert age_in_text(prose) == years


UNITS = (
    "years",
    "yrs",
    "y",
    "mo",
    "mths",
    "mos",
    "months",
    "mesi",
    "w",
    "wks",
    "days",
    "d",
    "gg",
    "anni",
    "an",
    "años",
    "j",
)


@pytest.mark.parametrize(
    "written", ["", None, "?", "adult", "40-50", "40 to 50", "30s", "-4", "411", "todo", "(redacted)"]
)
def test_an_uncertain_age_is_none(written):
    assert parse_age(written) is None


@given(st.integers(0, 999), st.sampled_from(UNITS))
def test_any_unit_is_known(number, unit):
    age = parse_age(f"{number} {unit}")
    assert age is None or 0 <= age <= 120


@pytest.mark.parametrize(
    "age, prose, child",
    [
        (17.9, "", True),
        (18.0, "", False),
        (40.0, "normal chest child", False),
        (None, "Normal paediatric chest", True),
        (None, "pediatric film", True),
        (None, "neonatal unit", True),
        (None, "COVID-19 pneumonia", None),
    ],
)
def test_a_child_is_known_by_age_else_by_word(age, prose, child):
    assert is_child(age, prose) is child


@given(st.text(max_size=300))
def test_any_text_gives_an_age_or_none(text):
    for age in (parse_age(text), age_in_text(text)):
        assert age is None or 0 <= age <= 120


@pytest.mark.timeout(10)
@pytest.mark.parametrize("text", ["9" * 500_000, "1 year " * 80_000, " " * 500_000, "-" * 300_000])
def test_long_text_takes_bounded_time(text):
    for read in (parse_age, age_in_text):
        read(text)
    is_child(None, text)
