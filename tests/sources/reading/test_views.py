import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.core.items import VIEWS
from sources.reading.views import (
    CaptionFacts,
    caption_facts,
    modalities_in_text,
    modality_in_text,
    parse_view,
    view_in_text,
)


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
    ],
)
def test_view_in_prose_needs_a_wording_that_names_one(prose, view):
    assert view_in_text(prose) == view


@pytest.mark.parametrize(
    ("prose", "modality"),
    [
        ("Chest X-ray on admission", "X-ray"),
        ("RX torace", "X-ray"),
        ("TC torace ad alta risoluzione", "CT"),
        ("HRCT", "CT"),
        ("axial images", "CT"),
        ("X-ray, then CT", None),
        ("ultrasound", "other"),
        ("a picture", None),
    ],
)
def test_modality_in_prose(prose, modality):
    assert modality_in_text(prose) == modality


def test_prose_may_name_several_modalities():
    assert modalities_in_text("Chest X-ray and CT") == {"X-ray", "CT"}
    assert modality_in_text("Chest X-ray and CT") is None


@pytest.mark.parametrize(
    ("caption", "shown"),
    [
        ("PA chest radiograph", CaptionFacts("X-ray", "PA", None)),
        ("Portable AP view", CaptionFacts(None, "AP", None)),
        ("Axial CT", CaptionFacts("CT", "CT", "CT according to its caption")),
        ("Ultrasound of the chest", CaptionFacts("other", "OTHER", "not an X-ray according to its caption")),
        ("Chest X-ray and CT", CaptionFacts(None, "unknown", None)),
    ],
)
def test_a_caption_that_names_another_modality_rules_a_film_out(caption, shown):
    assert caption_facts(caption) == shown


@given(st.text(max_size=300))
def test_any_text_gives_a_view(text):
    assert {parse_view(text), view_in_text(text), caption_facts(text).view} <= set(VIEWS)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("text", ["supin" * 100_000, "x-" * 200_000, " " * 500_000, "lateral " * 60_000])
def test_long_text_takes_bounded_time(text):
    for read in (parse_view, view_in_text, modality_in_text, caption_facts):
        read(text)
