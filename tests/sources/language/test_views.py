import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.core.items import VIEWS
from sources.language.views import parse_view, view_in_text


@pytest.mark.parametrize(
    ("written", "view"),
    [
        ("PA", "PA"),
        ("pa", "PA"),
        ("AP", "AP"),
        ("AP Erect", "AP"),
        ("AP Supine", "AP_SUPINE"),
        ("AP_SUPINE", "AP_SUPINE"),
        ("L", "L"),
        ("Lateral", "L"),
        ("Axial", "CT"),
        ("Coronal", "CT"),
        ("CT", "CT"),
        ("Oblique", "OTHER"),
        ("Frontal", "unknown"),
        ("bilateral", "unknown"),
        ("PA and lateral", "unknown"),
        ("?", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_view_is_read_from_the_words_of_the_source(written, view):
    assert parse_view(written) == view


@pytest.mark.parametrize(
    ("prose", "view"),
    [
        ("Chest radiograph (PA).", "PA"),
        ("Portable AP film", "AP"),
        ("Chest radiograph in the supine position", "AP_SUPINE"),
        ("Lateral view", "L"),
        ("opacity lateral to the hilum, PA film", "PA"),
        ("PA and lateral radiographs", "unknown"),
        ("bilateral opacities", "unknown"),
        ("posterior-anterior and lateral view", "unknown"),
        ("Chest X-ray, anterior–posterior", "AP"),
        ("chest X-ray (a.p.) on admission", "AP"),
        ("frontal and lateral chest radiographs", "unknown"),
        ("enlarged pulmonary artery (PA)", "unknown"),
        ("convex main PA on the chest film", "unknown"),
        ("a full AP window", "unknown"),
    ],
)
def test_view_in_prose_needs_a_wording_that_names_one(prose, view):
    assert view_in_text(prose) == view


@given(st.text(max_size=300))
def test_any_text_gives_a_view(text):
    assert {parse_view(text), view_in_text(text)} <= set(VIEWS)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("text", ["supin" * 100_000, "x-" * 200_000, " " * 500_000, "lateral " * 60_000])
def test_long_text_takes_bounded_time(text):
    for read in (parse_view, view_in_text):
        read(text)
