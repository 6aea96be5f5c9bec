import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.core.items import VIEWS
from sources.language.techniques import figure_facts, film_facts

NOT_BY_TECHNIQUE = "not an X-ray according to the imaging technique of its case"
CT, OTHER = "CT according to its caption", "not an X-ray according to its caption"


@pytest.mark.parametrize(
    "caption",
    [
        "Coronal reformat, lung window.",
        "Lesions in the mediastinal window",
        "Sagittal plane",
        "Crazy paving in both lower lobes",
        "MIP of the pulmonary arteries",
        "3D reconstruction of the airways",
        "FDG PET-CT, axial",
        "Ricostruzione coronale, finestra polmonare",
        "Arterial phase",
    ],
)
def test_words_of_cross_sectional_imaging_rule_out_a_film(caption):
    for technique in ("", "CT", "Conventional radiography, CT"):
        facts = film_facts(caption, technique)
        assert (facts.view, facts.skip) == ("CT", CT)


@pytest.mark.parametrize(
    "caption", ["T1-weighted sequence", "T2W image of the heart", "FLAIR", "Doppler of the leg", "Histopathology of it"]
)
def test_words_of_other_imaging_rule_out_a_film(caption):
    assert (film_facts(caption, "").view, film_facts(caption, "").skip) == ("OTHER", OTHER)


@pytest.mark.parametrize(
    ("technique", "view", "is_film"),
    [
        ("CT", "CT", False),
        ("CT-High Resolution", "CT", False),
        ("MR", "OTHER", False),
        ("Ultrasound", "OTHER", False),
        ("PET-CT", "OTHER", False),
        ("Conventional radiography", "unknown", True),
        ("Digital radiography, CT", "unknown", True),
        ("Plain radiographic studies", "unknown", True),
        ("", "unknown", True),
    ],
)
def test_the_technique_of_the_case_decides_where_the_caption_does_not(technique, view, is_film):
    facts = film_facts("(a) Ground glass (arrow)", technique)
    assert (facts.view, facts.skip is None) == (view, is_film)
    assert is_film or facts.skip == f"{NOT_BY_TECHNIQUE} ({technique})"


@pytest.mark.parametrize("caption", ["Chest X-ray, PA view", "PA chest radiograph", "CXR, PA"])
def test_a_word_of_radiography_counts_whatever_the_technique(caption):
    assert (film_facts(caption, "CT").view, film_facts(caption, "CT").skip) == ("PA", None)


def test_a_plane_beside_a_word_of_radiography_is_no_evidence():
    assert film_facts("Chest X-ray: coronal position of the tube", "CT").skip is None


@pytest.mark.parametrize(
    ("caption", "letter", "view", "skip"),
    [
        ("PA (a) and lateral (b) chest radiograph", "a", "PA", None),
        ("PA (a) and lateral (b) chest radiograph", "b", "L", None),
        ("PA (a) and lateral (b) chest radiograph", "", "unknown", None),
        ("(a) AP chest X-ray. (b) Axial CT", "a", "AP", None),
        ("(a) AP chest X-ray. (b) Axial CT", "b", "CT", CT),
        ("Chest X-ray on arrival (a) and CT on day 2 (b)", "b", "CT", CT),
        ("Chest X-ray on arrival (a) and CT on day 2 (b)", "a", "unknown", None),
        ("Chest radiographs: (a) PA view, (b) supine AP view", "b", "AP_SUPINE", None),
    ],
)
def test_the_letter_of_the_figure_chooses_view_and_modality(caption, letter, view, skip):
    facts, _ = figure_facts(caption, letter, "CT, Digital radiography")
    assert (facts.view, facts.skip) == (view, skip)


@given(st.text(max_size=80), st.text(max_size=2), st.text(max_size=20))
def test_any_words_are_facts(caption, letter, technique):
    facts, _ = figure_facts(caption, letter, technique)
    assert facts.view in VIEWS


@pytest.mark.timeout(10)
def test_monstrous_words_take_bounded_time():
    film_facts("t1-w" * 50_000 + " " * 50_000 + "lung window " * 50_000, "x" * 100_000)
