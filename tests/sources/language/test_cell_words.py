"""Words of cells as DICOM, MIMIC, CheXpert, PadChest, BIMCV, VinDr, RSNA, NIH and Cohen write them."""

import pytest

from sources.language.ages import parse_age
from sources.language.views import names_no_view, parse_modality, parse_view
from sources.language.words import parse_rt_pcr, parse_sex

AGES = {
    **{"018M": 1.5, "011M": 0.9167, "006M": 0.5, "11m": 0.9167, "1Y 2M": 1.1667, "1y2m": 1.1667, "058Y": 58, "57": 57},
    **{"003W": 0.0575, "010D": 0.0274, "1,5": 1.5, "0.083333": 0.0833, ">89": 89, "90+": 90, "24M": 2, "180M": 15},
    **{"58F": 58, "F/58": 58, "M/45": 45, "45/M": 45, "71-jähriger": 71, "60 años": 60, "52 ans": 52},
    **{"411": None, "45M": None, "40-50": None, "70s": None, "<1": None, "": None, "old": None},
}
SEXES = {
    **dict.fromkeys(("F", "f", "Female", "femme", "W", "weiblich", "mujer", "donna", "W 34", "45/F", "女"), "F"),
    **dict.fromkeys(("M", "male", "homme", "H", "männlich", "hombre", "uomo", "60 M", "男"), "M"),
    **dict.fromkeys(("O", "U", "1", "0", "divers", "", "unknown")),
}
VIEWS = {
    "PA": ("PA", "POSTEROANTERIOR", "postero-anterior", "Posterior Anterior", "P-A", "p.a.", "PA erect"),
    "AP": ("AP", "ANTEROPOSTERIOR", "AP semi erect", "AP erect", "portable AP", "A/P"),
    "AP_SUPINE": ("AP Supine", "SUP", "AP_horizontal", "bedside", "decúbito supino", "im Liegen", "acostado"),
    "L": ("L", "LL", "RL", "LATERAL", "Lateral", "RLAT", "LLAT", "R LAT", "XTABLE LATERAL", "left lateral", "perfil"),
    "OTHER": (
        *("LLD", "RLD", "PA LLD", "AP RLD", "LAO", "RAO", "LPO", "RPO", "LLO", "RLO", "AP AXIAL", "AP LORDOTIC"),
        *("SWIMMERS", "COSTAL", "EXCLUDE", "OBLICUA", "left lateral decubitus", "apical", "ribs", "abdomen", "MRI"),
    ),
    "CT": ("CT", "Axial", "Coronal", "HRCT", "TAC"),
    "unknown": ("Frontal", "UNK", "GENERICA", "chest", "AP/PA", "", "?"),
}
TESTS = {
    "positive": (
        "Y",
        "yes",
        "pos",
        "Positive",
        "positivo",
        "detected",
        "1",
        "1.0",
        "true",
        "+",
        "PCR+",
        "confirmed",
        "ja",
    ),
    "negative": (
        "N",
        "no",
        "neg",
        "Negative",
        "not detected",
        "undetected",
        "non-reactive",
        "0",
        "FALSE",
        "PCR-",
        "nein",
    ),
    None: (
        "",
        "Unclear",
        "pending",
        "not done",
        "not tested",
        "no test",
        "indeterminate",
        "positive, then negative",
        "?",
    ),
}
MODALITIES = {
    "X-ray": ("CR", "DX", "RG", "X-ray", "xray", "Chest X-ray", "CR\\DX", "radiograph"),
    "CT": ("CT", "HRCT", "tomography"),
    "other": ("MR", "MRI", "US", "PT", "PET-CT", "NM", "XA", "SEG", "RTDOSE", "ECG", "OPT"),
    None: ("OT", "", "film"),
}


@pytest.mark.parametrize(("cell", "age"), AGES.items())
def test_ages(cell, age):
    assert parse_age(cell) == age


@pytest.mark.parametrize(("cell", "sex"), SEXES.items())
def test_sexes(cell, sex):
    assert parse_sex(cell) == sex


@pytest.mark.parametrize(("view", "cell"), [(view, cell) for view, cells in VIEWS.items() for cell in cells])
def test_views(view, cell):
    assert parse_view(cell) == view


@pytest.mark.parametrize(("result", "cell"), [(result, cell) for result, cells in TESTS.items() for cell in cells])
def test_results_of_rt_pcr(result, cell):
    assert parse_rt_pcr(cell) == result


@pytest.mark.parametrize(("kind", "cell"), [(kind, cell) for kind, cells in MODALITIES.items() for cell in cells])
def test_modalities(kind, cell):
    assert parse_modality(cell) == kind


def test_a_view_that_says_nothing_is_not_a_word_that_nobody_knows():
    assert names_no_view("Frontal") and names_no_view("chest view") and not names_no_view("weird")
