import io
import json
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
from loopback import serving
from toy import POLICY, Toy, client, fetch, fill, picture

from sources.core.errors import CxnetError, StoppedError, UsageError
from sources.core.items import Item, unparsed
from sources.core.origin import LIVE
from sources.core.storage import read_table
from sources.download.driver import FetchOptions
from sources.download.locked import fetch_locked
from sources.download.published import git_blob, published_blob
from sources.download.store import Store
from sources.transport.client import Client

PROJECT = Path(__file__).parents[3]
FILM = "/films/001.png"


class Listed(Toy):
    """A source whose items the test writes."""

    def __init__(self, url, items):
        super().__init__(url)
        self.given = items

    def items(self, web):
        yield from self.given


@pytest.fixture
def site():
    with serving() as site:
        fill(site, 4)
        yield site


def zipped(members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return packed.getvalue()


def receipt(folder):
    return json.loads((folder / "fetch.json").read_text())


def test_every_listed_image_is_a_row_in_the_sources_order(site, tmp_path):
    del site.files["/films/002.png"]
    outcome, rows = fetch(Toy(site.url), tmp_path / "toy")
    assert list(rows.index) == [f"/films/00{number}.png" for number in range(4)]
    assert list(rows.fetch_status) == ["fetched", "fetched", "failed", "fetched"]
    assert rows.fetch_reason["/films/002.png"] == "HTTP 404"
    assert rows.content_type[FILM] == "image/png"
    assert rows.file[FILM] == f"files/{rows.file_sha256[FILM]}.png"
    assert set(rows.patient_id) == {"toy:p1"}
    assert outcome.counts == {
        **{"listed": 4, "fetched": 3, "cached": 0, "skipped": 0, "failed": 1},
        "bytes": sum(len(picture(number)) for number in (0, 1, 3)),
    }


def test_the_receipt_has_state_counts_origin_reasons_and_terms(site, tmp_path):
    del site.files["/films/002.png"]
    fetch(Toy(site.url), tmp_path / "toy", origin="mirror")
    written = receipt(tmp_path / "toy")
    assert (written["state"], written["world"], written["listed"], written["failed"]) == ("fetched", "mirror", 4, 1)
    assert written["reasons"] == {"failed: HTTP 404": 1}
    assert written["terms"]["licence"] == "CC0"


def test_an_offline_copy_has_no_time_of_download(site, tmp_path):
    fetch(Toy(site.url), tmp_path / "raw", FetchOptions(record=tmp_path / "copy"))
    offline = Client(POLICY, mirror=tmp_path / "copy")
    site.requests.clear()
    outcome, rows = fetch(Toy(site.url), tmp_path / "offline", origin="mirror", with_client=offline)
    live = read_table(tmp_path / "raw" / "items.parquet").set_index("item_id")
    assert outcome.counts["fetched"] == 4
    assert site.requests == []
    assert rows.retrieved_at.isna().all()
    assert live.retrieved_at.notna().all()
    assert list(rows.file_sha256) == list(live.file_sha256)


def test_the_number_of_connections_changes_nothing(site, tmp_path):
    fetch(Toy(site.url), tmp_path / "one", origin="mirror", with_client=client(connections=1))
    fetch(Toy(site.url), tmp_path / "eight", origin="mirror", with_client=client(connections=8))
    one, eight = (
        read_table(tmp_path / name / "items.parquet").drop(columns="retrieved_at") for name in ("one", "eight")
    )
    assert one.equals(eight)


def test_no_host_gets_more_requests_at_once_than_allowed(tmp_path):
    with serving(latency_s=0.01) as site:
        fill(site, 20)
        fetch(Toy(site.url), tmp_path / "toy", with_client=client(connections=3))
        assert site.most_at_once == 3


def test_an_unwanted_image_is_a_row_and_not_requested(site, tmp_path):
    items = [
        Item("a", f"{site.url}{FILM}", skip="CT according to its metadata"),
        Item("b", f"{site.url}/films/002.png"),
    ]
    _, rows = fetch(Listed(site.url, items), tmp_path / "toy")
    assert (rows.fetch_status["a"], rows.fetch_reason["a"]) == ("skipped", "CT according to its metadata")
    assert site.counts()[FILM] == 0


def test_an_alternate_replaces_an_address_that_is_gone(site, tmp_path):
    items = [Item("a", f"{site.url}/gone.png", alternates=(f"{site.url}/gone2.png", f"{site.url}{FILM}"))]
    _, rows = fetch(Listed(site.url, items), tmp_path / "toy")
    assert rows.fetched_url["a"] == f"{site.url}{FILM}"
    assert rows.url["a"] == f"{site.url}/gone.png"


def test_one_file_listed_twice_is_fetched_once(site, tmp_path):
    items = [Item(name, f"{site.url}{FILM}", box=(0, 0, 5, number)) for number, name in enumerate("ab", start=5)]
    _, rows = fetch(Listed(site.url, items), tmp_path / "toy")
    assert list(rows.fetch_status) == ["fetched", "fetched"]
    assert [list(box) for box in rows.box] == [[0, 0, 5, 5], [0, 0, 5, 6]]
    assert site.counts()[FILM] == 1


def test_an_item_listed_twice_is_one_row(site, tmp_path):
    items = [Item("a", f"{site.url}{FILM}"), Item("a", f"{site.url}/films/002.png")]
    _, rows = fetch(Listed(site.url, items), tmp_path / "toy")
    assert list(rows.url) == [f"{site.url}{FILM}"]


def test_members_are_found_in_whichever_archive_holds_them(site, tmp_path):
    site.files |= {"/1.zip": zipped({"i/a.png": b"a"}), "/2.zip": zipped({"i/b.png": b"b"})}
    archives = (f"{site.url}/1.zip", f"{site.url}/2.zip", f"{site.url}/3.zip")
    items = [Item(name, archives[0], f"i/{name}.png", archives[1:]) for name in ("a", "b", "c")]
    _, rows = fetch(Listed(site.url, items), tmp_path / "toy")
    assert list(rows.fetch_status) == ["fetched", "fetched", "failed"]
    assert rows.fetched_url["b"] == archives[1]
    assert rows.member["b"] == "i/b.png"
    assert rows.fetch_reason["c"] == "the archive does not contain it, and 1 more archive failed: HTTP 404"
    assert all(site.counts()[path] == 1 for path in ("/1.zip", "/2.zip", "/3.zip"))
    assert len(list((tmp_path / "toy" / "files").iterdir())) == 2


@pytest.mark.parametrize("member", ["../a.png", "/a.png", "i/../../a.png"])
def test_a_member_outside_its_archive_is_a_failed_row(site, tmp_path, member):
    site.files["/1.zip"] = zipped({member: b"a"})
    _, rows = fetch(Listed(site.url, [Item("a", f"{site.url}/1.zip", member)]), tmp_path / "toy")
    assert rows.fetch_status["a"] == "failed"


def test_a_damaged_archive_is_a_reason_on_each_of_its_rows(site, tmp_path):
    site.files["/1.zip"] = zipped({"a.png": b"a" * 500})[:300]
    items = [Item(name, f"{site.url}/1.zip", f"{name}.png") for name in "ab"]
    _, rows = fetch(Listed(site.url, items), tmp_path / "toy")
    assert all("is a damaged archive" in reason for reason in rows.fetch_reason)


def test_masks_come_along_in_a_table_of_their_own(site, tmp_path):
    site.files["/set.zip"] = zipped({"film.png": b"f", "mask.png": b"m"})
    archive = f"{site.url}/set.zip"
    items = [
        Item("a", archive, "film.png", mask_urls=(f"{archive}#mask.png", f"{archive}#lost.png")),
        Item("b", f"{site.url}{FILM}", mask_urls=(f"{site.url}/films/002.png",)),
        Item("c", f"{site.url}/films/003.png", skip="not wanted", mask_urls=(f"{site.url}/films/000.png",)),
    ]
    _, rows = fetch(Listed(site.url, items), tmp_path / "toy")
    masks = read_table(tmp_path / "toy" / "masks.parquet")
    assert list(masks.item_id) == ["a", "a", "b"]
    assert list(masks.fetch_status) == ["fetched", "failed", "fetched"]
    assert list(masks.member.fillna("")) == ["mask.png", "lost.png", ""]
    assert (tmp_path / "toy" / masks.file[2]).read_bytes() == site.files["/films/002.png"]
    assert len(rows) == 3
    assert site.counts()["/films/000.png"] == 0


def test_images_beyond_the_limit_are_rows_with_that_reason(site, tmp_path):
    _, rows = fetch(Toy(site.url), tmp_path / "toy", FetchOptions(limit=2))
    assert list(rows.fetch_status) == ["fetched", "fetched", "skipped", "skipped"]
    assert rows.fetch_reason["/films/003.png"] == "beyond the limit of 2 images"


def test_the_limit_of_a_source_ends_in_rows_and_not_in_a_full_disk(site, tmp_path):
    _, rows = fetch(Toy(site.url), tmp_path / "toy", with_client=client(max_source_bytes=50_000, connections=1))
    assert list(rows.fetch_status) == ["fetched", "fetched", "failed", "failed"]
    assert "fetch.max_source_gb" in rows.fetch_reason["/films/003.png"]


class Paged(Toy):
    has_pages = True

    def page_items(self, web, url):
        path = web.get(url).text
        yield Item(item_id=path, url=f"{self.url}{path}", page_url=url)


def test_pages_given_by_address_join_what_is_there(site, tmp_path):
    fetch(Toy(site.url), tmp_path / "toy")
    site.files |= {"/case/1": b"/films/extra.png", "/films/extra.png": picture(9)}
    _, rows = fetch(Paged(site.url), tmp_path / "toy", FetchOptions(urls=(f"{site.url}/case/1",)))
    assert list(rows.index)[-1] == "/films/extra.png"
    assert len(rows) == 5
    assert set(rows.fetch_status) == {"fetched"}


def test_pages_given_by_address_are_read_again_by_later_fetches(site, tmp_path):
    site.files |= {"/case/1": b"/films/extra.png", "/films/extra.png": picture(9), "/case/2": b"/films/001.png"}
    fetch(Paged(site.url), tmp_path / "toy", FetchOptions(urls=(f"{site.url}/case/1", f"{site.url}/case/2")))
    _, rows = fetch(Paged(site.url), tmp_path / "toy")
    assert list(rows.index) == [*(f"/films/00{number}.png" for number in range(4)), "/films/extra.png"]
    _, rows = fetch(Paged(site.url), tmp_path / "toy", origin="mirror")
    assert len(rows) == 4


def test_a_page_that_is_gone_in_a_later_fetch_is_a_row_with_that_reason(site, tmp_path):
    site.files |= {"/case/1": b"/films/extra.png", "/films/extra.png": picture(9)}
    fetch(Paged(site.url), tmp_path / "toy", FetchOptions(urls=(f"{site.url}/case/1",)))
    del site.files["/case/1"]
    _, rows = fetch(Paged(site.url), tmp_path / "toy", FetchOptions(update=True))
    assert len(rows) == 5
    assert "HTTP 404" in rows.fetch_reason[f"page {site.url}/case/1"]


def test_a_source_without_pages_is_a_usage_error(site, tmp_path):
    with pytest.raises(UsageError, match="'toy' has no pages"):
        fetch(Toy(site.url), tmp_path / "toy", FetchOptions(urls=("http://127.0.0.1/x",)))


def test_an_unreadable_list_is_one_sentence_and_leaves_the_old_lock(site, tmp_path):
    fetch(Toy(site.url), tmp_path / "toy")
    before = (tmp_path / "toy" / "items.parquet").read_bytes()
    del site.files["/list.json"]
    with pytest.raises(CxnetError, match=r"list\.json: HTTP 404"):
        fetch(Toy(site.url), tmp_path / "toy")
    assert (tmp_path / "toy" / "items.parquet").read_bytes() == before


def test_a_page_that_is_dead_is_told_with_the_way_to_drop_it(site, tmp_path):
    site.files |= {"/case/1": b"/films/extra.png", "/films/extra.png": picture(9), "/case/2": b"/films/000.png"}
    dead = f"{site.url}/case/1"
    fetch(Paged(site.url), tmp_path / "toy", FetchOptions(urls=(dead, f"{site.url}/case/2")))
    del site.files["/case/1"]
    outcome, rows = fetch(Paged(site.url), tmp_path / "toy")
    assert rows.fetch_reason[f"page {dead}"] == f"page not read: {dead}: HTTP 404."
    assert outcome.warning == (
        f"1 page given by --url shows no image ({dead}), and later fetches will try again; "
        f"`cxnet-data fetch toy --forget {dead}` drops a page."
    )
    outcome, rows = fetch(Paged(site.url), tmp_path / "toy", FetchOptions(forget=(dead,)))
    assert (outcome.warning, len(rows)) == (None, 4)
    assert receipt(tmp_path / "toy")["pages"] == [f"{site.url}/case/2"]
    with pytest.raises(UsageError, match="is not one of the pages that were given to 'toy' by --url; they are: "):
        fetch(Paged(site.url), tmp_path / "toy", FetchOptions(forget=(dead,)))


@pytest.mark.parametrize(("broken", "warned"), [(1, False), (2, True)])
def test_a_changed_site_is_a_warning_with_the_selector(site, tmp_path, broken, warned):
    pages = [f"{site.url}/case/{number}" for number in range(5)]
    items = [unparsed(page, "div.figure img") for page in pages[:broken]]
    items += [Item(page, f"{site.url}{FILM}", page_url=page) for page in pages[broken:]]
    outcome, rows = fetch(Listed(site.url, items), tmp_path / "toy")
    assert (outcome.warning is not None) is warned
    assert rows.fetch_reason.iloc[0] == f"parse: no image found at {pages[0]} (selector div.figure img)"
    if outcome.warning:
        assert "div.figure img" in outcome.warning
        assert receipt(tmp_path / "toy")["warning"] == outcome.warning


class Own(Toy):
    is_local = True
    gone = "002"

    def read(self, item):
        if self.gone in item.item_id:
            raise CxnetError("the file is gone.")
        yield picture(1)


def test_a_source_may_read_the_bytes_itself(site, tmp_path):
    _, rows = fetch(Own(site.url), tmp_path / "toy")
    assert rows.fetch_status["/films/000.png"] == "fetched"
    assert rows.fetch_reason["/films/002.png"] == "the file is gone"
    assert set(site.counts()) == {"/list.json", "/robots.txt"}


def test_a_second_fetch_waits_for_the_first_with_a_message(site, tmp_path):
    store, messages, order = Store(tmp_path / "toy", LIVE), [], []
    has_waited = threading.Event()

    def second():
        with Store(tmp_path / "toy", LIVE).exclusive(lambda text: (messages.append(text), has_waited.set())):
            order.append("second")

    with store.exclusive(messages.append):
        thread = threading.Thread(target=second)
        thread.start()
        assert has_waited.wait(5)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]
    assert messages == ["another fetch of toy is running; waiting for it to end"]


