import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.language.prose import any_of, plain, sentences, without_abbreviations


@given(st.text(max_size=300))
def test_plain_text_has_the_length_of_the_text(text):
    assert len(plain(text)) == len(text)


def test_plain_text_has_one_kind_of_dash_and_space():
    assert plain("X‐ray\u00a0A–C\n—") == "X-ray A-C -"


@pytest.mark.parametrize(
    ("table", "text", "matches"),
    [
        ("x-ray", "X-ray", True),
        ("x-ray", "xray", True),
        ("x-ray", "x ray", True),
        ("x-ray", "x-rays", False),
        ("x-ray*", "x-rays", True),
        ("plain film", "plain-film", True),
        ("plain film", "plainfilm", False),
        ("ct", "act", False),
        ("ct,\n  chest pa", "Chest PA", True),
    ],
)
def test_phrases_are_whole_words(table, text, matches):
    assert bool(any_of(table).search(text)) == matches


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("Film. CXR, chest X-ray; CT = computed tomography.", "Film. ; ."),
        ("Film. Abbreviations: CXR, chest X-ray.", "Film. "),
        ("AP, anteroposterior", ""),
        ("COVID-19, coronavirus disease 2019", ""),
        ("CT: bands", "CT: bands"),
        ("CT-guided drainage", "CT-guided drainage"),
    ],
)
def test_explained_abbreviations_are_left_out(text, rest):
    assert without_abbreviations(text) == rest


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two; three", ["One.", " Two;", " three"]),
        ("See Fig. 2 and no. 3. End", ["See Fig. 2 and no. 3.", " End"]),
        ("On day 2. Then", ["On day 2.", " Then"]),
        ("1.5 mg", ["1.5 mg"]),
        ("", []),
    ],
)
def test_sentences_end_at_full_stops_that_belong_to_no_abbreviation(text, parts):
    assert [text[begin:end] for begin, end in sentences(text)] == parts


def test_a_full_stop_that_is_kept_ends_no_sentence():
    assert len(sentences("A. Film.", [(0, 2)])) == 1


@pytest.mark.timeout(10)
@pytest.mark.parametrize("text", ["AB, " * 5_000, "A. " * 6_000, "CT, computed " * 1_500])
def test_long_text_takes_bounded_time(text):
    without_abbreviations(text)
    sentences(text)
