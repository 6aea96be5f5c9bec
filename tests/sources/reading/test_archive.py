import gzip
import io
import stat
import tarfile
import tracemalloc
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.core.errors import CxnetError
from sources.core.limits import MEMBER_TEXT_BYTES
from sources.reading.archive import (
    ArchiveError,
    is_hidden,
    is_inside,
    list_members,
    member_names,
    read_members,
    read_texts,
)

FILES = {"images/a.png": b"a" * 100, "images/b.png": b"b" * 200_000, "c.txt": b""}
OUTSIDE = ["../x.png", "a/../../x.png", "/etc/passwd", "C:/x.png", "..\\x.png", "\\x.png"]


def zipped(members, compression=zipfile.ZIP_DEFLATED):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return packed.getvalue()


def tarred(members, mode="w:gz"):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


PACKERS = [zipped, tarred, lambda members: tarred(members, "w"), lambda members: tarred(members, "w:xz")]


@pytest.mark.parametrize("pack", PACKERS, ids=["zip", "tar.gz", "tar", "tar.xz"])
def test_wanted_members_come_in_the_archives_order(tmp_path, pack):
    path = tmp_path / "archive"
    path.write_bytes(pack(FILES))
    assert member_names(path) == list(FILES)
    wanted = ["c.txt", "images/b.png", "absent.png"]
    assert list(read_members(path, wanted)) == [("images/b.png", FILES["images/b.png"]), ("c.txt", b"")]


@pytest.mark.parametrize("pack", PACKERS[:2], ids=["zip", "tar.gz"])
@pytest.mark.parametrize("name", OUTSIDE)
def test_a_member_that_leaves_the_archive_counts_as_absent(tmp_path, pack, name):
    path = tmp_path / "archive"
    path.write_bytes(pack({name: b"evil", "good.png": b"good"}))
    assert member_names(path) == ["good.png"]
    assert list(read_members(path, [name, "good.png"])) == [("good.png", b"good")]
    assert not is_inside(name)


def test_links_and_devices_count_as_absent(tmp_path):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, kind in [("soft", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE), ("device", tarfile.CHRTYPE)]:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/passwd"
            archive.addfile(entry)
    (tmp_path / "links.tar").write_bytes(packed.getvalue())
    link = zipfile.ZipInfo("soft")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "links.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    for name in ("links.tar", "links.zip"):
        assert member_names(tmp_path / name) == []
        assert list(read_members(tmp_path / name, ["soft", "hard", "device"])) == []


@pytest.mark.parametrize("pack", [zipped, tarred], ids=["zip", "tar.gz"])
def test_an_archive_bomb_is_left_out(tmp_path, pack):
    path = tmp_path / "archive"
    path.write_bytes(pack({"bomb.png": bytes(30_000_000), "good.png": b"good"}))
    assert list(read_members(path, ["bomb.png", "good.png"], limit=1_000_000)) == [("good.png", b"good")]


def test_an_archive_bomb_with_a_false_size_is_left_out(tmp_path):
    packed = bytearray(zipped({"bomb.png": bytes(30_000_000)}))
    central = packed.rindex(b"PK\x01\x02")
    packed[central + 24 : central + 28] = (100).to_bytes(4, "little")
    path = tmp_path / "liar.zip"
    path.write_bytes(bytes(packed))
    try:
        found = list(read_members(path, ["bomb.png"], limit=1_000_000))
    except CxnetError:
        found = []
    assert all(len(content) <= 1_000_000 for _, content in found)


@pytest.mark.parametrize("pack", [zipped, tarred], ids=["zip", "tar.gz"])
def test_a_damaged_archive_is_one_sentence(tmp_path, pack):
    path = tmp_path / "archive"
    whole = pack(FILES | {"noise.bin": bytes(range(256)) * 400})
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CxnetError, match="is a damaged archive"):
        list(read_members(path, FILES))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_is_members_or_one_sentence(tmp_path, data):
    content = bytearray(data.draw(st.sampled_from([zipped(FILES), tarred(FILES)])))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "archive"
    path.write_bytes(bytes(content))
    try:
        found = dict(read_members(path, FILES, limit=1_000_000))
    except CxnetError:
        return
    assert found.keys() <= FILES.keys()


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("a/b.png", False),
        ("./a.png", False),
        ("../a.png", False),
        ("MACOSX/a.png", False),
        ("a/.b.png", True),
        (".git/a.png", True),
        ("__MACOSX/a/._b.png", True),
    ],
)
def test_leftovers_of_an_operating_system_are_hidden(name, hidden):
    assert is_hidden(name) is hidden


def test_folders_are_not_members(tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped({"x/": b"", "x/1.txt": b"one", "x/2.txt": b"two"}))
    assert member_names(tmp_path / "a.zip") == ["x/1.txt", "x/2.txt"]


def test_long_and_damaged_texts_are_left_out(tmp_path):
    packed = zipped(
        {"long": b"x" * (MEMBER_TEXT_BYTES + 1), "damaged": b"abcdefgh", "good": "38°".encode()}, zipfile.ZIP_STORED
    )
    path = tmp_path / "a.zip"
    path.write_bytes(packed.replace(b"abcdefgh", b"abcdefgX", 1))
    assert read_texts(path, ["long", "damaged", "good", "absent"]) == {"good": "38°"}
    with pytest.raises(CxnetError, match="is a damaged archive"):
        list(read_members(path, ["damaged"]))


