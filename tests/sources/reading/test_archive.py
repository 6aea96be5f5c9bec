import io
import stat
import tarfile
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.core.errors import CxnetError
from sources.core.limits import MEMBER_TEXT_BYTES
from sources.reading.archive import is_inside, member_names, read_members, read_texts

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
