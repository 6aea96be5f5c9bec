import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import serving
from toy import Toy, fetch, fill, picture

from sources.core.origin import LIVE, OWN, in_words
from sources.download.origins import place_of
from sources.download.store import Store

SANDBOX = "sandbox, seed 1, 9 films"
FILM = "/films/001.png"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of the current origin."""
    names = [path for path in folder.rglob("*") if path.is_file() and "other_origins" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in names if path.name != ".lock"}


def test_files_of_another_origin_are_never_used(tmp_path):
    with serving() as site:
        fill(site, 3)
        fetch(Toy(site.url), tmp_path / "toy", origin=SANDBOX)
        site.files[FILM] = picture(50)
        _, rows = fetch(Toy(site.url), tmp_path / "toy")
    assert (tmp_path / "toy" / rows.file[FILM]).read_bytes() == picture(50)


def test_another_origin_replaces_nothing_and_says_so(tmp_path):
    folder, messages = tmp_path / "toy", []
    with serving() as site:
        paths = fill(site, 3)
        fetch(Toy(site.url), folder)
        live = contents(folder)
        site.files |= {path: picture(50 + number) for number, path in enumerate(paths)}
        with Store(folder, SANDBOX).exclusive(messages.append):
            assert contents(folder) == {}
        assert messages == [
            f"{folder} held files from the live web; they are kept in {folder}/other_origins/live and come back with "
            "the next fetch from there"
        ]
        fetch(Toy(site.url), folder, origin=SANDBOX)
        drawn = contents(folder)
        with Store(folder, LIVE).exclusive(messages.append):
            assert contents(folder) == live
        site.requests.clear()
        outcome, _ = fetch(Toy(site.url), folder)
        assert [request.path for request in site.requests] == ["/robots.txt", "/list.json"]
        assert contents(folder) == live and outcome.counts["cached"] == 3
        with Store(folder, SANDBOX).exclusive(messages.append):
            assert contents(folder) == drawn
    assert "the sandbox (seed 1, 9 films)" in messages[1]


def test_who_only_looks_moves_nothing(tmp_path):
    folder = tmp_path / "toy"
    with serving() as site:
        fill(site, 3)
        fetch(Toy(site.url), folder)
        fetch(Toy(site.url), folder, origin=SANDBOX)
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        with Store(folder, LIVE).looked_at(print) as store:
            assert len(store.previous_files(store.previous())) == 3
        with Store(folder, "mirror").looked_at(print) as store:
            assert store.previous() is None
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_lock_that_somebody_put_there_is_not_replaced(tmp_path):
    folder = tmp_path / "toy"
    with serving() as site:
        fill(site, 2)
        fetch(Toy(site.url), folder)
        lock = (folder / "items.parquet").read_bytes()
        with Store(folder, "mirror").exclusive(print):
            (folder / "items.parquet").write_bytes(lock + b"of a friend")
        with Store(folder, LIVE).exclusive(print):
            assert (folder / "items.parquet").read_bytes() == lock + b"of a friend"


class Killed(BaseException):
    """A kill between two steps."""


@settings(max_examples=25, deadline=None)
@given(kills=st.lists(st.tuples(st.sampled_from([LIVE, SANDBOX, "mirror"]), st.integers(0, 5)), max_size=6))
def test_no_kill_while_files_are_moved_loses_one(tmp_path_factory, kills):
    folder = tmp_path_factory.mktemp("raw") / "toy"
    expected = {}
    for origin in (LIVE, SANDBOX, "mirror"):
        with Store(folder, origin).exclusive(lambda text: None):
            for name in (
                "items.parquet",
                "masks.parquet",
                f"files/{len(expected)}.png",
                "files/both.png",
                "fetch.json",
            ):
                (folder / name).parent.mkdir(exist_ok=True)
                (folder / name).write_text(json.dumps({"world": origin} if name == "fetch.json" else [origin, name]))
            (folder / "files" / "both.png").write_text("named by its content")
        expected[origin] = contents(folder)
    rename = Path.replace
    for origin, steps in kills:
        left = [steps]

        def killed(path, target, left=left):
            if not left[0]:
                raise Killed
            left[0] -= 1
            return rename(path, target)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Path, "replace", killed)
            try:
                with Store(folder, origin).exclusive(lambda text: None):
                    pass
            except Killed:
                pass
    for origin, files in expected.items():
        with Store(folder, origin).exclusive(lambda text: None):
            assert contents(folder) == files


@pytest.mark.parametrize(
    ("origin", "words", "place"),
    [
        (LIVE, "the live web", "live"),
        ("mirror", "the mirror", "mirror"),
        (OWN, "your own folder", "own-folder"),
        (SANDBOX, "the sandbox (seed 1, 9 films)", "sandbox-seed-1-9-films"),
    ],
)
def test_an_origin_has_a_name_and_a_place(origin, words, place):
    assert in_words(origin) == words
    assert place_of(Path("raw/toy"), origin) == Path("raw/toy/other_origins") / place
