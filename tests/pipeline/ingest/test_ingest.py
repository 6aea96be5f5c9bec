import hashlib
import io
import tarfile
import zipfile

import cv2
import numpy as np
import pandas as pd
import pytest
from dicom_files import RAMP, dicom
from handmade import options

from pipeline.core.layout import Layout
from pipeline.core.parallel import open_executor
from pipeline.core.params import IngestParams, Params
from pipeline.core.schema import POOL_SCHEMA
from pipeline.core.tables import iter_images, read_pool
from pipeline.imaging.png import decode_png
from pipeline.ingest import results
from pipeline.ingest.stage import run
from sources.core.errors import CxnetError
from sources.core.items import LOCK_SCHEMA
from sources.core.storage import write_table

PARAMS = IngestParams(long_side=128, min_side=32)


def film(seed: int, width: int = 100, height: int = 80) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 25, (height, width))
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 2) * 6 + 110, 0, 255).astype(np.uint8)


def png(picture: np.ndarray) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


class RawFolder:
    """A ``data/raw`` that a test fills."""

    def __init__(self, root) -> None:
        self.layout = Layout.at(root)
        self.rows: dict[str, list[dict]] = {}

    def store(self, source: str, name: str, data: bytes) -> str:
        path = self.layout.raw / source / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return f"files/{name}"

    def add(self, source: str, item_id: str, data: bytes | None = None, **columns) -> None:
        row = dict.fromkeys(LOCK_SCHEMA.names) | {"source": source, "item_id": item_id, "redistributable": False}
        if data is not None:
            name = f"{hashlib.sha256(data).hexdigest()}.bin"
            row |= {"fetch_status": "fetched", "file": self.store(source, name, data), "url": "u"}
        self.rows.setdefault(source, []).append(row | columns)

    def write(self) -> None:
        for source, rows in self.rows.items():
            write_table(self.layout.raw / source / "items.parquet", pd.DataFrame(rows), LOCK_SCHEMA)

    def ingest(self, executor=None, params: IngestParams = PARAMS) -> pd.DataFrame:
        self.write()
        self.summary = str(run(self.layout, self.profile(params), executor))
        return read_pool(self.layout).set_index("item_id")

    def profile(self, params: IngestParams = PARAMS, *more: str) -> Params:
        fetched = sorted(path.parent.name for path in self.layout.raw.glob("*/items.parquet"))
        return options(ingest=params, sources=(*fetched, *more))

    def pictures(self) -> dict[str, np.ndarray]:
        found = iter_images(self.layout.pool, "pool")
        return {str(row["item_id"]): decode_png(data) for row, data in found}

    def shards(self) -> list[bytes]:
        return [path.read_bytes() for path in sorted(self.layout.pool.glob("pool-*.parquet"))]


@pytest.fixture
def raw(tmp_path) -> RawFolder:
    return RawFolder(tmp_path)


