import hashlib
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from loopback import Answer, Fault, busy, dripping, dropped, flapping, serving
from toy import Toy, client, fetch, fill, picture, relist

from sources.core.origin import LIVE
from sources.core.storage import read_table
from sources.download.downloads import Downloads
from sources.download.driver import FetchOptions
from sources.download.store import Store

PROJECT = Path(__file__).parents[3]
HELPERS = PROJECT / "tests" / "helpers"
FILMS = 24
FILM = "/films/001.png"


class Zygote:
    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(HELPERS / "zygote.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
        )
        self.answer()

    def answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def fetch(self, url: str, folder: Path, killed: float | str = "") -> int:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{url}\t{folder}\t{killed}\n")
        self.process.stdin.flush()
        return int(self.answer())


@pytest.fixture(scope="module")
def zygote():
    zygote = Zygote()
    yield zygote
    zygote.process.kill()
    zygote.process.wait()


def halting(pause_s: float) -> Fault:
    """Half of a file at once, the rest a little later: something is always under way."""

    def fault(answer: Answer, before: int) -> bool:
        content = answer.server.site.files[answer.path]
        etag = f'"{hashlib.sha1(content).hexdigest()}"'
        start = answer._start(content, etag) or 0
        span = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
        answer.head(206 if start else 200, {"Content-Length": str(len(content) - start), "ETag": etag} | span)
        middle = (start + len(content)) // 2
        for piece in (content[start : start + 1000], content[start + 1000 : middle], content[middle:]):
            answer.wfile.write(piece)
            answer.wfile.flush()
            time.sleep(pause_s / 2)
        return True

    return fault


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but the lock of the running fetch."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != ".lock"}


def test_a_fetch_killed_at_any_moment_ends_like_an_undisturbed_one(zygote, tmp_path):
    rng = random.Random(4)
    with serving() as site:
        for path in fill(site, FILMS, size=60_000):
            site.faults[path] = halting(0.03)
        assert zygote.fetch(site.url, tmp_path / "undisturbed") == 0
        expected = contents(tmp_path / "undisturbed")
        killed = 0
        for turn in range(20):
            folder = tmp_path / f"killed{turn}"
            killed += zygote.fetch(site.url, folder, rng.uniform(0.01, 0.4)) == -9
            assert zygote.fetch(site.url, folder) == 0
            assert contents(folder).keys() == expected.keys()
            assert contents(folder)["items.parquet"] == expected["items.parquet"]
            assert {n: c for n, c in contents(folder).items() if n.startswith("files/")} == {
                n: c for n, c in expected.items() if n.startswith("files/")
            }
    assert killed >= 10


def test_files_that_a_killed_fetch_finished_are_not_requested_again(zygote, tmp_path):
    with serving() as site:
        site.faults[fill(site, FILMS, size=60_000)[8]] = halting(2.0)
        assert zygote.fetch(site.url, tmp_path / "toy", "note") == -9
        done = list((tmp_path / "toy" / "files").iterdir())
        site.requests.clear()
        assert zygote.fetch(site.url, tmp_path / "toy") == 0
        requests = [request for request in site.requests if request.path.startswith("/films/")]
    assert done
    assert (
        FILMS - len(done) <= len(requests) <= FILMS - len(done) + 4
    )  # a file between its name and its line comes again
    assert any("range" in one.headers for one in requests)


def test_a_broken_download_is_resumed(tmp_path):
    with serving() as site:
        fill(site, 2)
        site.faults[FILM] = dropped(5_000, times=2)
        _, rows = fetch(Toy(site.url), tmp_path / "toy")
        headers = site.headers_of(FILM)
    assert [one.get("range") for one in headers] == [None, "bytes=5000-", "bytes=10000-"]
    assert {one.get("if-range") for one in headers[1:]} == {f'"{hashlib.sha1(site.files[FILM]).hexdigest()}"'}
    assert rows.file_sha256[FILM] == hashlib.sha256(site.files[FILM]).hexdigest()


def test_a_file_that_changed_during_a_break_is_fetched_whole(tmp_path):
    with serving() as site:
        fill(site, 2)
        new = picture(99)

        def changing(answer: Answer, before: int) -> bool:
            if before:
                site.files[FILM] = new
            return dropped(5_000)(answer, before)

        site.faults[FILM] = changing
        _, rows = fetch(Toy(site.url), tmp_path / "toy")
    assert rows.file_sha256[FILM] == hashlib.sha256(new).hexdigest()


def test_without_range_support_the_whole_file_is_requested_again(tmp_path):
    with serving() as site:
        fill(site, 2)

        def no_ranges(answer: Answer, before: int) -> bool:
            content = site.files[FILM]
            answer.head(200, {"Content-Length": str(len(content)), "ETag": '"same"'})
            answer.wfile.write(content[: 5_000 if before == 0 else len(content)])
            answer.hang_up()
            return True

        site.faults[FILM] = no_ranges
        _, rows = fetch(Toy(site.url), tmp_path / "toy")
        assert len(site.headers_of(FILM)) == 2
    assert rows.file_sha256[FILM] == hashlib.sha256(site.files[FILM]).hexdigest()


def test_a_second_fetch_requests_no_file_again(tmp_path):
    with serving() as site:
        paths = fill(site, 3)
        fetch(Toy(site.url), tmp_path / "toy")
        first = read_table(tmp_path / "toy" / "items.parquet")
        outcome, _ = fetch(Toy(site.url), tmp_path / "toy")
        assert [site.counts()[path] for path in paths] == [1, 1, 1]
    assert outcome.counts["cached"] == 3
    assert first.equals(read_table(tmp_path / "toy" / "items.parquet"))


