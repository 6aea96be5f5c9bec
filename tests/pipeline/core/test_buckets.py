"""A bucket of an S3-compatible server as ``--root``: the same tables, byte for byte, as in a folder."""

import gc
import subprocess
import sys
import uuid
from pathlib import Path

import pyarrow as pa
import pytest
import s3fs
from collection import draw_collection, tables, write_profile
from moto.server import ThreadedMotoServer
from own_films import write_films, write_table
from typer.testing import CliRunner
from upath import UPath

from pipeline.cli.main import app
from pipeline.core.layout import Layout
from pipeline.core.shards import replace_shards
from pipeline.core.stages import BUILD_STAGES, PICTURE_STAGES
from pipeline.prepare.arrays import read_arrays
from sources.core.errors import CxnetError
from sources.core.storage import atomic, atomic_folder, read_table

PROJECT = Path(__file__).parents[3]
STAGES = (*BUILD_STAGES[1:], "prepare")  # after ingest


@pytest.fixture(scope="module")
def endpoint():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def bucket(endpoint, monkeypatch):
    """An empty bucket on a server that the environment names, as a user would."""
    given = {"ENDPOINT_URL": endpoint, "ACCESS_KEY_ID": "anyone", "SECRET_ACCESS_KEY": "anything"}
    for name, value in given.items() | {("DEFAULT_REGION", "us-east-1")}:
        monkeypatch.setenv(f"AWS_{name}", value)
    s3fs.S3FileSystem.clear_instance_cache()  # one that is kept may speak to another server
    name = f"films-{uuid.uuid4()}"
    s3fs.S3FileSystem().mkdir(name)
    yield UPath(f"s3://{name}")
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def profile(tmp_path):
    return write_profile(tmp_path / "params.yaml")


def run_all(root, profile, ingest_workers):
    """Run the stages in order, in this process but for ingest, whose workers read the bucket themselves."""
    options = ["--params", str(profile), "--root", str(root)]
    # as a process of its own: workers forked by an earlier test would not have the bucket's address and keys
    ingest = [sys.executable, "-m", "pipeline.cli", "ingest", *options, "--workers", str(ingest_workers)]
    subprocess.run(ingest, check=True, cwd=PROJECT)
    UPath(root).fs.invalidate_cache()  # this process has not seen what that one wrote
    for stage in STAGES:
        size = ["32"] if stage == "prepare" else []
        workers = ["--workers", "1"] if stage in PICTURE_STAGES else []
        answer = CliRunner().invoke(app, [stage, *size, *options, *workers])
        assert answer.exit_code == 0, (stage, answer.output, answer.exception)


def test_stages_in_a_bucket_write_what_they_write_in_a_folder_and_replace_it(bucket, profile, tmp_path):
    local, remote = Layout.at(tmp_path / "set"), Layout.at(bucket / "set")
    for films in (6, 3):
        draw_collection(local, films)
        remote.raw.fs.put(f"{local.raw.path}/", f"{remote.raw.path}/", recursive=True)
        run_all(tmp_path / "set", profile, ingest_workers=1)
        run_all(bucket / "set", profile, ingest_workers=2)
        assert len(read_table(local.duplicates)) == 3
        assert len(tables(local)) > 10
        assert tables(remote) == tables(local)
    arrays = read_arrays(remote, "32")
    assert (arrays.images == read_arrays(local, "32").images).all()


@pytest.mark.parametrize("size", [10, 12 << 20])
@pytest.mark.parametrize("mode", ["wb", "w"])
def test_failed_write_leaves_the_object_that_was_there(bucket, mode, size):
    path = bucket / "table.bin"
    old, new = (character * size if mode == "wb" else character.decode() * size for character in (b"o", b"n"))
    with atomic(path, mode) as file:
        file.write(old)
    with pytest.raises(ZeroDivisionError), atomic(path, mode) as file:
        file.write(new)
        divmod(1, 0)
    del file
    gc.collect()
    assert path.read_bytes() == b"o" * size
    assert [path.name for path in bucket.iterdir()] == ["table.bin"]


def test_failed_run_leaves_no_half_shard(bucket):
    schema = pa.schema([pa.field("n", pa.int64())])
    row = {"n": 1}
    with replace_shards(bucket / "pool", "pool", schema, 100) as pool:
        pool.add(row)
    before = (bucket / "pool" / "pool-00000.parquet").read_bytes()
    with pytest.raises(ZeroDivisionError), replace_shards(bucket / "pool", "pool", schema, 100) as pool:
        for _ in range(70):
            pool.add(row)
        divmod(1, 0)
    del pool
    gc.collect()
    assert (bucket / "pool" / "pool-00000.parquet").read_bytes() == before
    assert [path.name for path in bucket.iterdir()] == ["pool"]


def test_a_smaller_folder_replaces_a_larger_one_with_folders_inside(bucket):
    for names in (("a/one", "two", "three"), ("a/one", "two")):
        with atomic_folder(bucket / "set") as folder:
            for name in names:
                (folder / name).write_bytes(f"{len(names)} {name}".encode())
    assert (bucket / "set" / "a" / "one").read_bytes() == b"2 a/one"
    assert sorted(path.path.partition("/")[2] for path in bucket.rglob("*") if path.is_file()) == [
        "set/a/one",
        "set/two",
    ]


def test_missing_bucket_is_one_sentence(bucket, profile):
    answer = CliRunner().invoke(app, ["ingest", "--params", str(profile), "--root", "s3://nobodys/set"])
    assert isinstance(answer.exception, CxnetError), answer.exception
    with pytest.raises(CxnetError, match="Cannot write"), atomic("s3://nobodys/x.json", "w") as file:
        file.write("{}")
    with pytest.raises(CxnetError, match="Cannot write"), atomic_folder("s3://nobodys/set") as folder:
        (folder / "x").write_bytes(b"x")


def test_curate_puts_its_results_into_a_bucket_and_continues_there(bucket, tmp_path, monkeypatch):
    monkeypatch.setenv("CXNET_WORKERS", "1")
    write_table(write_films(tmp_path / "films", films=3))
    words = ["curate", str(tmp_path / "films"), "--out", str(tmp_path / "out"), "--root", f"{bucket}set"]
    first = CliRunner().invoke(app, words)
    assert first.exit_code == 0, (first.output, first.exception)
    assert "3 of 5 images are kept" in first.output
    assert f"Report: {bucket}set/reports/index.html" in first.output
    assert [path.name for path in (tmp_path / "out" / "data").iterdir()] == ["raw"]
    second = CliRunner().invoke(app, words)
    assert second.exit_code == 0, (second.output, second.exception)
    ran = [line.partition(":")[0] for line in second.output.splitlines() if line.endswith(" s")]
    assert ran == ["fetch@films"]
    (bucket / "set" / "data" / "views.parquet").write_bytes(b"changed")
    third = CliRunner().invoke(app, words)
    assert third.exit_code == 0, (third.output, third.exception)
    assert "views: 5 rows" in third.output and "dedupe: 5 rows, 2 in 1 cluster, 1 excluded, unchanged" in third.output
