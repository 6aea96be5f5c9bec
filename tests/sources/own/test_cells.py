import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.core.errors import UsageError
from sources.core.items import VIEWS
from sources.own.cells import ages, ids, is_placeholder, modalities, numbers, rt_pcr_results, sexes, texts, views
from sources.own.labels import LabelWords, is_conflict, one_label
from sources.own.patients import (
    PROPOSALS,
    patient_warning,
    propose_pattern,
    similar_patients_warning,
    unique_studies,
)
from sources.own.patterns import PathPattern

NOTHING = ["", " ", "nan", "NaN", "Unknown", "unknown.", "N/A", "n/a", "NA", "<NA>", "-", "--", "\u2014", "?", "???"]
NOTHING += [".", "None", "null", "NULL", "(null)", "[none]", "#N/A", "#REF!", "#VALUE!", "\\N", "not available"]
NOTHING += ["Not  Stated", "unbekannt", "k.A.", "Anonymous"]
REAL = ["0", "1042", "P0", "no", "Nadia", "none of these", "+", "A-1", "NAN12", "value", "x" * 500]


@pytest.mark.parametrize("word", NOTHING)
def test_a_placeholder_is_no_value(word):
    assert is_placeholder(word)
    for read in (texts, ids, ages, sexes, views, rt_pcr_results, numbers, modalities):
        column = read([word])
        assert column.values == [None] and not column.unknown, read


@pytest.mark.parametrize("word", REAL)
def test_a_word_that_may_be_real_is_kept(word):
    assert not is_placeholder(word)
    assert texts([word]).values == [word]


def test_a_negative_number_is_no_id():
    assert ids(["-1", "-999.0", "7", "007", "A-1"]).values == [None, None, "7", "007", "A-1"]


def test_an_id_is_the_same_with_and_without_the_point_of_a_whole_number():
    assert ids(["100", "100.0", "0100.00", "1.5", "100.0a"]).values == ["100", "100", "0100", "1.5", "100.0a"]


def test_a_number_that_a_spreadsheet_has_rounded_is_no_id():
    column = ids(["1.23E+11", "1,23E+11", "2E+15", "3E", "1e5"])
    assert column.values == [None, None, None, "3E", "1e5"]
    assert column.unknown.total() == 3


def test_unknown_words_are_counted_and_known_words_without_a_value_are_not():
    column = views(["PA", "Frontal", "UNK", "weird", "weird", "chest"])
    assert column.values == ["PA", None, None, None, None, None]
    assert dict(column.unknown) == {"weird": 2}
    assert dict(ages(["61", "40-50", "70s", "<1", "411", "old"]).unknown) == {"411": 1, "old": 1}


@pytest.mark.parametrize("date", ["1961-02-03", "03-02-1961", "1961-02", "03.02.1961", "3/2/1961"])
def test_a_date_of_birth_is_no_age_and_is_told(date):
    column = ages([date, "61"])
    assert column.values == [None, 61]
    assert dict(column.unknown) == {date: 1}
    assert dict(sexes(["F", "O", "divers", "1", "U"]).unknown) == {"1": 1}
    assert dict(rt_pcr_results(["Y", "pending", "not done", "maybe"]).unknown) == {"maybe": 1}
    assert dict(numbers(["1", "one"]).unknown) == {"one": 1}


def test_an_age_with_a_sex_is_no_month():
    assert ages(["45F", "45M", "7M"]).values == [45, 45, 7]
    assert ages(["018M", "11m", "1Y 2M"]).values == [1.5, 0.9167, 1.1667]
    assert dict(ages(["45M"]).unknown) == {"45M": 1}  # a man of 45, or 45 months


def test_m_is_mujer_beside_h():
    assert sexes(["H", "M"]).values == ["M", "F"]
    assert sexes(["M", "F"]).values == ["M", "F"]
    assert sexes(["H", "F"]).values == ["M", "F"]  # homme and femme


def test_minus_is_a_result_beside_plus():
    assert rt_pcr_results(["+", "-", "\u2212"]).values == ["positive", "negative", "negative"]
    assert rt_pcr_results(["positive", "-"]).values == ["positive", None]


def test_numbers_may_have_a_decimal_comma():
    assert numbers(["1,5", "-2,25", "3.5", "4", "1,2,3"]).values == [1.5, -2.25, 3.5, 4, None]


@given(st.lists(st.text(max_size=20), max_size=10))
def test_any_cells_give_values_of_their_kind(cells):
    assert {value for value in views(cells).values if value} <= set(VIEWS)
    assert {value for value in sexes(cells).values if value} <= {"F", "M"}
    assert {value for value in rt_pcr_results(cells).values if value} <= {"positive", "negative"}
    assert all(value is None or 0 <= value <= 120 for value in ages(cells).values)
    for read in (texts, ids, numbers, modalities):
        assert len(read(cells).values) == len(cells)


WORDS = LabelWords({"COVID-19": "covid", "No finding": "normal", "Pneumonia": "cap", "1.0": "covid", "None": "normal"})


