import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.core.items import VIEWS
from sources.language.captions import (
    ANIMAL,
    CT_BY_CAPTION,
    NO_FILM,
    NO_XRAY,
    OTHER_PART,
    SEVERAL,
    UNNAMED_PART,
    CaptionFacts,
    caption_facts,
    read_caption,
)

PAIR = ((0, 0, 100, 100), (110, 0, 100, 100))
STACK = ((0, 0, 100, 100), (0, 110, 100, 100))


@pytest.mark.parametrize(
    ("caption", "facts"),
    [
        ("PA chest radiograph", CaptionFacts("X-ray", "PA", None)),
        ("Portable AP view", CaptionFacts(None, "AP", None)),
        ("Axial CT", CaptionFacts("CT", "CT", CT_BY_CAPTION)),
        ("Ultrasound of the chest", CaptionFacts("other", "OTHER", NO_XRAY)),
        ("Chest X-ray and CT", CaptionFacts(None, "unknown", None)),
    ],
)
def test_a_caption_that_names_another_modality_rules_a_film_out(caption, facts):
    assert caption_facts(caption) == facts


@pytest.mark.parametrize(
    ("caption", "title", "skip"),
    [
        ("Chest X-ray.", "", None),
        ("Chest CT.", "", CT_BY_CAPTION),
        ("Chest CT. The chest X-ray had been normal.", "", CT_BY_CAPTION),
        ("A man with fever. Chest X-ray. CT was not available.", "", None),
        ("Lung ultrasound.", "", NO_XRAY),
        ("Number of chest X-rays per week.", "", NO_FILM),
        ("Cases per day.", "", NO_FILM),
        ("X-ray of the hand.", "COVID-19 pneumonia", OTHER_PART),
        ("X-ray on day 2.", "", UNNAMED_PART),
        ("X-ray on day 2.", "COVID-19 pneumonia: a case report", None),
        ("X-ray on day 2.", "Hip fracture in a man with COVID-19", UNNAMED_PART),
        ("X-ray on day 2.", "Plate fixation of the radius", OTHER_PART),
        ("Chest X-ray of a dog.", "", ANIMAL),
        ("Chest X-ray on day 2.", "Pneumonia in a dog", ANIMAL),
    ],
)
def test_a_picture_is_a_chest_film_or_there_is_a_reason(caption, title, skip):
    assert read_caption(caption, (), title)[0].skip == skip


def test_each_panel_is_judged_by_its_own_words():
    first, second = read_caption("Man of 40. (A) Chest X-ray, PA. (B) Axial CT.", PAIR)
    assert (first.own, first.shared, first.modality, first.view, first.skip) == (
        *("Chest X-ray, PA.", "Man of 40.", "X-ray", "PA", None),
    )
    assert (second.words, second.modality, second.view, second.skip) == (
        "Man of 40. Axial CT.",
        "CT",
        "CT",
        CT_BY_CAPTION,
    )


def test_a_panel_that_names_no_picture_is_one_of_the_kind_before_it():
    pictures = read_caption("Chest X-ray on day 1 (A), on day 5 (B), and CT on day 7 (C).", (*PAIR, (220, 0, 100, 100)))
    assert [picture.modality for picture in pictures] == ["X-ray", "X-ray", "CT"]
    assert [picture.base for picture in pictures] == ["", "Chest X-ray on day 1", ""]


def test_slices_are_known_by_their_signs_where_films_and_slices_are_named_together():
    pictures = read_caption("X-ray and CT of the chest. (A) Hazy lower zones. (B) Thick interlobular septa.", PAIR)
    assert [picture.skip for picture in pictures] == [None, CT_BY_CAPTION]


@pytest.mark.parametrize("caption", ["Chest X-ray (left) and CT (right).", "CT (right), chest X-ray (left)."])
def test_left_and_right_are_where_the_panels_are(caption):
    assert [picture.modality for picture in read_caption(caption, PAIR)] == ["X-ray", "CT"]
    assert {picture.skip for picture in read_caption(caption, STACK)} == {SEVERAL}
    assert read_caption(caption)[0].skip == SEVERAL  # its file decides


def test_left_and_right_may_be_sides_of_a_patient():
    (picture,) = read_caption("Chest X-ray with a cavity (left) and an effusion (right).", ())
    assert (picture.modality, picture.skip) == ("X-ray", None)


def test_panels_that_do_not_match_the_caption_share_what_it_says_of_all():
    three = (*PAIR, (220, 0, 100, 100))
    films = read_caption("COVID-19. (A) Chest X-ray, PA. (B) Chest X-ray, AP.", three)
    assert [(picture.words, picture.view, picture.skip) for picture in films] == [("COVID-19.", "unknown", None)] * 3
    mixed = read_caption("COVID-19. (A) Chest X-ray. (B) CT.", three)
    assert {picture.skip for picture in mixed} == {SEVERAL}
    slices = read_caption("COVID-19. (A) Axial CT. (B) Coronal CT.", three)
    assert {picture.skip for picture in slices} == {CT_BY_CAPTION}


@given(st.text(alphabet="chest X-ray CT(ab).,: left", max_size=200), st.sampled_from([None, (), PAIR, STACK]))
def test_any_caption_is_pictures(caption, boxes):
    pictures = read_caption(caption, boxes)
    assert len(pictures) == max(1, len(boxes or ()))
    assert all(picture.view in VIEWS for picture in pictures)
