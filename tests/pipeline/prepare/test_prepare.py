"""Model inputs: one path from a picture to the input of a network, with recorded and checked settings."""

import json
import tracemalloc

import cv2
import numpy as np
import pytest
from handmade import draw, film, lay_out, options
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from marked import FILM, written
from split_films import laid_out

from pipeline.core.parallel import open_executor
from pipeline.core.params import ManifestParams, PrepareParams
from pipeline.imaging.conceal import conceal
from pipeline.manifest import stage as manifest
from pipeline.prepare.arrays import read_arrays
from pipeline.prepare.enhance import CHANNELS, beasf, clahe
from pipeline.prepare.inputs import fit, resize, to_input
from pipeline.prepare.stage import run
from sources.core.errors import CxnetError

films = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))
curves = arrays(np.uint8, 256)
sizes = st.integers(32, 48)
aspects = st.sampled_from(["stretch", "pad"])
ROWS = [film("nih", f"{number}", draw(number), label="normal", patient_id=f"p{number}") for number in range(7)]


def contents(layout, size):
    return {path.name: path.read_bytes() for path in layout.arrays(str(size)).iterdir()}


@given(films, st.none() | curves, sizes, aspects)
@settings(deadline=None, max_examples=60)
def test_every_picture_becomes_a_square_of_three_channels_whatever_its_shape(gray, curve, size, aspect):
    made = to_input(gray, curve, size, PrepareParams(aspect=aspect))
    assert (made.shape, made.dtype) == ((size, size, 3), np.uint8)


@given(films, curves, sizes)
@settings(deadline=None, max_examples=40)
def test_the_order_is_resize_then_tone_curve_then_channels(gray, curve, size):
    made = to_input(gray, curve, size, PrepareParams())
    toned = curve[resize(gray, size, size)]
    expected = {"beasf": beasf(toned, 1.5), "clahe": clahe(toned, clip=2.0, tiles=8), "original": toned}
    assert all((made[..., place] == expected[name]).all() for place, name in enumerate(CHANNELS))


@given(films, sizes)
@settings(deadline=None, max_examples=40)
def test_a_uniform_film_stays_uniform_and_resizing_never_wraps_around(gray, size):
    even = np.full_like(gray, gray.flat[0])
    assert (resize(even, size, size) == gray.flat[0]).all()
    if min(gray.shape) >= 8:  # an edge overshoots; wrapped around, bright would become dark
        edge = np.zeros_like(gray)
        edge[:, gray.shape[1] // 2 :] = 255
        rows = resize(edge, size, size).astype(int)
        assert (np.diff(rows.cumsum(axis=1), axis=1)[:, -1] >= 250).all()


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(32, 1024))
def test_padding_keeps_the_aspect_ratio_as_far_as_pixels_allow(width, height, size):
    fitted = fit(width, height, size)
    assert max(fitted) == size
    assert min(fitted) >= 1
    shorter, scale = min(width, height), size / max(width, height)
    assert abs(min(fitted) - shorter * scale) <= 1


@given(films, sizes)
@settings(deadline=None, max_examples=40)
def test_padding_is_black_and_does_not_influence_the_film(gray, size):
    width, height = fit(gray.shape[1], gray.shape[0], size)
    made = to_input(gray, None, size, PrepareParams(aspect="pad"))
    top, left = (size - height) // 2, (size - width) // 2
    inner = made[top : top + height, left : left + width]
    assert (inner[..., 2] == resize(gray, width, height)).all()
    assert (inner[..., 0] == beasf(resize(gray, width, height), 1.5)).all()
    assert made.astype(int).sum() == inner.astype(int).sum()


def test_options_reach_the_enhancements():
    made = to_input(draw(1), None, 64, PrepareParams(beasf_gamma=0.0, clahe_clip=5.0, clahe_tiles=4))
    resized = resize(draw(1), 64, 64)
    assert (made[..., 0] == resized).all()
    assert (made[..., 1] == clahe(resized, clip=5.0, tiles=4)).all()


