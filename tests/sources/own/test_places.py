import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.own.places import ABSENT, LEAVES, NAMES_NONE, PASSED_OVER, FileIndex, is_mask, match_files

PLACES = ["images/film 0.png", "images/film 1.png", "images/Größe.PNG", "2020/b.dcm", "top.jpg", "IM0001"]


def place_of(written, places=PLACES, **facts):
    return match_files([written], places, **facts)[written].place


def problem_of(written, places=PLACES, **facts):
    return match_files([written], places, **facts)[written].problem


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("images/film 0.png", "images/film 0.png"),
        (r"images\film 0.png", "images/film 0.png"),
        (r".\images\film 0.png", "images/film 0.png"),
        ("./images//film 0.png", "images/film 0.png"),
        ('"images/film 0.png"', "images/film 0.png"),
        ("other_folder/images/film 0.png", "images/film 0.png"),
        (r"C:\data\films\images\film 0.png", "images/film 0.png"),
        ("/home/ana/films/images/film 0.png", "images/film 0.png"),
        ("file:///home/ana/films/images/film%200.png", "images/film 0.png"),
        ("https://site.org/images/film%200.png?raw", "images/film 0.png"),
        ("images/../images/film 0.png", "images/film 0.png"),
        ("IMAGES/FILM 0.PNG", "images/film 0.png"),
        ("film 0.png", "images/film 0.png"),
        ("film 0", "images/film 0.png"),
        ("film 0.dcm", "images/film 0.png"),
        ("film 0.jpeg.gz", "images/film 0.png"),
        ("b", "2020/b.dcm"),
        ("2020/b.png", "2020/b.dcm"),
        ("IM0001.dcm", "IM0001"),
        ("a/b/top.png", "top.jpg"),
        (unicodedata.normalize("NFD", "images/größe.png"), "images/Größe.PNG"),
        (unicodedata.normalize("NFC", "GRÖSSE"), "images/Größe.PNG"),  # ß has no capital of its own
        ("imgs/film 0.png", "images/film 0.png"),
    ],
)
def test_a_path_finds_its_file_however_it_is_written(written, place):
    assert place_of(written) == place


def test_what_nobody_sees_or_types_makes_no_difference():
    assert place_of("Screen 10.png", ["Screen\u202f10.png"]) == "Screen\u202f10.png"
    assert place_of("softhyphen.png", ["soft\u00adhyphen.png"]) == "soft\u00adhyphen.png"


def test_whole_numbers_lose_what_a_program_added():
    assert place_of("12.0", ["12.png", "13.png"]) == "12.png"


def test_dots_in_a_name_are_no_extension():
    places = ["1.2.276.0.51.dcm", "1.2.276.0.52.dcm"]
    assert place_of("1.2.276.0.51", places) == places[0]
    assert place_of("1.2.276.0", places) is None


def test_a_path_may_be_relative_to_the_table():
    assert place_of("../images/a.png", ["images/a.png", "meta/images/a.png"], below="meta") == "images/a.png"
    assert place_of("a.png", ["a.png", "meta/a.png"], below="meta") == "a.png"
    assert place_of("x/a.png", ["x.d/a.png", "meta/x/a.png"], below="meta") == "meta/x/a.png"


def test_a_path_may_begin_with_the_folder_itself():
    assert place_of("/data/films/x/a.png", ["x/a.png", "y/a.png"], folder="/data/films") == "x/a.png"


ALONE = ["7.png", "images/a b.png", "x/c#1.png"]


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("7.0", "7.png"),
        ("https://site.org/f/7.png?w=1", "7.png"),
        ("https://site.org/f/a%20b.png#top", "images/a b.png"),
        ("file:///home/ana/images/a%20b.png", "images/a b.png"),
        ("s3://bucket/images/a b.png", "images/a b.png"),
        ("images/a%20b.png?raw=1", "images/a b.png"),
        ("c#1.png", "x/c#1.png"),
        ("d.png", None),
    ],
)
def test_one_cell_alone_means_what_it_means_beside_others(written, place):
    """A curation guesses by the same rules by which the rows are matched afterwards."""
    assert FileIndex(ALONE).file_of(written) == place
    assert place_of(written, ALONE) == place


