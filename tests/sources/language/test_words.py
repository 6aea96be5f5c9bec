import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.language.words import day_in_text, parse_sex, rt_pcr_in_text, sex_in_text


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


@given(st.text(max_size=300))
def test_any_text_gives_a_value_of_its_kind(text):
    assert parse_sex(text) in {"F", "M", None}


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "text", ["9" * 500_000, "1 year " * 80_000, "supin" * 100_000, "no " * 200_000, " " * 500_000, "-" * 300_000]
)
def test_long_text_takes_bounded_time(text):
    for read in (parse_sex, sex_in_text, day_in_text, rt_pcr_in_text):
        read(text)


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
