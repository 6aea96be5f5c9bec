import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.language.modalities import is_chart, modalities_in_text, modality_in_text, shown, shows_slices


@pytest.mark.parametrize(
    ("prose", "modality"),
    [
        ("Chest X-ray on admission", "X-ray"),
        ("RX torace", "X-ray"),
        ("a film of the same day", "X-ray"),
        ("TC torace ad alta risoluzione", "CT"),
        ("HRCT", "CT"),
        ("axial images", "CT"),
        ("coronal reformat, lung window", "CT"),
        ("X‐ray computed tomography of the thorax", "CT"),
        ("X-ray, then CT", None),
        ("ultrasound", "other"),
        ("PET-CT", None),
        ("T1-weighted, axial", "other"),
        ("Histology", "other"),
        ("Chest X-ray with ECG electrodes", "X-ray"),
        ("X-ray crystal structure of an enzyme", None),
        ("X-ray diffraction", None),
        ("a picture", None),
        ("", None),
        (None, None),
    ],
)
def test_modality_in_prose(prose, modality):
    assert modality_in_text(prose) == modality


def test_prose_may_name_several_modalities():
    assert modalities_in_text("Chest X-ray and CT") == {"X-ray", "CT"}
    assert modality_in_text("Chest X-ray and CT") is None


def test_an_explained_abbreviation_names_no_picture():
    assert modality_in_text("Lung ultrasound. CXR, chest X-ray; CT = computed tomography.") == "other"


@pytest.mark.parametrize(
    ("prose", "kinds"),
    [
        ("Axial CT two days after the chest X-ray", ["CT"]),
        ("Chest X-ray; the opacities were confirmed by CT", ["X-ray"]),
        ("Chest X-ray after CT-guided drainage", ["X-ray"]),
        ("Chest X-ray. The CT (not shown) was normal.", ["X-ray"]),
        ("Opacities seen on the chest X-ray", ["X-ray"]),
        ("Chest X-ray and CT", ["X-ray", "CT"]),
    ],
)
def test_a_picture_that_is_only_referred_to_is_not_shown(prose, kinds):
    assert [mention.kind for mention in shown(prose)] == kinds


@pytest.mark.parametrize(
    ("prose", "chart"),
    [
        ("Flow diagram of patients with an abnormal chest X-ray", True),
        ("Number of chest X-rays per week", True),
        ("ROC curve for pneumonia on chest X-ray", True),
        ("Heat map laid over a chest X-ray", True),
        ("Chest X-ray with a heat map of the network", True),
        ("Chest X-ray with a peripheral distribution of the opacities", False),
        ("Patient number 2. Chest X-ray.", False),
        ("Loss of volume of the left lung on the chest X-ray", False),
        ("Regression of the opacities on the chest X-ray", False),
        ("A man with a heart rate of 110. Chest X-ray with opacities.", False),
    ],
)
def test_a_chart_is_told_from_a_film_by_what_comes_first(prose, chart):
    assert is_chart(prose) == chart


def test_signs_of_slices_count_only_where_no_picture_is_named():
    assert shows_slices("thick interlobular septa in the basal segment")
    assert not shows_slices("chest X-ray with subpleural opacities")


@given(st.text(max_size=300))
def test_any_text_has_modalities(text):
    assert modalities_in_text(text) <= {"X-ray", "CT", "other"}
    is_chart(text)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text", ["x-" * 200_000, " " * 500_000, "x-ray " * 80_000, "cases with the " * 40_000, "than the chest " * 40_000]
)
def test_long_text_takes_bounded_time(text):
    modality_in_text(text)
