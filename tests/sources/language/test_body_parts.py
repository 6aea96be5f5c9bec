import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.language.body_parts import Part, parse_body_part, part_beside, part_in, shows_an_animal

FILM = re.compile(r"X-rays?|radiographs?|CXR")


def beside(text):
    return part_beside(text, FILM.search(text).span())


@pytest.mark.parametrize(
    "text",
    [
        "Chest X-ray",
        "CXR",
        "X-ray of the chest",
        "X-ray chest PA view",
        "posteroanterior radiographs of both lungs",
        "X-ray of chest and pelvis",
        "pelvic and chest X-ray",
        "Chest X-ray with a fracture of the humerus",
        "after hip surgery, chest X-ray",
    ],
)
def test_a_film_of_the_chest_is_known_by_the_words_beside_it(text):
    assert beside(text) == Part.CHEST


@pytest.mark.parametrize(
    "text",
    [
        "X-ray of the left hand",
        "X-ray right wrist, lateral view",
        "Abdominal radiograph of a man with a thoracic injury",
        "X-ray of the thoracic spine",
        "Panoramic radiograph",
        "lateral thoracolumbar X-ray",
        "Radiographie, X-ray du bassin",
    ],
)
def test_a_film_of_another_part_is_known_by_the_words_beside_it(text):
    assert beside(text) == Part.OTHER


@pytest.mark.parametrize(
    "text", ["X-ray on admission", "X-ray with a fracture of the hip", "in the chest clinic, an X-ray"]
)
def test_words_farther_away_are_not_beside_the_film(text):
    assert beside(text) is None


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("with cardiomegaly", Part.CHEST),
        ("diffuse infiltrates of both lungs", Part.CHEST),
        ("a fracture of the tibia", Part.OTHER),
        ("loosening of the screws", Part.OTHER),
        ("pneumonia after a hip fracture", None),
        ("taken on admission", None),
    ],
)
def test_a_text_speaks_of_the_chest_or_of_another_part(text, part):
    assert part_in(text) == part


@pytest.mark.parametrize(
    ("text", "is_animal"),
    [
        ("Chest radiograph of a dog", True),
        ("Chest X-ray of an infected macaque on day 4", True),
        ("The cat died two hours later", True),
        ("Ventrodorsal radiograph", True),
        ("Chest X-ray of a pigeon breeder", False),
        ("Chest X-ray of a woman with three cats", False),
        ("avian influenza in poultry workers", False),
        ("Chest X-ray after a dog bite", False),
        ("Chest X-ray with a pigtail catheter", False),
    ],
)
def test_animals_are_patients_only_where_the_words_say_so(text, is_animal):
    assert shows_an_animal(text) == is_animal


@given(st.text(alphabet="chest hand of X-ray.,()dog", max_size=200), st.integers(0, 200), st.integers(0, 20))
def test_any_text_has_a_part_or_none(text, begin, length):
    assert part_beside(text, (min(begin, len(text)), min(begin + length, len(text)))) in (None, *Part)
    assert part_in(text) in (None, *Part)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", ["of a " * 4_000, "left " * 4_000, "in the young " * 1_500])
def test_long_text_takes_bounded_time(text):
    shows_an_animal(text)
    part_beside(text, (0, 2))
    part_in(text)


PARTS = {
    Part.CHEST: (
        "CHEST",
        "Thorax",
        "TORAX",
        "TÓRAX",
        "T\ufffdRAX",
        "torace",
        "LUNG",
        "CHEST_TO_ABDOMEN",
        "CHESTABDOMEN",
    ),
    Part.OTHER: ("HAND", "KNEE", "SKULL", "CSPINE", "TSPINE", "THORACIC SPINE", "L-SPINE", "UPPER_LIMB", "ABDOMEN"),
    None: ("", "   ", "OT", "UNKNOWN", "WHOLEBODY", "SLIT 3", "URINARYTRACTX"),
}


@pytest.mark.parametrize(("part", "code"), [(part, code) for part, codes in PARTS.items() for code in codes])
def test_a_code_names_a_part_of_the_body(part, code):
    assert parse_body_part(code) == part == parse_body_part(f"{code.lower()} ap")


@given(st.sampled_from(PARTS[Part.CHEST]), st.sampled_from(PARTS[Part.OTHER]), st.sampled_from("_ /\\,-"))
def test_what_shows_the_chest_with_another_part_shows_the_chest(chest, other, between):
    assert parse_body_part(f"{other}{between}{chest}") == parse_body_part(f"{chest}{between}{other}") == Part.CHEST