def test_an_interrupt_ends_the_wait_for_another_fetch(tmp_path):
    stop = threading.Event()
    with (
        Store(tmp_path / "toy", LIVE).exclusive(print),
        pytest.raises(StoppedError),
        Store(tmp_path / "toy", LIVE).exclusive(lambda message: stop.set(), stop),
    ):
        pytest.fail("two fetches of one source at once")


def test_a_fetch_in_another_process_is_waited_for(tmp_path):
    code = (
        "import sys; from pathlib import Path; from sources.download.store import Store\n"
        "with Store(Path(sys.argv[1]), 'live').exclusive(print): print('held', flush=True); sys.stdin.readline()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "toy")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT) as other:
        assert other.stdout.readline() == "held\n"
        messages = []

        def release(message):
            messages.append(message)
            other.stdin.write("\n")
            other.stdin.flush()

        with Store(tmp_path / "toy", LIVE).exclusive(release):
            assert messages == ["another fetch of toy is running; waiting for it to end"]


# ------------------------------------------------------------------------------------------------------- locked


def locked(site, folder):
    store = Store(folder, LIVE)
    with store.exclusive(lambda text: None):
        return fetch_locked(Toy(site.url), store, client()).set_index("url")


def test_a_lock_brings_back_exactly_its_bytes(site, tmp_path):
    fetch(Toy(site.url), tmp_path / "toy")
    lock = (tmp_path / "toy" / "items.parquet").read_bytes()
    files = {path.name: path.read_bytes() for path in (tmp_path / "toy" / "files").iterdir()}
    (tmp_path / "new" / "toy").mkdir(parents=True)
    (tmp_path / "new" / "toy" / "items.parquet").write_bytes(lock)
    report = locked(site, tmp_path / "new" / "toy")
    assert set(report.state) == {"fetched"}
    assert {path.name: path.read_bytes() for path in (tmp_path / "new" / "toy" / "files").iterdir()} == files
    assert (tmp_path / "new" / "toy" / "items.parquet").read_bytes() == lock
    assert set(locked(site, tmp_path / "new" / "toy").state) == {"there"}


def test_files_that_changed_or_vanished_since_the_lock_are_rows(site, tmp_path):
    _, rows = fetch(Toy(site.url), tmp_path / "toy")
    for file in rows.file:
        (tmp_path / "toy" / file).unlink()
    site.files[FILM] = picture(99)
    del site.files["/films/002.png"]
    report = locked(site, tmp_path / "toy")
    states = {url.removeprefix(site.url): state for url, state in report.state.items()}
    assert states == {
        **{"/films/000.png": "fetched", FILM: "changed"},
        **{"/films/002.png": "vanished", "/films/003.png": "fetched"},
    }
    assert sorted(path.name for path in (tmp_path / "toy" / "files").iterdir()) == sorted(
        rows.file[path].removeprefix("files/") for path in ("/films/000.png", "/films/003.png")
    )
    assert list(read_table(tmp_path / "toy" / "locked.parquet").state) == list(report.state)


def test_a_file_that_was_tampered_with_is_fetched_again(site, tmp_path):
    _, rows = fetch(Toy(site.url), tmp_path / "toy")
    path = tmp_path / "toy" / rows.file[FILM]
    path.write_bytes(bytes(len(picture(1))))
    assert locked(site, tmp_path / "toy").state[f"{site.url}{FILM}"] == "fetched"
    assert path.read_bytes() == picture(1)


def test_other_bytes_equal_to_a_locked_file_remove_nothing(site, tmp_path):
    _, rows = fetch(Toy(site.url), tmp_path / "toy")
    (tmp_path / "toy" / rows.file[FILM]).unlink()
    site.files[FILM] = site.files["/films/000.png"]
    assert list(locked(site, tmp_path / "toy").state) == ["there", "changed", "there", "there"]
    assert set(locked(site, tmp_path / "toy").state) == {"there", "changed"}


def test_a_lock_of_a_source_that_reads_its_bytes_itself_is_rebuilt(site, tmp_path):
    source, store = Own(site.url), Store(tmp_path / "toy", LIVE)
    _, rows = fetch(source, tmp_path / "toy")
    film = tmp_path / "toy" / rows.file[FILM]
    film.unlink()
    assert list(fetch_locked(source, store, client()).state) == ["fetched"]
    film.unlink()
    source.gone = "00"
    report = fetch_locked(source, store, client())
    assert (list(report.state), list(report.reason)) == (["unreachable"], ["the file is gone"])


@pytest.mark.parametrize("again", [fetch, lambda source, folder: locked(source, folder)])
def test_a_lock_of_another_version_is_one_sentence(site, tmp_path, again):
    fetch(Toy(site.url), tmp_path / "toy")
    lock = tmp_path / "toy" / "items.parquet"
    read_table(lock).drop(columns="fetched_url").to_parquet(lock)
    with pytest.raises(CxnetError, match=r"items\.parquet has no column \['fetched_url'\]: another version wrote it"):
        again(Toy(site.url) if again is fetch else site, tmp_path / "toy")


def test_a_folder_that_cannot_be_written_is_one_sentence(site, tmp_path):
    (tmp_path / "toy").write_text("a file")
    with pytest.raises(CxnetError, match=r"Cannot write .*toy: File exists; choose another --root\."):
        fetch(Toy(site.url), tmp_path / "toy")


def test_a_missing_lock_is_one_sentence(site, tmp_path):
    with pytest.raises(CxnetError, match=r"items\.parquet does not exist"):
        locked(site, tmp_path / "toy")


# -------------------------------------------------------------------------------------------------- known hashes

PUBLISHED = (
    "https://raw.githubusercontent.com/agchung/Figure1-COVID-chestxray-dataset/"
    "95bb569e55f4110d3b734c0f355340e04e16989a/images/COVID-00001.jpg"
)


class GitHub(Listed):
    hosts = ("raw.githubusercontent.com",)


@pytest.mark.parametrize(("origin", "status"), [("mirror", "failed"), ("sandbox, seed 7", "fetched")])
def test_a_file_that_is_not_the_published_one_is_refused_except_in_the_sandbox(tmp_path, origin, status):
    place = tmp_path / "copy" / PUBLISHED.removeprefix("https://")
    place.parent.mkdir(parents=True)
    place.write_bytes(picture(1))
    offline = Client(POLICY, mirror=tmp_path / "copy")
    source = GitHub("", [Item("a", PUBLISHED)])
    _, rows = fetch(source, tmp_path / "toy", origin=origin, with_client=offline)
    assert rows.fetch_status["a"] == status
    assert status == "fetched" or "not the published file" in rows.fetch_reason["a"]


def test_a_git_blob_has_the_id_that_git_gives_it(tmp_path):
    (tmp_path / "a").write_bytes(b"hello\n")
    assert git_blob(tmp_path / "a") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_unknown_addresses_have_no_known_hash():
    assert published_blob(PUBLISHED) is not None
    assert published_blob(PUBLISHED.replace("95bb", "95bc")) is None
    assert published_blob(PUBLISHED.replace("COVID-00001", "other")) is None
    assert published_blob("https://example.org/film.png") is None


def test_the_published_hashes_are_those_of_the_real_files(mirror):
    paths = sorted((mirror / "raw.githubusercontent.com" / "agchung").rglob("*.jpg"))[:10]
    assert paths
    for path in paths:
        assert published_blob(f"https://{path.relative_to(mirror).as_posix()}") == git_blob(path)
