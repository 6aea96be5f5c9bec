import csv
import hashlib
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from sources.sandbox import draw as drawing
from sources.sandbox.alter import COPIES, DEFECTS, UNREADABLE
from sources.sandbox.anatomy import draw_anatomy
from sources.sandbox.phantom import Exposure, frontal
from sources.sandbox.world import HOMES, MARKER, ODD_FORMATS, build_world, draw_film, plan_world

FILMS = 600


@pytest.fixture(scope="module")
def plans():
    return plan_world(7, FILMS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    target = tmp_path_factory.mktemp("world") / "sandbox"
    drawing.draw(target, 3, 60)
    return target


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def hashes(folder: Path):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_default_world_has_everything(plans):
    films = [plan.film for plan in plans]
    assert abs(len(films) - FILMS) < 0.25 * FILMS
    assert {film.source for film in films} == set(HOMES)
    assert {film.view for film in films} == {"PA", "AP", "L", "CT"}
    assert {film.label for film in films} == {"covid", "normal", "cap", "other"}
    assert {film.defect for film in films} - {None} == {*DEFECTS, *UNREADABLE, *ODD_FORMATS}
    assert {film.duplicate_kind for film in films} - {None} == set(COPIES)
    assert any(film.age < 18 for film in films)
    assert any(film.stated_age is None for film in films) and any(film.stated_view is None for film in films)
    assert len({film.film_id for film in films}) == len(films)


def test_there_are_enough_persons_to_train_on(plans):
    persons = Counter(label for _, label in {(plan.film.person, plan.film.label) for plan in plans})
    assert persons["covid"] > 100 and persons["normal"] > 80 and persons["cap"] > 20


def test_a_person_may_be_known_by_other_ids_elsewhere(plans):
    ids = {}
    for plan in plans:
        ids.setdefault(plan.film.person, set()).add((plan.film.source, plan.film.patient_id))
    assert any(len({name for _, name in known}) > 1 for known in ids.values())


def test_the_same_seed_gives_the_same_films(plans):
    for plan in plans[:12]:
        assert draw_film(plan) == draw_film(plan)
    assert build_world(1, 50, ("cohen",)) == build_world(1, 50, ("cohen",))
    assert build_world(1, 50, ("cohen",)) != build_world(2, 50, ("cohen",))


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


def test_dicom_files_name_nobody_but_the_marker(plans):
    (plan,) = [plan for plan in plans if plan.film.defect == "monochrome1"]
    data = draw_film(plan).data
    assert data[128:132] == b"DICM" and MARKER.encode() in data and b"MONOCHROME1" in data


def test_disease_is_visible_where_it_is_said_to_be():
    """Against the film's own soft tissue below the diaphragm, since a scanner tones every film anew."""
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
    anatomy = draw_anatomy(np.random.default_rng(2), 60, "M")
    first, second = (frontal(anatomy, Exposure(380, 340, seed, "normal", 0, 1, 5, False))[0] for seed in (1, 2))
    details = [film.astype(float) - cv2.GaussianBlur(film, (0, 0), 3) for film in (first, second)]
    assert np.corrcoef(details[0].ravel(), details[1].ravel())[0, 1] < 0.5


def test_the_truth_names_every_file_and_every_pair(folder):
    films = read(folder / "truth" / "films.csv")
    known = {row["sha256"] for row in films}
    for name in ("pairs.csv", "hard_non_duplicates.csv"):
        for row in read(folder / "truth" / name):
            assert {row["a_sha256"], row["b_sha256"]} <= known
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


def test_an_interrupted_drawing_leaves_the_old_world(folder, monkeypatch):
    before = hashes(folder)

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(drawing, "_write_truth", stop)
    with pytest.raises(KeyboardInterrupt):
        drawing.draw(folder, 4, 60)
    assert hashes(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
