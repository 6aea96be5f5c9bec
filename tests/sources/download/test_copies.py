import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.core.own_folder import FolderParams
from sources.core.errors import CxnetError, StoppedError
from sources.core.storage import read_table
from sources.download.copies import Copies
from sources.download.driver import fetch_source
from sources.download.locked import fetch_locked
from sources.download.store import Store
from sources.folder import Folder
from sources.transport.client import Client
from sources.transport.policy import Policy

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "raw" / "own", "live")
    with store.exclusive(lambda message: None):
        yield store


class Bytes:
    """Reads ``content`` in chunks, and counts how often."""

    def __init__(self, content, chunk=4):
        self.content, self.chunk, self.reads = content, chunk, 0

    def __call__(self):
        self.reads += 1
        for start in range(0, len(self.content), self.chunk):
            yield self.content[start : start + self.chunk]


def test_a_file_that_many_rows_name_is_copied_once(store):
    copies, read = Copies(Client(Policy()), store), Bytes(PNG + bytes(3_000_000), 1 << 16)
    with ThreadPoolExecutor(16) as pool:
        results = set(pool.map(lambda _: copies.copy("own://own/a.png", read), range(200)))
    assert len(results) == 1 and read.reads == 1
    assert (store.folder / results.pop().file).read_bytes() == read.content
    assert list(store.parts.iterdir()) == []


def test_a_file_that_has_not_changed_is_not_written_again(store):
    first = Copies(Client(Policy()), store).copy("own://own/a.png", Bytes(PNG + b"one"), 11)
    path = store.folder / first.file
    before = path.stat().st_ino, path.stat().st_mtime_ns
    again = Copies(Client(Policy()), store, {first.url: first}).copy(first.url, Bytes(PNG + b"one"), 11)
    assert again == first and (path.stat().st_ino, path.stat().st_mtime_ns) == before
    other = Copies(Client(Policy()), store, {first.url: first}).copy(first.url, Bytes(PNG + b"two"), 11)
    assert (store.folder / other.file).read_bytes() == PNG + b"two"
    path.unlink()
    assert Copies(Client(Policy()), store, {first.url: first}).copy(first.url, Bytes(PNG + b"one"), 11) == first
    assert path.exists()


@pytest.mark.parametrize("size", [None, 2_000_001])
def test_a_file_beyond_the_limit_is_not_kept(store, size):
    copies, read = Copies(Client(Policy(max_file_bytes=2_000_000)), store), Bytes(bytes(2_000_001), 1 << 16)
    for _ in range(2):
        with pytest.raises(CxnetError, match=r"^larger than 2 MB \(fetch.max_file_mb\)$"):
            copies.copy("own://own/a.png", read, size)
    assert read.reads == (1 if size is None else 0)  # a size that is known is enough, and no file is tried twice
    assert not store.files.exists() and list(store.parts.glob("*")) == []


def test_the_limit_of_the_source_counts_all_files(store):
    copies = Copies(Client(Policy(max_source_bytes=100)), store)
    copies.copy("own://own/a", Bytes(bytes(60)))
    with pytest.raises(CxnetError, match="the source's limit of 1e-07 GB is reached"):
        copies.copy("own://own/b", Bytes(bytes(60)))


def test_an_interrupt_ends_a_copy_at_the_next_chunk(store):
    client, given = Client(Policy()), []

    def endless():
        while True:
            given.append(1)
            if len(given) == 3:
                client.stop.set()
            yield bytes(1000)

    with pytest.raises(StoppedError):
        Copies(client, store).copy("own://own/a", endless)
    assert len(given) == 3 and list(store.parts.iterdir()) == []


def folder_of(path, **facts):
    return Folder(FolderParams(name="own", path=str(path), **facts))


def fetch(source, raw, **limits):
    store = Store(raw / "own", "live")
    with store.exclusive(lambda message: None):
        outcome = fetch_source(source, store, Client(Policy(**limits)))
    return outcome, read_table(store.items).set_index("item_id")


def test_rows_of_one_large_file_are_fetched_every_time(tmp_path):
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "a.png").write_bytes(PNG + bytes(12_000_000))
    (tmp_path / "films" / "t.csv").write_text("file\n" + "a.png\n" * 4)
    for number in range(3):
        outcome, rows = fetch(folder_of(tmp_path / "films", table="t.csv", columns={"item_id": "file"}), tmp_path)
        assert outcome.counts["fetched"] == 1 and list(rows.index) == ["a.png"], number
        assert len(rows.boxes["a.png"]) == 4