@pytest.mark.parametrize(
    ("cell", "label"),
    [
        ("COVID-19", "covid"),
        ("covid-19 ", "covid"),
        ("NO  FINDING", "normal"),
        ("no_finding", "normal"),
        ("1", "covid"),
        ("1.00", "covid"),
        ("None", "normal"),  # a placeholder elsewhere, but the profile maps it
        ("normal", "normal"),
        ("Cap", "cap"),
        ("Other", "other"),
        ("Pneumonia|Effusion", "cap"),
        ("Effusion|Pneumonia", "cap"),
        ("['Pneumonia', 'Pleural effusion, left']", "cap"),
        ('["COVID-19"]', "covid"),
        ("COVID-19|Pneumonia", None),
        ("No finding|Effusion", None),
        ("No finding|", "normal"),
        ("Effusion", None),
        ("", None),
        ("[]", None),
    ],
)
def test_a_cell_has_the_label_of_its_words(cell, label):
    (reading,), _ = WORDS.read([cell])
    assert reading.label == label


def test_words_without_a_label_are_counted_one_by_one():
    _, unmapped = WORDS.read(["Effusion|Pneumonia", "Effusion", "nan", "?", "Nodule"])
    assert dict(unmapped) == {"Effusion": 2, "Nodule": 1}


def test_readings_agree_or_are_in_conflict():
    normal, covid, other, nothing = (WORDS.read([cell])[0][0] for cell in ("No finding", "COVID-19", "Nodule", ""))
    assert one_label([normal, normal, nothing]) == "normal"
    assert one_label([covid, other]) == "covid" and not is_conflict([covid, other])
    assert one_label([normal, other]) is None and is_conflict([normal, other])
    assert one_label([normal, covid]) is None and is_conflict([normal, covid])
    assert one_label([other, nothing]) is None and not is_conflict([other])
    assert one_label([]) is None


PATHS = {
    r"patient(?P<patient_id>\d+)/study(?P<study_id>\d+)": "train/patient{p:05d}/study{s}/view1_frontal.jpg",
    r"sub-(?P<patient_id>[^/_]+)/ses-(?P<study_id>[^/_]+)": "sub-S{p:05d}/ses-E{s:05d}/mod-rx/a{n}.png",
    r"p(?P<patient_id>\d{8})/s(?P<study_id>\d{8})": "files/p10/p1{p:07d}/s5{s:07d}/{n}.dcm",
    r"(?:^|/)Patient (?P<patient_id>\d+)/": "Patient {p}/film{n}.png",
    r"(?:^|/)person(?P<patient_id>\d+)[-_][^/]*$": "NORMAL/person{p}_bacteria_{n}.jpeg",
    PROPOSALS[5]: "images/{p:08d}_{n:03d}.png",
    PROPOSALS[6]: "{p}/film{n}.png",
}


@pytest.mark.parametrize("pattern", PATHS)
def test_a_pattern_is_proposed_where_paths_repeat_patients(pattern):
    paths = [PATHS[pattern].format(p=number // 3, s=number % 3, n=number) for number in range(30)]
    assert propose_pattern(paths) == pattern
    assert pattern in patient_warning([None] * 30, paths)


@pytest.mark.parametrize("path", ["films/{n}.png", "img{n:04d}.png", "{n}/film.png", "a/{n:08d}_000.png", "x.png"])
def test_no_pattern_is_proposed_where_none_repeats(path):
    paths = [path.format(n=number) for number in range(30)]
    assert propose_pattern(paths) is None
    assert "name a column for `patient_id`, or give `patient_from_path`" in patient_warning([None] * 30, paths)


def test_patients_that_are_known_need_no_word_unless_one_has_most_films():
    assert patient_warning(["a", "b"], ["1", "2"]) is None
    assert patient_warning([], []) is None
    assert patient_warning([None], ["1"]) is None  # one film cannot be parted from itself
    assert "30 of 40 films have the patient '0'" in patient_warning(["0"] * 30 + list("abcdefghij"), ["x"] * 40)


def test_patients_and_studies_come_from_a_path():
    pattern = PathPattern(r"p(?P<patient_id>\d+)(?:/s(?P<study_id>\d+))?", "patient_from_path")
    assert pattern.facts_in("p1/s2/a") == {"patient_id": "1", "study_id": "2"}
    assert pattern.facts_in("p1/a") == {"patient_id": "1"}
    assert pattern.facts_in("x") == {}


def test_a_pattern_that_tries_without_end_is_one_sentence(monkeypatch):
    monkeypatch.setattr("sources.own.patterns.SEARCH_SECONDS", 0.1)
    pattern = PathPattern("(?P<patient_id>(a|aa)+)c", "patient_from_path")
    assert pattern.facts_in("aac") == {"patient_id": "aa"}
    with pytest.raises(UsageError, match=r"^`patient_from_path: .*` takes more than 0\.1 s for the path a+bc; repeat"):
        pattern.facts_in("a" * 60 + "bc")


@pytest.mark.parametrize(
    ("patients", "named"),
    [
        (["p01", "P01", "p2"], "2 patients .*'P01' and 'p01'"),
        (["7", "007", "07", "8"], "3 patients .*'007' and '07' and '7'"),
        (["a b", "ab"], "2 patients"),
        (["p1", "p01"], "2 patients"),
    ],
)
def test_patients_whose_ids_are_almost_alike_are_kept_apart_and_named(patients, named):
    assert re.search(named, similar_patients_warning(patients))
    assert "kept apart" in similar_patients_warning([*patients, None])


def test_patients_whose_ids_differ_need_no_word():
    assert similar_patients_warning(["p1", "p10", "p100", "100", "0", "00a1", "p1", None]) is None


def test_studies_that_are_counted_per_patient_are_told_apart():
    assert unique_studies(["a", "a", "b", None], ["1", "2", "1", "1"]) == ["a/1", "a/2", "b/1", "1"]
    assert unique_studies(["a", "b", "b"], ["1", "2", None]) == ["1", "2", None]
