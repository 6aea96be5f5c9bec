import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.core.items import LABELS
from sources.language.labels import Decision, label_in_text, label_of, label_of_picture


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
        ("COVID-19?", None),
        ("?COVID", None),
        ("COVID-19 (?)", None),
        ("COVID-19 negative", None),
        ("no pneumonia", None),
        ("no signs of COVID-19 pneumonia", None),
        ("without COVID-19-related pneumonia", None),
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
        ("Chest X-ray of a man with ARDS", None),
        ("Chest X-ray on a ventilator in the hospital", None),
        ("Chest X-ray of ventilator-associated pneumonia", "other"),
        ("Chest X-ray of hospital-acquired pneumonia", "other"),
        ("Chest X-ray before the COVID-19 pandemic", None),
        ("Chest X-ray after COVID-19 vaccination", None),
        ("Chest X-ray of influenza on the COVID-19 ward", "cap"),
        ("Chest X-ray of lymphoma mimicking COVID-19", None),
        ("Chest X-ray, coronavirus disease 2019", "covid"),
        ("MERS, a novel coronavirus", "cap"),
        ("Chest X-ray on admission", None),
        ("Guess the fracture!", None),
        ("", None),
    ],
)
def test_prose_that_names_no_disease_has_no_label(prose, label):
    assert label_in_text(prose) == label


COVID_REPORT = "COVID-19 in a nurse: a case report"


@pytest.mark.parametrize(
    ("caption", "title", "is_report", "label"),
    [
        ("Chest X-ray with pneumonia", COVID_REPORT, False, "covid"),
        ("Chest X-ray with viral pneumonia", "COVID-19 in a nurse", True, "covid"),
        ("Chest X-ray with pneumonia", "COVID-19 in nurses", False, None),
        ("Chest X-ray with pneumonia", "Cough in nurses", False, "cap"),
        ("Chest X-ray with influenza", COVID_REPORT, True, "cap"),
        ("Chest X-ray with ARDS on hospital day 3", COVID_REPORT, True, "covid"),
        ("Chest X-ray with ventilator-associated pneumonia", COVID_REPORT, True, None),
        ("Chest X-ray with hospital-acquired pneumonia", "MERS: a case report", True, "other"),
        ("Chest X-ray one year before COVID-19", COVID_REPORT, True, None),
        ("Chest X-ray, no sign of COVID-19", COVID_REPORT, True, None),
        ("Chest X-ray on admission", "An abscess during the COVID-19 pandemic: a case report", True, None),
        ("Control chest X-ray on day 5", COVID_REPORT, True, "covid"),
        ("Chest X-ray of a healthy control", COVID_REPORT, True, "normal"),
        ("Chest X-ray on admission", "Tuberculosis: a case report", True, "other"),
    ],
)
def test_the_title_of_a_report_decides_what_its_captions_leave_open(caption, title, is_report, label):
    assert label_of_picture((caption,), title, is_report).label == label


def test_the_words_about_one_picture_count_more_than_those_about_all():
    texts = ("Chest X-ray of influenza.", "COVID-19 and influenza. Chest X-ray of influenza.")
    assert label_of_picture(texts) == Decision("cap", texts[0])


@given(st.text(max_size=300))
def test_any_text_gives_a_label_or_none(text):
    assert label_of(text) in {*LABELS, None}
    assert label_in_text(text) in {*LABELS, None}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("text", ["no " * 200_000, " " * 500_000, "-" * 300_000])
def test_long_text_takes_bounded_time(text):
    label_of(text)
    label_in_text(text)


@pytest.mark.parametrize(
    ("caption", "label"),
    [
        ("Chest X-rays (first row, COVID-19; second row, healthy controls).", None),
        ("Chest X-rays of a healthy person and of a patient with COVID-19.", None),
        ("Chest X-ray of a previously healthy man with COVID-19.", "covid"),
        ("Chest X-ray inconsistent with COVID-19.", None),
        ("Chest X-ray of a patient who never had COVID-19.", None),
        ("Chest X-ray of a patient with COVID-19, atypical for COVID-19.", "covid"),
    ],
)
def test_patients_beside_healthy_people_and_who_is_no_patient_have_no_label(caption, label):
    assert label_of_picture((caption,)).label == label
