import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.core.items import LABELS
from sources.reading.labels import label_in_text, label_of


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


@given(st.text(max_size=300))
def test_any_text_gives_a_label_or_none(text):
    assert label_of(text) in {*LABELS, None}
    assert label_in_text(text) in {*LABELS, None}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("text", ["no " * 200_000, " " * 500_000, "-" * 300_000])
def test_long_text_takes_bounded_time(text):
    label_of(text)
    label_in_text(text)
