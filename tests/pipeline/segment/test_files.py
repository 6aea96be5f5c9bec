import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from dicom_files import dicom
from lung_films import film_with_lungs

from pipeline.core.params import IngestParams, SegmentParams
from pipeline.segment.files import Job, plan, write_masks
from pipeline.segment.variants import dice
from sources.core.errors import UsageError

REPO = Path(__file__).parents[3]


def saved(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, picture)[1].tobytes())
    return path


def masked(images, out, **options):
    return list(write_masks(plan(images, out, False), IngestParams(**options), SegmentParams(), None))


def read(path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def test_the_mask_has_the_size_of_the_film_and_lies_on_its_lungs(tmp_path):
    film, lungs = film_with_lungs(500, 1300, 1200)
    (found,) = masked([saved(tmp_path / "film.png", film)], tmp_path / "out")
    mask = read(tmp_path / "out" / "film.png.png")
    assert mask.shape == film.shape and set(np.unique(mask)) == {0, 255}
    assert dice(mask > 0, lungs) > 0.9
    assert found.problem is None and found.share == pytest.approx((mask > 0).mean(), abs=0.01)


def test_the_mask_of_a_film_on_its_side_lies_on_it_as_it_is(tmp_path):
    film, lungs = film_with_lungs(506, 600, 560)
    masked([saved(tmp_path / "film.png", np.ascontiguousarray(np.rot90(film)))], tmp_path / "out")
    mask = read(tmp_path / "out" / "film.png.png")
    assert mask.shape == (560, 600)
    assert dice(mask > 0, np.rot90(lungs)) > 0.9


def test_dicom_and_sixteen_bit_files_are_films_like_others(tmp_path):
    film, lungs = film_with_lungs(500)
    deep = film.astype(np.uint16) * 16
    (tmp_path / "film.dcm").write_bytes(dicom(deep, bits=12))
    saved(tmp_path / "film.png", deep * 16)
    found = masked([tmp_path / "film.dcm", tmp_path / "film.png"], tmp_path / "out")
    assert [each.problem for each in found] == [None, None]
    for name in ("film.dcm", "film.png"):
        assert dice(read(tmp_path / "out" / f"{name}.png") > 0, lungs) > 0.9


def test_a_folder_keeps_its_folders_and_other_files_are_counted(tmp_path, caplog):
    film, _ = film_with_lungs(500, 200, 190)
    for place in ("in/a/film.png", "in/b/film.png", "in/.hidden/film.png"):
        saved(tmp_path / place, film)
    (tmp_path / "in" / "notes.txt").write_text("words")
    jobs = plan([tmp_path / "in"], tmp_path / "out", False)
    assert [job.mask for job in jobs] == [
        tmp_path / "out" / "a" / "film.png.png",
        tmp_path / "out" / "b" / "film.png.png",
    ]
    assert [record.message for record in caplog.records] == [
        f"{tmp_path / 'in'}: 1 file passed over, as no image begins like that"
    ]


def test_masks_in_the_folder_itself_are_no_films(tmp_path):
    image = saved(tmp_path / "film.png", film_with_lungs(500, 200, 190)[0])
    masked([tmp_path], tmp_path / "masks")
    assert plan([tmp_path], tmp_path / "masks", True) == [Job(image, tmp_path / "masks" / "film.png.png")]


def test_nothing_is_overwritten_silently(tmp_path):
    image = saved(tmp_path / "film.png", film_with_lungs(500, 200, 190)[0])
    saved(tmp_path / "out" / "film.png.png", np.zeros((2, 2), np.uint8))
    with pytest.raises(UsageError, match=r"film\.png\.png would be overwritten; choose another --out"):
        plan([image], tmp_path / "out", False)
    assert len(plan([image], tmp_path / "out", True)) == 1


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["absent.png"], "absent.png does not exist"),
        (["empty"], "empty holds no image"),
        (["a/film.png", "b/film.png"], "Two images would have the mask"),
    ],
)
def test_what_cannot_be_planned_is_said_before_any_work(tmp_path, names, message):
    (tmp_path / "empty").mkdir()
    for place in ("a/film.png", "b/film.png"):
        saved(tmp_path / place, np.zeros((4, 4), np.uint8))
    with pytest.raises(UsageError, match=message):
        plan([tmp_path / name for name in names], tmp_path / "out", False)


def test_an_image_named_twice_has_one_mask(tmp_path):
    image = saved(tmp_path / "film.png", np.zeros((4, 4), np.uint8))
    assert len(plan([image, image], tmp_path / "out", False)) == 1


def test_bad_files_have_one_sentence_each_and_the_others_a_mask(tmp_path):
    good = saved(tmp_path / "good.png", film_with_lungs(500, 200, 190)[0])
    (tmp_path / "page.png").write_text("<html>")
    (tmp_path / "empty.png").touch()
    big = saved(tmp_path / "big.png", np.zeros((1200, 1200), np.uint8))
    images = [tmp_path / "page.png", good, tmp_path / "empty.png", big]
    found = masked(images, tmp_path / "out", max_megapixels=1)
    assert [each.problem is None for each in found] == [False, True, False, False]
    for image, each in zip(images, found, strict=True):
        assert each.problem is None or each.problem.startswith(f"{image} is not a usable picture: ")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.png.png"]


def test_the_command_writes_masks_and_ends_with_1_if_a_file_is_bad(tmp_path):
    saved(tmp_path / "films" / "good.png", film_with_lungs(500, 200, 190)[0])
    bad = tmp_path / "films" / "bad.png"
    bad.write_bytes((tmp_path / "films" / "good.png").read_bytes()[:400])
    words = ["lungs", str(tmp_path / "films"), "--out", str(tmp_path / "out"), "--params", "sandbox", "--workers", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", *words], cwd=REPO, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    first, last = done.stderr.strip().splitlines()
    assert first.startswith(f"cxnet-data: {bad} is not a usable picture: ")
    assert last == "cxnet-data: 1 of 2 images could not be used."
    assert "1 mask in" in done.stdout and (tmp_path / "out" / "good.png.png").is_file()