def tar_gz(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_an_ordinary_film_keeps_its_row_and_gains_columns_and_a_picture(raw):
    data = png(film(1))
    raw.add("a", "one", data, label="covid", age=41.0)
    row = raw.ingest().loc["one"]
    assert (row.label, row.age, row.format, row.width, row.height) == ("covid", 41.0, "PNG", 100, 80)
    assert row.image_id == hashlib.sha256(data).hexdigest()
    assert pd.isna(row.excluded_by)
    assert np.array_equal(raw.pictures()["one"], film(1))
    assert raw.summary == "1 row, 1 decoded, 0 not fetched, 0 unusable"


def test_rows_are_sorted_by_source_and_item_whatever_the_order_of_the_lists(raw):
    for source, item in [("b", "2"), ("b", "10"), ("a", "x"), ("b", "1")]:
        raw.add(source, item, png(film(ord(item[0]))))
    raw.ingest()
    rows = read_pool(raw.layout)
    assert list(zip(rows.source, rows.item_id, strict=True)) == [("a", "x"), ("b", "1"), ("b", "10"), ("b", "2")]


def test_equal_pixels_in_other_bytes_have_one_pixel_hash(raw):
    raw.add("a", "png", png(film(1)))
    raw.add("a", "bmp", cv2.imencode(".bmp", film(1))[1].tobytes())
    rows = raw.ingest()
    assert rows.pixel_sha256.nunique() == 1
    assert rows.image_id.nunique() == 2


def test_a_large_film_is_shrunk_and_its_size_as_received_is_kept(raw):
    raw.add("a", "large", png(film(1, 400, 300)))
    row = raw.ingest().loc["large"]
    assert (row.width, row.height) == (400, 300)
    assert raw.pictures()["large"].shape == (96, 128)


@pytest.mark.parametrize(
    "data, words",
    [
        (b"", "empty file"),
        (b"<html>404</html>", "web page"),
        (png(film(1))[:200], "damaged|truncated"),
        (png(film(1, 31, 100)), "shorter than the minimum side of 32"),
        (png(film(1, 400, 40)), "too narrow"),
        (png(np.zeros((1, 1), np.uint8)), "shorter than the minimum side of 32"),
        (png(np.zeros((80, 80), np.uint8)), "blank: all black"),
        (png(np.full((80, 80), 255, np.uint8)), "blank: all white"),
    ],
)
def test_a_bad_file_is_an_excluded_row_with_its_reason(raw, data, words):
    raw.add("a", "bad", data)
    raw.add("a", "good", png(film(2)))
    rows = raw.ingest()
    assert rows.loc["bad"].excluded_by == "ingest"
    assert any(word in rows.loc["bad"].reason for word in words.split("|"))
    assert set(raw.pictures()) == {"good"}


def test_a_file_larger_than_allowed_is_not_read(raw):
    raw.add("a", "large", b"\0" * 1_000_001)
    assert "more than 1 MB" in raw.ingest(params=IngestParams(max_file_mb=1)).loc["large"].reason


def test_a_missing_file_is_an_excluded_row(raw):
    raw.add("a", "gone", png(film(1)), file="files/none.png")
    assert "missing" in raw.ingest().loc["gone"].reason


def test_rows_that_were_not_fetched_keep_the_reason_of_fetch(raw):
    raw.add("a", "dead", fetch_status="failed", fetch_reason="404: gone")
    raw.add("a", "ct", fetch_status="skipped", fetch_reason="CT by metadata")
    rows = raw.ingest()
    assert list(rows.loc[["dead", "ct"]].excluded_by) == ["fetch", "fetch"]
    assert list(rows.loc[["dead", "ct"]].reason) == ["404: gone", "CT by metadata"]


@pytest.mark.parametrize("pack", [tar_gz, zipped])
def test_members_of_an_archive_are_read_in_place_in_any_order(raw, pack):
    members = {f"images/{name}.png": png(film(index)) for index, name in enumerate("dbca")}
    file = raw.store("nih", "archive.bin", pack(members | {"images/unwanted.png": b"x"}))
    for name in "abcd":
        raw.add("nih", name, fetch_status="fetched", file=file, member=f"images/{name}.png")
    raw.add("nih", "bb", png(film(9)))
    raw.add("nih", "missing", fetch_status="fetched", file=file, member="images/none.png")
    rows = raw.ingest()
    for index, name in enumerate("dbca"):
        assert np.array_equal(raw.pictures()[name], film(index))
        assert rows.loc[name].image_id == hashlib.sha256(members[f"images/{name}.png"]).hexdigest()
    assert rows.loc["missing"].reason == "not in the archive"


def test_a_damaged_archive_costs_only_its_own_rows(raw):
    data = tar_gz({f"{name}.png": png(film(index, 300, 300)) for index, name in enumerate("abcd")})
    file = raw.store("nih", "archive.bin", data[: len(data) // 2])
    for name in "abcd":
        raw.add("nih", name, fetch_status="fetched", file=file, member=f"{name}.png")
    raw.add("other", "fine", png(film(1)))
    rows = raw.ingest()
    assert pd.isna(rows.loc["a"].excluded_by) and pd.isna(rows.loc["fine"].excluded_by)
    assert "damaged archive" in rows.loc["d"].reason


ROTTEN = "stored file is damaged: its sha256 differs from the one recorded; fetch again"


def test_a_stored_file_that_rotted_is_excluded_and_the_others_are_not(raw):
    for name in ("whole", "rotten", "panel"):
        raw.add("a", name, png(film(1)), file_sha256=hashlib.sha256(png(film(1))).hexdigest())
    rotten = bytearray(png(film(1)))
    rotten[-20] ^= 1
    for row in raw.rows["a"][1:]:
        row["file"] = raw.store("a", "rotten.png", bytes(rotten))
    raw.rows["a"][2]["box"] = [0, 0, 40, 40]
    rows = raw.ingest()
    assert pd.isna(rows.loc["whole"].excluded_by)
    for name in ("rotten", "panel"):
        assert (rows.loc[name].excluded_by, rows.loc[name].reason) == ("ingest", ROTTEN)
        assert pd.isna(rows.loc[name].image_id)


def test_an_archive_that_rotted_is_read_once_and_costs_all_its_rows(raw, monkeypatch):
    data = zipped({"one.png": png(film(1)), "two.png": png(film(2))})
    for name in ("one", "two"):
        raw.add("nih", name, member=f"{name}.png", fetch_status="fetched", file=raw.store("nih", "a.zip", data))
        raw.add("b", name, member=f"{name}.png", fetch_status="fetched", file=raw.store("b", "b.zip", data))
    for source, digest in (("nih", hashlib.sha256(b"other").hexdigest()), ("b", hashlib.sha256(data).hexdigest())):
        for row in raw.rows[source]:
            row["file_sha256"] = digest
    hashed = []
    check = results._is_rotten
    monkeypatch.setattr(results, "_is_rotten", lambda path, digest: hashed.append(path.name) or check(path, digest))
    raw.ingest()
    rows = read_pool(raw.layout).set_index("source")
    assert list(rows.loc["nih"].reason) == [ROTTEN] * 2 and rows.loc["b"].reason.isna().all()
    assert sorted(hashed) == ["a.zip", "b.zip"]


def test_a_decode_warning_reaches_the_row_and_is_counted(raw):
    raw.add("a", "odd", dicom(RAMP, RescaleSlope=0, WindowCenter=2048, WindowWidth=4096))
    raw.add("a", "plain", png(film(1)))
    rows = raw.ingest()
    assert rows.loc["odd"].decode_warning == "rescale slope of 0 ignored"
    assert pd.isna(rows.loc["plain"].decode_warning) and pd.isna(rows.loc["odd"].excluded_by)
    assert raw.summary == "2 rows, 2 decoded, 1 with a decode_warning, 0 not fetched, 0 unusable"


def test_what_a_file_says_that_it_shows_reaches_the_row(raw):
    raw.add("a", "echo", dicom(RAMP, Modality="US"))
    raw.add("a", "film", dicom(RAMP, Modality="CR", BodyPartExamined="CHEST"))
    rows = raw.ingest()
    assert rows.loc["echo"].file_subject == "modality US" and pd.isna(rows.loc["film"].file_subject)


def test_a_display_that_shows_little_is_flagged(raw):
    noise = np.random.default_rng(0).integers(0, 4096, (100, 100)).astype(np.uint16)
    raw.add("a", "narrow", dicom(noise, WindowCenter=2048, WindowWidth=120))
    raw.add("a", "wide", dicom(noise, WindowCenter=2048, WindowWidth=4096))
    rows = raw.ingest()
    assert {name: "display_suspect" in flags for name, flags in rows["flags"].items()} == {
        "narrow": True,
        "wide": False,
    }


def test_panels_of_one_figure_are_cut_out_and_have_their_own_ids(raw):
    figure = np.hstack([film(1), film(2)])
    raw.add("papers", "left", png(figure), box=[0, 0, 100, 80])
    raw.add("papers", "right", png(figure), box=[100, 0, 100, 80])
    raw.add("papers", "outside", png(figure), box=[500, 0, 100, 80])
    rows = raw.ingest()
    assert np.array_equal(raw.pictures()["right"], film(2))
    assert (rows.loc["left"].width, rows.loc["left"].height) == (100, 80)
    assert rows.image_id.nunique() == 3
    assert "outside" in rows.loc["outside"].reason


def test_no_rows_make_an_empty_pool(raw):
    write_table(raw.layout.raw / "a" / "items.parquet", pd.DataFrame(columns=LOCK_SCHEMA.names), LOCK_SCHEMA)
    assert str(run(raw.layout, raw.profile())) == "0 rows, 0 decoded, 0 not fetched, 0 unusable"
    assert list(read_pool(raw.layout).columns) == [name for name in POOL_SCHEMA.names if name != "image"]


def test_the_pool_is_the_same_bytes_whatever_the_number_of_workers(raw):
    for index in range(12):
        raw.add("a", f"{index:02d}", png(film(index)))
    file = raw.store("nih", "z", tar_gz({f"{name}.png": png(film(index)) for index, name in enumerate("dbca")}))
    for name in "abcd":
        raw.add("nih", name, fetch_status="fetched", file=file, member=f"{name}.png")
    params = IngestParams(long_side=128, min_side=32, shard_rows=5)
    raw.ingest(params=params)
    alone = raw.shards()
    with open_executor(2) as executor:
        raw.ingest(executor, params)
    assert len(alone) == 4
    assert raw.shards() == alone


def test_a_shorter_second_run_leaves_no_shard_of_the_first(raw):
    for index in range(7):
        raw.add("a", f"{index}", png(film(index)))
    raw.ingest(params=IngestParams(shard_rows=2))
    raw.rows["a"] = raw.rows["a"][:3]
    assert len(raw.ingest(params=IngestParams(shard_rows=2))) == 3
    assert len(raw.shards()) == 2


def test_a_failure_leaves_the_earlier_pool_as_it_was(raw, monkeypatch):
    raw.add("a", "one", png(film(1)))
    raw.ingest()
    before = raw.shards()
    raw.add("a", "two", png(film(2)))
    monkeypatch.setattr("pipeline.ingest.stage.finish", lambda row, result: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        raw.ingest()
    assert raw.shards() == before
    assert [path.name for path in raw.layout.data.iterdir() if path.name.startswith(".")] == []


def test_without_a_raw_folder_the_error_names_the_command_to_run(tmp_path):
    with pytest.raises(CxnetError, match="cxnet-data fetch"):
        run(Layout.at(tmp_path), options(ingest=PARAMS), None)


def test_a_source_that_is_not_fetched_yet_is_named(raw, caplog):
    raw.add("cohen", "one", png(film(1)))
    raw.write()
    assert str(run(raw.layout, raw.profile(PARAMS, "nih"))).startswith("1 row, 1 decoded")
    assert "Sources that are not fetched yet are left out: nih." in caplog.text


def test_a_corrupt_items_table_is_named(raw):
    path = raw.layout.raw / "a" / "items.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PAR1 no")
    with pytest.raises(CxnetError, match=r"a/items\.parquet is not a readable Parquet file"):
        run(raw.layout, raw.profile())


def test_a_row_that_names_a_file_outside_its_folder_is_refused(raw):
    raw.add("a", "one", png(film(1)), file="../../secret.png")
    with pytest.raises(CxnetError, match="outside its folder"):
        raw.ingest()


def test_a_row_that_is_listed_twice_is_refused(raw):
    raw.add("a", "one", png(film(1)))
    raw.add("a", "one", png(film(2)))
    with pytest.raises(CxnetError, match="'one' twice"):
        raw.ingest()


def test_damage_to_a_stored_picture_is_detected(raw):
    raw.add("a", "x", png(film(1)))
    raw.ingest()
    (shard,) = raw.layout.pool.glob("pool-*.parquet")
    data = bytearray(shard.read_bytes())
    data[data.index(b"IDAT") + 100] ^= 1
    shard.write_bytes(data)
    with pytest.raises(CxnetError, match=r"pool-00000\.parquet is not a readable Parquet file"):
        list(iter_images(raw.layout.pool, "pool"))
