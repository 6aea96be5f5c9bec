import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.core.items import LABELS
from sources.reading.words import (
    age_in_text,
    day_in_text,
    is_child,
    label_in_text,
    label_of,
    parse_age,
    parse_sex,
    rt_pcr_in_text,
    sex_in_text,
)


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
    "written", ["", None, "?", "adult", "40-50", "40 to 50", "30s", "-4", "411", "todo", "(redacted)"]
)
def test_an_uncertain_age_is_none(written):
    assert parse_age(written) is None


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
    ],
)
def test_only_an_age_counts_in_prose_not_a_duration(prose, years):
    assert age_in_text(prose) == years


@pytest.mark.parametrize(
    ("written", "sex"),
    [
        ("F", "F"),
        ("m", "M"),
        ("Female", "F"),
        ("femal 32yrs", "F"),
        ("male 45yrs", "M"),
        ("F 47", "F"),
        ("65M", "M"),
        ("donna", "F"),
        ("sesso maschile", "M"),
        ("", None),
        (None, None),
        ("unknown", None),
        ("mF", None),
        ("male and female", None),
    ],
)
def test_sex_is_read_from_a_cell(written, sex):
    assert parse_sex(written) == sex


def test_sex_in_prose_is_none_if_both_occur():
    assert sex_in_text("a woman and her husband, a man of 70") is None
    assert sex_in_text("A 65-year-old woman") == "F"


@pytest.mark.parametrize(
    ("finding", "label"),
    [
        ("COVID-19", "covid"),
        ("COVID-19, ARDS", "covid"),
        ("Pneumonia/Viral/COVID-19", "covid"),
        ("SARS-CoV-2", "covid"),
        ("No Finding", "normal"),
        ("normal", "normal"),
        ("Normal chest x ray", "normal"),
        ("Normal chest 6 year old", "normal"),
        ("Normal chest x-ray child", "normal"),
        ("Normal variant of a rib", "other"),
        ("SARS", "cap"),
        ("MERS", "cap"),
        ("Streptococcus", "cap"),
        ("Klebsiella", "cap"),
        ("Legionella", "cap"),
        ("E.Coli", "cap"),
        ("Chlamydophila", "cap"),
        ("Influenza", "cap"),
        ("Varicella", "cap"),
        ("Mycoplasma Bacterial Pneumonia", "cap"),
        ("Pneumonia", "cap"),
        ("Pneumonia/Viral/SARS", "cap"),
        ("non-COVID pneumonia", "cap"),
        ("Pneumocystis", "other"),
        ("Pneumonia/Fungal/Pneumocystis", "other"),
        ("Lipoid", "other"),
        ("aspiration pneumonia", "other"),
        ("Tuberculosis", "other"),
        ("ARDS", "other"),
        ("Pneumothorax", "other"),
        ("todo", None),
        ("Unknown", None),
        ("", None),
        (None, None),
        ("?", None),
        ("1", None),
        ("suspected COVID-19", None),
        ("COVID-19 negative", None),
        ("no pneumonia", None),
    ],
)
def test_finding_becomes_our_label(finding, label):
    assert label_of(finding) == label


def test_covid_beside_a_negative_test_has_no_label():
    assert label_of("COVID-19", rt_pcr="negative") is None
    assert label_of("COVID-19", rt_pcr="positive") == "covid"
    assert label_of("Pneumonia", rt_pcr="negative") == "cap"


@given(st.text(max_size=300))
def test_any_text_gives_a_value_of_its_kind(text):
    assert parse_sex(text) in {"F", "M", None}
    assert label_of(text) in {*LABELS, None}
    for age in (parse_age(text), age_in_text(text)):
        assert age is None or 0 <= age <= 120


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


@given(st.integers(0, 999), st.sampled_from(UNITS))
def test_any_unit_is_known(number, unit):
    age = parse_age(f"{number} {unit}")
    assert age is None or 0 <= age <= 120


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "text", ["9" * 500_000, "1 year " * 80_000, "supin" * 100_000, "no " * 200_000, " " * 500_000, "-" * 300_000]
)
def test_long_text_takes_bounded_time(text):
    for read in (parse_age, age_in_text, parse_sex, sex_in_text, label_of):
        read(text)
    day_in_text(text)
    is_child(None, text)


@pytest.mark.parametrize(
    "prose, day",
    [
        ("Day 7 - chest radiograph", 7.0),
        ("RX torace, giorno 0", 0.0),
        ("day 3; again: day 3", 3.0),
        ("day 3 and day 5", None),
        ("day 3-5", None),
        ("day 3 to 5", None),
        ("fever for 3 days", None),
        ("", None),
    ],
)
def test_day_of_the_film_needs_a_wording_that_names_one(prose, day):
    assert day_in_text(prose) == day


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


@pytest.mark.parametrize(
    ("prose", "label"),
    [
        ("Chest X-ray (COVID-19)", "covid"),
        ("CXR #COVID19", "covid"),
        ("Suspected COVID-19, chest X-ray", None),
        ("Chest X-ray, SARS of 2003", "cap"),
        ("Chest X-ray of a man with ARDS", "other"),
        ("Chest X-ray on admission", None),
        ("Guess the fracture!", None),
        ("", None),
    ],
)
def test_prose_that_names_no_disease_has_no_label(prose, label):
    assert label_in_text(prose) == label


@pytest.mark.parametrize(
    ("prose", "result"),
    [
        ("RT-PCR was negative", "negative"),
        ("negative nasopharyngeal swab", "negative"),
        ("PCR-confirmed COVID-19", "positive"),
        ("confirmed by RT-PCR", "positive"),
        ("swab positive, later PCR negative", None),
        ("RT-PCR was done. Blood cultures were negative", None),
        ("chest X-ray negative", None),
    ],
)
def test_rt_pcr_is_read_if_prose_states_one_result(prose, result):
    assert rt_pcr_in_text(prose) == result


@given(st.text(alphabet="pcrswab negativ positiv.", max_size=300))
def test_any_prose_has_at_most_one_result(prose):
    assert rt_pcr_in_text(prose) in (None, "positive", "negative")