@given(st.text("ab./\\%20?#:", max_size=12), st.lists(st.text("ab.", min_size=1, max_size=5), max_size=6, unique=True))
def test_what_a_cell_means_alone_it_never_loses(written, places):
    found = FileIndex(places).file_of(written)
    assert found is None or place_of(written, places) == found


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("", NAMES_NONE),
        ("gone.png", ABSENT),
        ("../secret.png", LEAVES),
        ("/etc/passwd", LEAVES),
        (r"C:\films\gone.png", LEAVES),
        ("notes.txt", PASSED_OVER),
    ],
)
def test_a_row_without_a_file_says_why(written, problem):
    assert problem_of(written, exists=lambda place: place == "notes.txt") == problem


def test_two_files_of_one_name_are_counted():
    assert problem_of("a.png", ["x/a.png", "y/a.png"]) == "2 files have this name"
    assert problem_of("a", ["x/a.png", "x/a.jpg", "y/a.png"]) == "3 files have this name"


def test_a_case_that_is_right_decides_between_two_files():
    assert place_of("A.png", ["A.png", "a.png"]) == "A.png"
    assert place_of("x/A", ["x/A.png", "x/a.png"]) == "x/A.png"
    assert problem_of("x/Aa", ["x/AA.png", "x/aa.png"]) == "2 files have this name"


@pytest.mark.parametrize("masks", ["masks", "mask", "Lung Masks", "lung_mask", "segmentation", "infection masks"])
def test_a_mask_is_not_the_film(masks):
    assert place_of("a", ["COVID/images/a.png", f"COVID/{masks}/a.png"]) == "COVID/images/a.png"
    assert is_mask(f"COVID/{masks}/a.png") and not is_mask("COVID/images/masks.png")


def test_the_folder_that_other_rows_use_decides():
    found = match_files(["a.png", "b.png"], ["good/a.png", "good/b.png", "preview/a.png"])
    assert [match.place for match in found.values()] == ["good/a.png", "good/b.png"]


def test_the_extension_that_other_rows_use_decides():
    found = match_files(["a", "b"], ["a.png", "b.png", "a.txt.jpg", "a.jpg"])
    assert [match.place for match in found.values()] == ["a.png", "b.png"]


def test_repeated_names_below_folders_of_patients_are_never_exchanged():
    places = [f"train/patient{number}/study1/view1.jpg" for number in range(1, 9)]
    paths = [f"CheXpert-small/train/patient{number}/study1/view1.jpg" for number in range(1, 21)]
    found = match_files(paths, places)
    assert [found[path].place for path in paths[:8]] == places
    assert {found[path].problem for path in paths[8:]} == {ABSENT}


def test_rows_of_other_folders_do_not_share_a_file():
    found = match_files(["train/1.png", "test/1.png"], ["1.png"])
    assert {match.problem for match in found.values()} == {"several paths of the table could mean 1.png"}
    found = match_files(["1.png", "test/1.png"], ["1.png"])
    assert [match.place for match in found.values()] == ["1.png", None]


def test_a_file_in_an_archive_is_found_by_its_own_path():
    assert place_of("images/a.png", ["films.zip/images/a.png", "b.png"]) == "films.zip/images/a.png"


@given(st.lists(st.text("aAbB/.\\ ö%2", max_size=8), max_size=8), st.lists(st.text("abAB/ö", min_size=1, max_size=8)))
def test_any_paths_give_a_place_of_the_list_or_a_problem(written, places):
    for match in match_files(written, places, below="a").values():
        assert (match.place in places) != (match.problem is not None)


def test_a_hundred_thousand_files_of_one_name_take_seconds():
    places = [f"p{number}/study/view1.jpg" for number in range(100_000)]
    found = match_files([f"x/{place}" for place in places], places)
    assert all(match.place is not None for match in found.values())