@given(content=st.binary(max_size=200))
def test_any_bytes_as_archive_are_one_clear_error(content, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "any.zip"
    path.write_bytes(content)
    with pytest.raises(CxnetError, match=r"any\.zip is a damaged archive"):
        member_names(path)


def long_header(kind, size):
    """A tar header with a body of ``size`` bytes that the reader would keep in memory."""
    entry = tarfile.TarInfo("././@LongLink")
    entry.type, entry.size = kind, size
    return entry.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_a_huge_header_is_refused_before_it_is_read(tmp_path, kind):
    path = tmp_path / "bomb.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(long_header(kind, 300_000_000))
        for _ in range(300):
            file.write(bytes(1_000_000))
    tracemalloc.start()
    with pytest.raises(ArchiveError, match="a header of more than 1,024 kB; it is not an archive of films"):
        member_names(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30_000_000


def test_many_global_headers_are_refused(tmp_path):
    path = tmp_path / "bomb.tar"
    with path.open("wb") as file:
        for place in range(40):
            body = (b"30000 comment%02d=" % place).ljust(29_999, b"x") + b"\n"
            file.write(long_header(tarfile.XGLTYPE, len(body)) + body + bytes(-len(body) % 512))
    with pytest.raises(ArchiveError, match="a header of more than"):
        member_names(path)


def test_sparse_maps_are_refused(tmp_path):
    entry = tarfile.TarInfo("film.png")
    entry.type = tarfile.GNUTYPE_SPARSE
    (tmp_path / "old.tar").write_bytes(entry.tobuf(tarfile.GNU_FORMAT) + bytes(10240))
    new = tarfile.TarInfo("film.png")
    new.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9"}
    (tmp_path / "new.tar").write_bytes(new.tobuf(tarfile.PAX_FORMAT) + bytes(10240))
    for name in ("old.tar", "new.tar"):
        with pytest.raises(ArchiveError, match="sparse file"):
            member_names(tmp_path / name)


def test_the_members_of_a_zip_are_counted_before_they_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("sources.reading.archive.ARCHIVE_MEMBERS", 50)
    path = tmp_path / "many.zip"
    path.write_bytes(zipped({f"{place}.png": b"" for place in range(51)}))
    monkeypatch.setattr(zipfile, "ZipFile", None)  # it is never reached
    with pytest.raises(ArchiveError, match="has more than 50 members"):
        member_names(path)


def test_a_zip_of_the_allowed_number_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("sources.reading.archive.ARCHIVE_MEMBERS", 50)
    path = tmp_path / "many.zip"
    path.write_bytes(b"a program that unpacks itself" + zipped({f"{place}.png": b"" for place in range(50)}))
    assert len(member_names(path)) == 50


def test_a_zip_whose_names_fill_the_memory_is_refused_before_they_are_read(tmp_path, monkeypatch):
    path = tmp_path / "names.zip"
    path.write_bytes(zipped({f"{place:05000}.png": b"" for place in range(9)}))
    assert len(member_names(path)) == 9
    monkeypatch.setattr("sources.reading.archive.ARCHIVE_DIRECTORY_BYTES", 30_000)
    monkeypatch.setattr(zipfile, "ZipFile", None)  # it is never reached
    with pytest.raises(ArchiveError, match="has a directory of more than 0 MB; it is not an archive of films"):
        member_names(path)


def test_a_tar_of_too_many_members_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("sources.reading.archive.ARCHIVE_MEMBERS", 3)
    (tmp_path / "a.tar").write_bytes(tarred({f"{place}": b"" for place in range(4)}))
    with pytest.raises(ArchiveError, match="has more than 3 members"):
        member_names(tmp_path / "a.tar")


def test_a_tar_that_unpacks_to_far_more_than_its_size_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("sources.reading.archive.ARCHIVE_SPARE_BYTES", 1000)
    (tmp_path / "a.tar.gz").write_bytes(tarred({"a": bytes(10_000_000), "b": b""}))
    with pytest.raises(ArchiveError, match="unpacks to more than 200 times its size"):
        member_names(tmp_path / "a.tar.gz")


def test_every_file_is_listed_with_its_head_or_what_is_wrong_with_it(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(zipped({"a.png": b"head" + bytes(1000), "../b.png": b"x", "c.png": b"y", "folder/": b""}))
    members = list(list_members(path, lambda name: name == "a.png"))
    assert [(one.name, one.problem, one.head and one.head[:4]) for one in members] == [
        ("a.png", None, b"head"),
        ("../b.png", "its path leaves the archive", None),
        ("c.png", None, None),
    ]
    assert len(members[0].head) == 512


def test_what_cannot_be_unpacked_is_not_called_damaged(tmp_path):
    content = bytearray(zipped({"secret.png": b"x" * 50, "odd.png": b"x" * 50}))
    first = content.index(b"PK\x01\x02")
    content[first + 8] |= 1  # encrypted
    second = content.index(b"PK\x01\x02", first + 4)
    content[second + 10 : second + 12] = (9).to_bytes(2, "little")  # Deflate64
    (tmp_path / "a.zip").write_bytes(bytes(content))
    assert [one.problem for one in list_members(tmp_path / "a.zip")] == [
        "it is encrypted; unpack the archive",
        "it is compressed by method 9, which is not supported; unpack the archive",
    ]
    assert list(read_members(tmp_path / "a.zip", ["secret.png", "odd.png"])) == []
