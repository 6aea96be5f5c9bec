import cv2
import imagehash
import numpy as np
import pytest
from exposures import brightened, cropped, inverted, mirrored, resized
from handmade import film, lay_out, options
from hypothesis import given, settings
from hypothesis import strategies as st
from phantoms import phantom
from PIL import Image
from typer.testing import CliRunner

from pipeline.cli.main import app
from pipeline.core.layout import Layout
from pipeline.core.params import DedupeParams, IngestParams
from pipeline.dedupe.films import measure
from pipeline.dedupe.similar import read_query, similar_films
from pipeline.dedupe.stage import run
from pipeline.imaging.png import decode_png
from pipeline.ingest.intake import Task, ingest_image
from sources.core.errors import CxnetError, UsageError

PARAMS = options()
EXPOSURES = [phantom("frontal", seed) for seed in range(950, 955)]


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    layout = Layout.at(tmp_path_factory.mktemp("similar"))
    lay_out(
        layout,
        [film("cohen", str(place), picture, pixel_sha256=str(place)) for place, picture in enumerate(EXPOSURES)],
        through=None,
    )
    run(layout, PARAMS)
    return layout


def saved(tmp_path, picture):
    path = tmp_path / "query.png"
    cv2.imwrite(str(path), picture)
    return path


def test_a_changed_copy_finds_its_film(layout, tmp_path):
    picture = resized(brightened(mirrored(cropped(EXPOSURES[3], 0.6))), 0.7)
    result = similar_films(layout, saved(tmp_path, picture), PARAMS, nearest=3)
    assert result.proven == 1
    assert str(result).startswith("1 film shows this exposure")
    best, *others = result.films
    assert (best.source, best.item_id, best.kind) == ("cohen", "3", "mirrored")
    assert best.similarity > 0.9
    assert [(other.kind, other.similarity) for other in others] == [(None, None)] * 2
    assert others[0].phash_distance <= others[1].phash_distance
    assert [len(row) for row in result.rows()] == [len(result.columns())] * 3


def test_a_strange_image_is_not_proven(layout, tmp_path):
    result = similar_films(layout, saved(tmp_path, phantom("frontal", 999)), PARAMS, nearest=2)
    assert result.proven == 0
    assert str(result).startswith("No film shows this exposure")
    assert [found.similarity for found in result.films] == [None, None]


@pytest.mark.parametrize("change", [np.rot90, lambda film: np.rot90(film, 2), lambda film: np.rot90(film, 3), inverted])
def test_a_rotated_copy_or_a_negative_finds_its_film(layout, tmp_path, change):
    result = similar_films(layout, saved(tmp_path, change(resized(EXPOSURES[1], 0.8))), PARAMS, nearest=1)
    assert result.proven == 1
    assert result.films[0].item_id == "1"
    assert result.films[0].phash_distance <= 4


def test_kind_is_that_of_the_image_as_received(layout, tmp_path):
    kinds = {
        change: similar_films(layout, saved(tmp_path, picture), PARAMS, nearest=1).films[0].kind
        for change, picture in {"inverted": inverted(EXPOSURES[2]), "resized": resized(EXPOSURES[2], 0.8)}.items()
    }
    assert kinds == {"inverted": "inverted", "resized": "resized"}


@pytest.mark.parametrize("turns", range(4))
def test_the_image_is_read_as_ingest_takes_it_in(tmp_path, turns):
    params = IngestParams(long_side=200)
    path = saved(tmp_path, np.rot90(inverted(EXPOSURES[0]), turns))
    query = read_query(path, params)
    ingested = ingest_image(Task(("folder", "1"), path.read_bytes()), params)
    np.testing.assert_array_equal(query.gray, decode_png(ingested.png))
    assert (
        (query.image_id, query.inverted)
        == (ingested.columns["image_id"], ingested.columns["inverted"])
        == (query.image_id, True)
    )
    assert max(query.gray.shape) == 200


def test_the_options_of_the_profile_apply(layout, tmp_path):
    picture = saved(tmp_path, resized(brightened(cropped(EXPOSURES[3], 0.6)), 0.7))
    stricter = options(dedupe=DedupeParams(similarity=1.0))
    proven = [similar_films(layout, picture, params, nearest=1).proven for params in (PARAMS, stricter)]
    assert proven == [1, 0]
    with pytest.raises(UsageError, match=r"too large|megapixel"):
        similar_films(
            layout, saved(tmp_path, np.zeros((1200, 1200), np.uint8)), options(ingest=IngestParams(max_megapixels=1))
        )


def test_the_command_line_reads_the_profile(layout, tmp_path):
    profile, picture = tmp_path / "strict.yaml", saved(tmp_path, resized(brightened(EXPOSURES[3]), 0.7))
    profile.write_text("profile: strict\ndedupe: {similarity: 1.0}\n")
    command = ["similar", str(picture), "--root", str(layout.root), "--params", str(profile)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("No film shows this exposure")


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(8, 90), st.integers(8, 90))
def test_hashes_by_imagehash_are_those_of_the_pool(tmp_path_factory, seed, height, width):
    picture = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    query = read_query(saved(tmp_path_factory.mktemp("hashes"), picture), IngestParams())
    assert query.film.hashes == measure(query.gray).hashes
    assert query.film.hashes.phash == int(str(imagehash.phash(Image.fromarray(query.gray))), 16)


def test_overlay_is_gray_where_the_films_agree(layout, tmp_path):
    picture = cropped(EXPOSURES[2], 0.7)
    similar_films(layout, saved(tmp_path, inverted(picture)), PARAMS, nearest=1, overlay=tmp_path / "overlay.png")
    overlay = cv2.imread(str(tmp_path / "overlay.png")).astype(int)
    assert overlay.shape[:2] == picture.shape
    assert np.median(np.abs(overlay[..., 0] - overlay[..., 2])) <= 3
    assert np.median(np.abs(overlay[..., 2] - picture)) == 0  # red is the image, positive again


def test_without_a_proof_no_overlay_is_written_and_the_command_says_so(layout, tmp_path):
    picture, overlay = saved(tmp_path, phantom("frontal", 999)), tmp_path / "overlay.png"
    (tmp_path / "tested.yaml").write_text("profile: tested\n")
    command = ["similar", str(picture), "--root", str(layout.root), "--params", str(tmp_path / "tested.yaml")]
    result = CliRunner().invoke(app, [*command, "--overlay", str(overlay)])
    assert result.exit_code == 0, result.output
    assert "overlay.png was not written" in " ".join(result.output.split())
    assert "in cyan" not in result.output
    assert not overlay.exists()


def test_an_unusable_file_is_one_sentence(layout, tmp_path):
    page = tmp_path / "page.png"
    page.write_text("<html>")
    with pytest.raises(UsageError, match=r"page\.png is not a usable picture"):
        similar_films(layout, page, PARAMS)
    with pytest.raises(UsageError, match=r"name it out\.png"):
        similar_films(layout, page, PARAMS, overlay=tmp_path / "out.jpg")
    with pytest.raises(UsageError, match="absent"):
        similar_films(layout, tmp_path / "absent.png", PARAMS)


def test_a_pool_without_films_is_one_sentence(tmp_path):
    layout = Layout.at(tmp_path)
    lay_out(layout, [], through=None)
    run(layout, PARAMS)
    with pytest.raises(CxnetError, match="contains no film"):
        similar_films(layout, saved(tmp_path, EXPOSURES[0]), PARAMS)
