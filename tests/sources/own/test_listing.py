import gzip
import io
import os
import tarfile
import time
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from sources.core.errors import CxnetError
from sources.own.files import Files
from sources.own.listing import DANGLING, LOOP, OUTSIDE_LINK, list_local
from sources.own.names import UNSTORABLE, is_storable, same_form, unstorable_id

PNG = b"\x89PNG\r\n\x1a\n rest"
BARE_DICOM = b"\x08\0\x05\0CS\x0a\0ISO_IR 100\x08\0\x08\0CS\x08\0ORIGINAL\x08\0\x16\0UI\x04\x001.2\0"


def problems(folder):
    return {entry.place: entry.problem for entry in list_local(folder.resolve()).entries}


def test_a_link_to_itself_is_a_row_and_the_others_go_on(tmp_path):
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "one.png").symlink_to("two.png")
    (tmp_path / "two.png").symlink_to("one.png")
    (tmp_path / "gone.png").symlink_to("nowhere.png")
    (tmp_path / "out.png").symlink_to("/etc/passwd")
    (tmp_path / "notes.txt").symlink_to("notes.txt")
    assert problems(tmp_path) == {
        **dict.fromkeys(("loop.png", "one.png", "two.png"), LOOP),
        **{"gone.png": DANGLING, "out.png": OUTSIDE_LINK, "a.png": None},
    }


