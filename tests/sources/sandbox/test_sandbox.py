"""The synthetic films, the problems planted among them, and the sandbox that is written."""

import csv
import hashlib
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import pytest

from sources.sandbox import draw as drawing
from sources.sandbox.alter import COPIES, DEFECTS, UNREADABLE
from sources.sandbox.anatomy import draw_anatomy
from sources.sandbox.other_views import panels, photograph
from sources.sandbox.people import FRONTAL, HOMES
from sources.sandbox.phantom import Exposure, frontal
from sources.sandbox.planting import ODD_FORMATS, WRONG_AGE, WRONG_LABEL
from sources.sandbox.population import MARKER, draw_film, draw_films, plan_films

FILMS = 600


@pytest.fixture(scope="module")
def plans():
    return plan_films(7, FILMS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    target = tmp_path_factory.mktemp("synthetic") / "sandbox"
    drawing.draw(target, 3, 60)
    return target


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def hashes(folder: Path):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_default_sandbox_has_everything(plans):
    films = [plan.film for plan in plans]
    assert abs(len(films) - FILMS) < 0.25 * FILMS
    assert {film.source for film in films} == set(HOMES)
    assert {film.view for film in films} == {"PA", "AP", "AP_SUPINE", "L", "CT", "OTHER"}
    assert {film.label for film in films} == {"covid", "normal", "cap", "other"}
    assert {film.defect for film in films} - {None} == {*DEFECTS, *UNREADABLE, *ODD_FORMATS, WRONG_LABEL, WRONG_AGE}
    assert {film.duplicate_kind for film in films} - {None} == set(COPIES)
    assert any(film.age < 18 for film in films)
    assert any(film.stated_age is None for film in films) and any(film.stated_view is None for film in films)
    assert len({film.film_id for film in films}) == len(films)


def test_there_are_enough_persons_to_train_on(plans):
    persons = Counter(label for _, label in {(plan.film.person, plan.film.label) for plan in plans})
    assert persons["covid"] > 130 and persons["normal"] > 100 and persons["cap"] > 30
    films = Counter(plan.film.label for plan in plans if plan.film.view in FRONTAL and plan.film.age >= 18)
    assert films["covid"] > 250 and films["normal"] > 170


def test_films_that_have_copies_stay_intact(plans):
    copied = {plan.film.exposure_id for plan in plans if plan.copy}
    first = [plan.film for plan in plans if plan.film.exposure_id in copied and not plan.copy]
    assert {film.exposure_id for film in first} == copied
    assert {film.defect for film in first} <= {None, WRONG_AGE}


def test_wrong_facts_contradict_another_film(plans):
    films = [plan.film for plan in plans]
    for film in films:
        if film.defect == WRONG_LABEL:
            (first,) = [
                other for other in films if other.exposure_id == film.exposure_id and other.duplicate_kind is None
            ]
            assert first.finding != film.finding and first.label == film.label
        if film.defect == WRONG_AGE:
            assert abs(film.stated_age - film.age) > 10


def test_a_person_may_have_other_ids_at_other_sources(plans):
    ids = {}
    for plan in plans:
        ids.setdefault(plan.film.person, set()).add((plan.film.source, plan.film.patient_id))
    assert any(len({name for _, name in known}) > 1 for known in ids.values())


def test_the_same_seed_gives_the_same_films(plans):
    for plan in plans[:12]:
        assert draw_film(plan) == draw_film(plan)
    assert draw_films(1, 15, ("cohen",)) == draw_films(1, 15, ("cohen",))
    assert draw_films(1, 15, ("cohen",)) != draw_films(2, 15, ("cohen",))


def test_the_number_of_processes_changes_nothing():
    with ProcessPoolExecutor(2, mp_context=get_context("forkserver")) as pool:
        assert draw_films(1, 15, ("cohen",), pool) == draw_films(1, 15, ("cohen",))


def test_readable_files_decode_to_their_size_and_others_do_not(plans):
    seen = set()
    for plan in plans:
        if plan.film.defect in seen or plan.film.defect in ("exif", "gif", "dicom", "monochrome1", "frames"):
            continue
        seen.add(plan.film.defect)
        film = draw_film(plan)
        decoded = cv2.imdecode(np.frombuffer(film.data or b"0", np.uint8), cv2.IMREAD_UNCHANGED)
        if film.defect in ("html", "empty"):
            assert decoded is None and film.width == 0
        elif film.defect != "truncated":
            assert decoded.shape[:2] == (film.height, film.width)


def test_dicom_files_name_only_the_marker(plans):
    (plan,) = [plan for plan in plans if plan.film.defect == "monochrome1"]
    data = draw_film(plan).data
    assert data[128:132] == b"DICM" and MARKER.encode() in data and b"MONOCHROME1" in data


def test_disease_is_visible_where_its_label_puts_it():
    """Relative to the film's own soft tissue below the diaphragm, as each film has its own tone curve."""
    anatomy = draw_anatomy(np.random.default_rng(1), 60, "M")
    brightness = {}
    for label in ("normal", "covid", "cap"):
        film, lungs = frontal(anatomy, Exposure(380, 340, 5, label, 0.9, 1, 5, False))
        tissue = film[-40:, 120:220].mean()
        halves = (lungs[:, :170], film[:, :170]), (lungs[:, 170:], film[:, 170:])
        brightness[label] = [picture[mask > 0].mean() / tissue for mask, picture in halves]
    normal, covid, cap = (np.array(brightness[label]) for label in ("normal", "covid", "cap"))
    assert (covid > normal).all()
    assert cap[1] / normal[1] > 1.15 * cap[0] / normal[0]


def test_two_films_of_a_person_differ_in_detail():
    """Even in the best alignment, so that no proof may take one for a copy of the other."""
    for seed in range(4):
        anatomy = draw_anatomy(np.random.default_rng(seed), 60, "M")
        first, second = (
            frontal(anatomy, Exposure(380, 340, seed, "normal", 0, 1, 5, False))[0] for seed in (seed, seed + 9)
        )
        move = np.eye(2, 3, dtype=np.float32)
        _, move = cv2.findTransformECC(first, second, move, cv2.MOTION_AFFINE)
        aligned = cv2.warpAffine(second, move, (340, 380), flags=cv2.INTER_LINEAR + cv2.WARP_INVERSE_MAP)
        assert correlation(first, aligned) < 0.6 < correlation(first, cv2.GaussianBlur(first, (0, 0), 0.7))


def correlation(first, second):
    """Correlation of the detail between 1 and 4 pixels, away from the edges."""
    details = [
        (cv2.GaussianBlur(film.astype(np.float32), (0, 0), 1) - cv2.GaussianBlur(film.astype(np.float32), (0, 0), 4))
        for film in (first, second)
    ]
    middle = (slice(60, -60), slice(60, -60))
    return np.corrcoef(details[0][middle].ravel(), details[1][middle].ravel())[0, 1]


def test_pictures_of_other_kinds_look_different():
    anatomy = draw_anatomy(np.random.default_rng(3), 60, "F")
    exposure = Exposure(380, 340, 4, "covid", 0.8, 1, 5, False)
    assert (panels(anatomy, exposure)[:8] == 255).all()
    assert 40 < photograph(exposure).mean() < 200


def test_the_truth_names_every_file_and_every_pair(folder):
    films = read(folder / "truth" / "films.csv")
    known = {row["sha256"] for row in films}
    exposures = {(row["source"], row["film_id"]): row["exposure_id"] for row in films}
    for name in ("pairs.csv", "hard_non_duplicates.csv"):
        for row in read(folder / "truth" / name):
            assert {row["a_sha256"], row["b_sha256"]} <= known
            first, second = (exposures[row[f"{end}_source"], row[f"{end}_film_id"]] for end in "ab")
            assert (first == second) == (name == "pairs.csv")
    assert {row["source"] for row in films} <= set(HOMES)


def test_every_site_of_a_source_is_drawn(folder):
    hosts = {path.name for path in folder.iterdir() if path.is_dir()}
    assert {"raw.githubusercontent.com", "radiopaedia.org", "www.eurorad.org", "api.x.com", "www.ebi.ac.uk"} <= hosts


def test_drawing_again_changes_nothing_and_another_seed_everything(folder, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    drawing.draw(folder, 3, 60)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    drawing.draw(tmp_path / "again", 3, 60)
    assert hashes(tmp_path / "again") == hashes(folder)


def test_an_interruption_leaves_the_old_sandbox(folder, monkeypatch):
    before = hashes(folder)

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(drawing, "_write_truth", stop)
    with pytest.raises(KeyboardInterrupt):
        drawing.draw(folder, 4, 60)
    assert hashes(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