def test_arrays_hold_the_kept_films_in_the_order_of_the_rows(tmp_path):
    rows = [*ROWS, film("nih", "8", label=None), film("cohen", "1", draw(50), tone_curve=bytes(range(255, -1, -1)))]
    layout = laid_out(tmp_path, rows)
    assert (
        str(run(layout, options(prepare=PrepareParams()), None, "32"))
        == "8 films at 32 x 32 x 3 (beasf, clahe, original)"
    )
    prepared = read_arrays(layout, "32")
    assert list(zip(prepared.rows["source"], prepared.rows["item_id"], strict=True)) == [
        ("cohen", "1"),
        *(("nih", f"{number}") for number in range(7)),
    ]
    reversed_tones = np.arange(255, -1, -1).astype(np.uint8)
    assert (prepared.images[0] == to_input(draw(50), reversed_tones, 32, PrepareParams())).all()
    for place in range(7):
        assert (prepared.images[place + 1] == to_input(draw(place), None, 32, PrepareParams())).all()
    assert prepared.rows[["label", "group_id", "split", "image_id"]].notna().all(axis=None)


def test_the_images_are_a_plain_memory_map(tmp_path):
    layout = laid_out(tmp_path, ROWS)
    run(layout, options(prepare=PrepareParams()), None, "32")
    prepared = read_arrays(layout, "32")
    assert isinstance(prepared.images, np.memmap)
    assert not prepared.images.flags.writeable
    assert (np.load(str(layout.arrays("32") / "images.npy"), allow_pickle=False) == prepared.images).all()


def test_the_recipe_is_stored_with_the_inputs(tmp_path):
    layout = laid_out(tmp_path, ROWS)
    run(layout, options(prepare=PrepareParams(beasf_gamma=2.0, aspect="pad")), None, "32")
    inputs = json.loads((layout.arrays("32") / "inputs.json").read_text())
    assert inputs["channels"] == ["beasf", "clahe", "original"]
    assert (inputs["size"], inputs["aspect"], inputs["beasf_gamma"]) == (32, "pad", 2.0)