def test_a_closed_folder_is_a_row_and_the_others_go_on(tmp_path, monkeypatch):
    for name in ("open", "closed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(PNG)
    scandir = os.scandir

    def refusing(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert problems(tmp_path) == {"closed/": "it cannot be opened (Permission denied)", "open/a.png": None}


def test_a_folder_that_is_closed_itself_is_one_clear_error(tmp_path, monkeypatch):
    def refusing(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(CxnetError, match=r"Cannot read .*Permission denied"):
        Files(str(tmp_path), "own").list()


def test_a_closed_file_is_a_row(tmp_path, monkeypatch):
    for name in ("unknown", "film.png", "notes.txt"):
        (tmp_path / name).write_bytes(PNG)
    opened = Path.open

    def refusing(path, *arguments, **facts):
        if path.parent == tmp_path:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *arguments, **facts)

    monkeypatch.setattr(Path, "open", refusing)
    assert problems(tmp_path) == {"film.png": None, "unknown": None}
    with pytest.raises(CxnetError, match=r"^the file cannot be read \(Permission denied\)$"):
        monkeypatch.setattr("upath.implementations.local.PosixUPath.open", refusing)
        list(Files(str(tmp_path), "own").chunks("own://own/unknown"))


def test_what_is_passed_over_is_counted_by_kind(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "sub")
    os.mkfifo(tmp_path / "pipe.png")
    for name in (
        "a.txt",
        "b.TXT",
        "c.csv",
        "notes",
        "d.weird",
        ".hidden.png",
        "._resource.png",
        ".DS_Store",
        "DICOMDIR",
    ):
        (tmp_path / name).write_bytes(b"no image")
    (tmp_path / "film.png").write_bytes(PNG)
    listing = Files(str(tmp_path), "own").list(but="c.csv")
    assert [entry.place for entry in listing.entries] == ["film.png"]
    assert dict(listing.passed_over) == {
        **{".txt": 2, "without extension": 2, ".weird": 1, "hidden image": 1, "pipe or device": 1, "linked folder": 1}
    }


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("film", PNG),
        ("film.unknown", PNG),
        ("IM0001", BARE_DICOM),
        ("IM0002", bytes(128) + b"DICM"),
        ("film.gz", gzip.compress(PNG)),
        ("film.dcm.gz", b"any"),
        ("1.2.840.113", bytes(128) + b"DICM"),
        *((f"film.{name}", b"any") for name in ("jp2", "heic", "avif", "npy", "JPG", "TIFF", "dicom", "jxl", "dib")),
    ],
)
def test_an_image_is_known_by_its_name_or_its_first_bytes(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert problems(tmp_path) == {name: None}


@pytest.mark.parametrize(
    ("name", "content"), [("a.gz", gzip.compress(b"text")), ("a.gz", b"\x1f\x8b cut"), ("a.nii.gz", b""), ("a", b"")]
)
def test_other_compressed_files_are_no_images(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert problems(tmp_path) == {}


OBEYED = ["new\nline.png", "esc\x1b[2J.png", "bell\x07.png", "rtl\u202egnp.exe.png", "a\x85b.png"]
PLAIN = ["no\u00a0break.png", "soft\u00adhyphen.png", "zero\u200bwidth.png", "10\u202fAM.png", "می\u200cخواهم.png"]
PLAIN += ["\U0001f469\u200d\u2695.png", "a:b.png", "a\\b.png", "%20.png", "#.png"]


@pytest.mark.parametrize("name", OBEYED)
def test_a_name_that_a_terminal_would_obey_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(PNG)
    (entry,) = list_local(tmp_path.resolve()).entries
    assert entry.problem == UNSTORABLE and is_storable(entry.place)


@pytest.mark.parametrize("name", PLAIN)
def test_other_names_are_stored_as_they_are(tmp_path, name):
    (tmp_path / name).write_bytes(PNG)
    assert problems(tmp_path) == {name: None}
    files = Files(str(tmp_path), "own")
    assert b"".join(files.chunks(files.url(name))) == PNG


def test_a_name_that_cannot_be_stored_never_takes_the_row_of_one_that_can(tmp_path):
    for name in ("new\nline.png", r"new\nline.png", r"new\\nline.png"):
        (tmp_path / name).write_bytes(PNG)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png")).write_bytes(PNG)
    found = problems(tmp_path)
    assert len(found) == 4
    assert {place: problem for place, problem in found.items() if problem} == {
        "//new\\nline.png": UNSTORABLE,
        "//\\udcff.png": UNSTORABLE,
    }
    assert unstorable_id("a\nb") != unstorable_id("a\\nb")


def test_a_folder_whose_own_path_is_not_utf8_is_read(tmp_path):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    (folder / "a.png").write_bytes(PNG)
    files = Files(str(folder), "own")
    assert [entry.place for entry in files.list().entries] == ["a.png"]
    assert b"".join(files.chunks("own://own/a.png")) == PNG


def packed(kind, members):
    content = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(content, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
    else:
        with tarfile.open(fileobj=content, mode=kind) as archive:
            for name, data in members.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    return content.getvalue()


KINDS = {"a.zip": "zip", "a.ZIP": "zip", "a.tar": "w", "a.tar.gz": "w:gz", "a.tgz": "w:gz", "a.tar.xz": "w:xz"}


@pytest.mark.parametrize("name", KINDS)
def test_an_archive_is_read_as_a_folder(tmp_path, name):
    members = {
        **{"./images/a.png": b"x", "dir\\b.dcm": b"x", "IM0001": BARE_DICOM, "film": PNG},
        **{"notes.txt": b"x", "readme": b"x", ".hidden.png": b"x", "__MACOSX/._a.png": b"x", "inner.zip": b"x"},
    }
    (tmp_path / name).write_bytes(packed(KINDS[name], members))
    listing = list_local(tmp_path.resolve())
    assert {entry.place: (entry.problem, entry.file, entry.member) for entry in listing.entries} == {
        f"{name}/images/a.png": (None, name, "./images/a.png"),
        f"{name}/dir/b.dcm": (None, name, "dir\\b.dcm"),
        f"{name}/IM0001": (None, name, "IM0001"),
        f"{name}/film": (None, name, "film"),
    }
    assert dict(+listing.passed_over) == {
        ".txt in archives": 1,
        "without extension in archives": 1,
        ".zip in archives": 1,
    }


def test_what_an_archive_hides_is_a_row_with_the_reason(tmp_path):
    content = bytearray(packed("zip", {"../out.png": PNG, "new\nline.png": PNG, "secret.png": PNG}))
    content[content.rindex(b"PK\x01\x02") + 8] |= 1  # encrypted
    (tmp_path / "a.zip").write_bytes(bytes(content))
    (tmp_path / "cut.zip").write_bytes(packed("zip", {"a.png": PNG})[:40])
    (tmp_path / "cut.tar.gz").write_bytes(packed("w:gz", {"a.png": os.urandom(50_000)})[:20_000])
    found = problems(tmp_path)
    assert found.pop("cut.zip").startswith("is a damaged archive") and str(tmp_path) not in str(found)
    assert found.pop("cut.tar.gz").startswith("is a damaged archive")
    assert found.pop("cut.tar.gz/a.png", None) is None
    assert found == {
        "a.zip/../out.png": "its path leaves the archive",
        "//a.zip/new\\nline.png": UNSTORABLE,
        "a.zip/secret.png": "it is encrypted; unpack the archive",
    }


def test_a_member_that_occurs_twice_is_one_row(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", b"one")
        archive.writestr("a.png", b"two")
    listing = list_local(tmp_path.resolve())
    assert len(listing.entries) == 1 and listing.passed_over["repeated member of an archive"] == 1


def test_a_hundred_thousand_files_of_which_few_are_films(tmp_path):
    for part in range(10):
        (tmp_path / str(part)).mkdir()
        for number in range(2_000):
            (tmp_path / str(part) / f"{number}{('.txt', '.weird')[number % 2]}").touch()
        for number in range(20):
            (tmp_path / str(part) / f"{number}.png").touch()
    tracemalloc.start()
    began = time.monotonic()
    listing = list_local(tmp_path.resolve())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(listing.entries) == 200 and listing.passed_over.total() == 20_000
    assert peak < 10_000_000 and time.monotonic() - began < 60


def test_forms_of_names_are_compared_without_what_nobody_sees():
    assert same_form("A\u0308.PNG") == same_form("ä.png") == same_form("\u00e4.png")
    assert same_form("a\u200bb") == "ab"