def test_members_of_an_archive_share_one_copy(tmp_path):
    import zipfile

    (tmp_path / "films").mkdir()
    with zipfile.ZipFile(tmp_path / "films" / "a.zip", "w") as archive:
        for number in range(50):
            archive.writestr(f"{number}.png", PNG + bytes(200_000))
    outcome, rows = fetch(folder_of(tmp_path / "films"), tmp_path)
    assert outcome.counts["fetched"] == 50 and rows.file.nunique() == 1
    assert rows.member["a.zip/7.png"] == "7.png" and rows.url["a.zip/7.png"] == "own://own/a.zip"


def test_no_table_says_where_the_folder_is(tmp_path):
    secret = tmp_path / "home_of_ana" / "films"
    secret.mkdir(parents=True)
    (secret / "a.png").write_bytes(PNG)
    (secret / "closed.png").write_bytes(PNG)
    (secret / "bad.zip").write_bytes(b"PK\x03\x04 cut")
    (secret / "out.png").symlink_to(tmp_path)
    (secret / "t.csv").write_text(f"file\n{secret}/a.png\ngone.png\n")
    (secret / "closed.png").chmod(0)
    fetch(folder_of(secret, table="t.csv", columns={"item_id": "file"}), tmp_path / "raw")
    written = [path for path in (tmp_path / "raw").rglob("*") if path.is_file() and path.parent.name != "files"]
    assert {path.name for path in written} >= {"items.parquet", "fetch.json"}
    for path in written:
        assert b"home_of_ana" not in path.read_bytes(), path
    text = read_table(tmp_path / "raw" / "own" / "items.parquet").to_string()
    assert "home_of_ana" not in text and "own://own/a.png" in text


def test_a_lock_is_rebuilt_from_a_folder_that_moved(tmp_path):
    (tmp_path / "films" / "x").mkdir(parents=True)
    for number in range(3):
        (tmp_path / "films" / "x" / f"ä {number}#.png").write_bytes(PNG + bytes([number]))
    fetch(folder_of(tmp_path / "films"), tmp_path)
    (tmp_path / "films").rename(tmp_path / "elsewhere")
    for path in (tmp_path / "own" / "files").iterdir():
        path.unlink()
    store = Store(tmp_path / "own", "live")
    with store.exclusive(lambda message: None):
        report = fetch_locked(folder_of(tmp_path / "elsewhere"), store, Client(Policy()))
    assert list(report.state) == ["fetched"] * 3


def test_an_address_of_an_earlier_version_is_read_where_it_was_and_explained_elsewhere(tmp_path):
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "a b.png").write_bytes(PNG)
    url = (tmp_path / "films" / "a b.png").as_uri()
    item = type("Old", (), {"url": url})
    assert b"".join(folder_of(tmp_path / "films").read(item)) == PNG
    (tmp_path / "films").rename(tmp_path / "elsewhere")
    with pytest.raises(CxnetError, match="an earlier version wrote this address, and the folder has moved since"):
        list(folder_of(tmp_path / "elsewhere").read(item))


def test_a_film_that_is_withdrawn_is_removed_here_too(tmp_path):
    (tmp_path / "films").mkdir()
    for number in range(3):
        (tmp_path / "films" / f"{number}.png").write_bytes(PNG + bytes([number]))
    _, before = fetch(folder_of(tmp_path / "films"), tmp_path)
    (tmp_path / "films" / "1.png").unlink()
    _, after = fetch(folder_of(tmp_path / "films"), tmp_path)
    assert {f"files/{path.name}" for path in (tmp_path / "own" / "files").iterdir()} == set(after.file)
    assert set(before.file) - set(after.file) == {before.file["1.png"]}


def test_a_file_that_grows_while_it_is_read_is_a_row_with_that_reason(tmp_path):
    (tmp_path / "films").mkdir()
    path = tmp_path / "films" / "a.png"
    path.write_bytes(PNG + bytes(5_000_000))
    source, ended = folder_of(tmp_path / "films"), threading.Event()

    def growing(item, read=source.read):
        for chunk in read(item):
            with path.open("ab") as file:
                file.write(b"more")
            yield chunk
        ended.set()

    source.read = growing
    _, rows = fetch(source, tmp_path)
    assert rows.fetch_reason["a.png"] == "the file changed while it was read; fetch again when it is complete"
    assert not ended.is_set() and not (tmp_path / "own" / "files").exists()


def test_a_large_file_is_a_row_with_that_reason_and_the_others_are_fetched(tmp_path):
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "good.png").write_bytes(PNG)
    with (tmp_path / "films" / "large.png").open("wb") as file:
        file.truncate(3_000_000_000)  # takes no space
    outcome, rows = fetch(folder_of(tmp_path / "films"), tmp_path, max_file_bytes=1_000_000)
    assert rows.fetch_reason["large.png"] == "larger than 1 MB (fetch.max_file_mb)"
    assert rows.fetch_status["good.png"] == "fetched" and outcome.counts["failed"] == 1