def test_another_order_of_channels_is_refused(tmp_path):
    layout = laid_out(tmp_path, ROWS)
    run(layout, options(prepare=PrepareParams()), None, "32")
    sidecar = layout.arrays("32") / "inputs.json"
    sidecar.write_text(json.dumps({**json.loads(sidecar.read_text()), "channels": ["original", "clahe", "beasf"]}))
    with pytest.raises(CxnetError, match=r"has the channels \(original, clahe, beasf\), this version makes"):
        read_arrays(layout, "32")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("inputs.json", None, "does not exist; run the prepare stage"),
        ("inputs.json", b"{", "is not readable JSON"),
        ("inputs.json", b"[1, 2]", "is not the description of prepared inputs"),
        ("inputs.json", b"{}", "is not the description of prepared inputs"),
        ("rows.parquet", None, "does not exist"),
        ("images.npy", b"\x93NUMPY", "is not a readable array"),
        ("images.npy", None, "is not a readable array"),
    ],
)
def test_damaged_arrays_are_one_sentence(tmp_path, name, content, message):
    layout = laid_out(tmp_path, ROWS)
    run(layout, options(prepare=PrepareParams()), None, "32")
    (layout.arrays("32") / name).unlink()
    if content is not None:
        (layout.arrays("32") / name).write_bytes(content)
    with pytest.raises(CxnetError, match=message):
        read_arrays(layout, "32")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A layout with arrays that no test may leave changed."""
    layout = laid_out(tmp_path_factory.mktemp("prepared"), ROWS)
    run(layout, options(prepare=PrepareParams()), None, "32")
    return layout


@given(st.sampled_from(["images.npy", "inputs.json", "rows.parquet"]), st.floats(0, 1, exclude_max=True), st.data())
@settings(deadline=None, max_examples=80)
def test_a_flipped_bit_in_any_file_is_noticed_or_changes_nothing(prepared, name, place, data):
    before, path = read_arrays(prepared, "32"), prepared.arrays("32") / name
    good = path.read_bytes()
    bad = bytearray(good)
    bad[int(place * len(good))] ^= 1 << data.draw(st.integers(0, 7), label="bit")
    path.write_bytes(bytes(bad))
    try:
        after = read_arrays(prepared, "32")
    except CxnetError:
        return
    finally:
        path.write_bytes(good)
    assert (after.images == before.images).all()
    assert after.rows.equals(before.rows)
    assert after.inputs == before.inputs


def test_every_flipped_bit_of_the_header_is_noticed(prepared):
    path = prepared.arrays("32") / "images.npy"
    good = path.read_bytes()
    try:
        for place in range(128 * 8):
            bad = bytearray(good)
            bad[place // 8] ^= 1 << place % 8
            path.write_bytes(bytes(bad))
            with pytest.raises(CxnetError, match=r"images\.npy"):
                read_arrays(prepared, "32")
    finally:
        path.write_bytes(good)


def test_a_changed_pixel_is_named_by_its_file(tmp_path):
    layout = laid_out(tmp_path, ROWS)
    run(layout, options(prepare=PrepareParams()), None, "32")
    path = layout.arrays("32") / "images.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(CxnetError, match=r"images\.npy is damaged, or its checksum is; run `cxnet-data prepare 32`"):
        read_arrays(layout, "32")


def test_arrays_without_a_checksum_are_refused(tmp_path):
    layout = laid_out(tmp_path, ROWS)
    run(layout, options(prepare=PrepareParams()), None, "32")
    path = layout.arrays("32") / "inputs.json"
    inputs = json.loads(path.read_text())
    del inputs["checksums"]
    path.write_text(json.dumps(inputs))
    with pytest.raises(CxnetError, match=r"images\.npy has no checksum in inputs\.json"):
        read_arrays(layout, "32")


def test_pickled_arrays_are_never_opened(tmp_path):
    layout = laid_out(tmp_path, ROWS)
    run(layout, options(prepare=PrepareParams()), None, "32")
    np.save(str(layout.arrays("32") / "images.npy"), np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(CxnetError, match="is not a readable array"):
        read_arrays(layout, "32")


def test_workers_and_a_second_run_give_the_same_bytes(tmp_path):
    layout = laid_out(tmp_path, ROWS)
    run(layout, options(prepare=PrepareParams()), None, "32")
    first = contents(layout, 32)
    with open_executor(2) as executor:
        run(layout, options(prepare=PrepareParams()), executor, "32")
    assert contents(layout, 32) == first


def test_a_failure_leaves_the_earlier_arrays_and_the_run_can_be_repeated(tmp_path):
    layout = laid_out(tmp_path, ROWS)
    run(layout, options(prepare=PrepareParams()), None, "32")
    first = contents(layout, 32)
    damaged = film("nih", "5", label="normal", patient_id="p5", image={"bytes": b"no picture", "path": "film.png"})
    lay_out(layout, [*ROWS[:5], damaged, *ROWS[6:]], through="harmonise")
    manifest.run(layout, options(manifest=ManifestParams(shard_rows=3)))
    with pytest.raises(CxnetError, match="stored picture of nih/5 is damaged"):
        run(layout, options(prepare=PrepareParams()), None, "32")
    assert contents(layout, 32) == first
    assert [path.name for path in (layout.data / "arrays").iterdir()] == ["32"]
    lay_out(layout, ROWS, through="harmonise")
    manifest.run(layout, options(manifest=ManifestParams(shard_rows=3)))
    run(layout, options(prepare=PrepareParams()), None, "32")
    assert contents(layout, 32) == first


def test_a_split_of_another_manifest_is_refused(tmp_path):
    layout = laid_out(tmp_path, ROWS)
    lay_out(layout, [*ROWS[:6], film("nih", "9", label="normal")], through="harmonise")
    manifest.run(layout, options(manifest=ManifestParams()))
    with pytest.raises(CxnetError, match="hold different films; run `cxnet-data split` again"):
        run(layout, options(prepare=PrepareParams()), None, "32")


def test_no_kept_film_makes_empty_arrays(tmp_path):
    layout = laid_out(tmp_path, [])
    assert str(run(layout, options(prepare=PrepareParams()), None, "32")).startswith("0 films")
    assert read_arrays(layout, "32").images.shape == (0, 32, 32, 3)


def test_memory_does_not_grow_with_the_number_of_films(tmp_path):
    def peak(count):
        picture = cv2.resize(draw(3), (64, 64))
        rows = [film("nih", f"{number:03d}", picture, label="normal") for number in range(count)]
        layout = laid_out(tmp_path / str(count), rows)
        tracemalloc.start()
        run(layout, options(prepare=PrepareParams()), None, "96")
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(5)  # what is loaded once
    few, many = peak(20), peak(200)
    assert many - few < 0.35 * 180 * 96 * 96 * 3  # the 180 further inputs alone are 5 MB


def test_concealed_inputs_show_films_without_marks(tmp_path):
    marked = written(FILM, "ERECT")[0]
    layout = laid_out(tmp_path, [film("nih", "1", marked, label="normal", patient_id="p1")])
    summary = run(layout, options(prepare=PrepareParams()), None, "40_concealed")
    assert str(summary).endswith(", concealed")
    shown = read_arrays(layout, "40_concealed").images[0, ..., CHANNELS.index("original")]
    assert conceal(marked) is not marked
    assert (shown == resize(conceal(marked), 40, 40)).all()