def test_an_update_uses_validators_and_lists_the_changes(tmp_path):
    with serving() as site:
        paths = fill(site, 4)
        fetch(Toy(site.url), tmp_path / "toy")
        site.files[paths[1]] = picture(77)
        site.files["/films/new.png"] = picture(78)
        relist(site, [*paths[:3], "/films/new.png"])
        outcome, rows = fetch(Toy(site.url), tmp_path / "toy", FetchOptions(update=True))
        second = site.headers_of(paths[0])[1]
    assert second["if-none-match"] == f'"{hashlib.sha1(site.files[paths[0]]).hexdigest()}"'
    assert outcome.changes == {"new": ["/films/new.png"], "gone": [paths[3]], "changed": [paths[1]]}
    assert rows.file_sha256[paths[1]] == hashlib.sha256(picture(77)).hexdigest()
    assert outcome.counts["cached"] == 2


def test_a_damaged_journal_does_not_stop_a_fetch(tmp_path):
    with serving() as site:
        fill(site, 2)
        (tmp_path / "toy").mkdir()
        (tmp_path / "toy" / ".journal.jsonl").write_bytes(b'\xff\xfe{"a"\n')
        outcome, _ = fetch(Toy(site.url), tmp_path / "toy")
    assert outcome.counts["fetched"] == 2


@pytest.mark.parametrize("server", [None, flapping, busy(99)])
def test_what_has_not_changed_leaves_the_same_bytes(tmp_path, server):
    """An ETag may flap, and a file may not be available for a while: the outputs of the stage stay as they are."""
    with serving() as site:
        fill(site, 3)
        if server is not None:
            site.faults[FILM] = server
        fetch(Toy(site.url), tmp_path / "toy")
        first = contents(tmp_path / "toy")
        outcome, _ = fetch(Toy(site.url), tmp_path / "toy", FetchOptions(update=True))
        updated = contents(tmp_path / "toy")
        fetch(Toy(site.url), tmp_path / "toy")
        again = contents(tmp_path / "toy")
    assert outcome.changes == {"new": [], "gone": [], "changed": []}
    assert first == updated == again


@pytest.mark.parametrize("damage", [lambda content: content[::-1], lambda content: content + b"!", lambda content: b""])
def test_a_damaged_file_is_fetched_again_and_no_other(tmp_path, caplog, damage):
    with serving() as site:
        fill(site, 3)
        _, rows = fetch(Toy(site.url), tmp_path / "toy")
        first, path = contents(tmp_path / "toy"), tmp_path / "toy" / rows.file[FILM]
        path.write_bytes(damage(path.read_bytes()))
        site.requests.clear()
        outcome, rows = fetch(Toy(site.url), tmp_path / "toy")
        assert [request.path for request in site.requests if "films" in request.path] == [FILM]
    assert (outcome.counts["fetched"], outcome.counts["cached"]) == (1, 2)
    assert contents(tmp_path / "toy").keys() == first.keys()
    assert path.read_bytes() == site.files[FILM]
    assert "1 file is not what was fetched any more, and will be replaced" in caplog.text


def test_a_file_that_was_touched_is_not_requested(tmp_path):
    with serving() as site:
        fill(site, 3)
        _, rows = fetch(Toy(site.url), tmp_path / "toy")
        (tmp_path / "toy" / rows.file[FILM]).touch()
        fetch(Toy(site.url), tmp_path / "toy")
        assert site.counts()[FILM] == 1


def test_a_file_that_was_damaged_after_a_kill_is_fetched_again(tmp_path):
    with serving() as site:
        paths = fill(site, 3)
        store = Store(tmp_path / "toy", LIVE)
        with store.exclusive(print):
            received = Downloads(client(), store, Toy(site.url).reach()).get(f"{site.url}{FILM}")
        assert (tmp_path / "toy" / ".journal.jsonl").exists()
        path = tmp_path / "toy" / received.file
        path.write_bytes(path.read_bytes()[::-1])
        fetch(Toy(site.url), tmp_path / "toy")
        assert [site.counts()[path] for path in paths] == [1, 2, 1]
    assert path.read_bytes() == site.files[FILM]


def test_an_interrupted_fetch_keeps_what_has_arrived(tmp_path):
    with serving() as site:
        paths = fill(site, 6)
        stopping = client(connections=1)

        def interrupt(answer: Answer, before: int) -> bool:
            if before == 0:
                stopping.stop.set()
            return False

        site.faults[paths[3]] = interrupt
        with pytest.raises(Exception, match="Interrupted"):
            fetch(Toy(site.url), tmp_path / "toy", with_client=stopping)
        assert not (tmp_path / "toy" / "items.parquet").exists()
        outcome, _ = fetch(Toy(site.url), tmp_path / "toy")
        assert site.counts()[paths[0]] == 1
    assert outcome.counts["cached"] >= 1
    assert outcome.counts["failed"] == 0


def test_an_interrupt_ends_all_sources_with_one_sentence(tmp_path):
    with serving() as site:
        for path in fill(site, 8):
            site.faults[path] = dripping(0.01)
        command = [sys.executable, str(HELPERS / "interrupted.py"), site.url, str(tmp_path)]
        heeding = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731  a job in the background ignores it
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=PROJECT, preexec_fn=heeding)
        while not site.counts()["/films/000.png"]:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, message = process.communicate(timeout=20)
    assert process.returncode == 130
    assert (
        message.strip() == "cxnet-data: Interrupted. Nothing is half-written; run the same command again to continue."
    )
