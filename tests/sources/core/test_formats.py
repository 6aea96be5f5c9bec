import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.core.formats import content_type, image_format, may_be_image

TAR = bytes(257) + b"ustar\0" + bytes(249)


@pytest.mark.parametrize(
    ("head", "name", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "JPEG", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "PNG", "image/png"),
        (b"GIF87a", "GIF", "image/gif"),
        (b"GIF89a", "GIF", "image/gif"),
        (b"II*\0", "TIFF", "image/tiff"),
        (b"MM\0*", "TIFF", "image/tiff"),
        (b"BM", "BMP", "image/bmp"),
        (b"RIFF....WEBPVP8 ", "WEBP", "image/webp"),
        (bytes(128) + b"DICM", "DICOM", "application/dicom"),
        (b"II*\0".ljust(128, b"\0") + b"DICM", "DICOM", "application/dicom"),
    ],
)
def test_an_image_is_recognized_by_its_first_bytes(head, name, kind):
    known = image_format(head)
    assert known is not None
    assert (known.name, content_type(head)) == (name, (kind, known.extension))
    assert may_be_image(kind)


@pytest.mark.parametrize(
    ("head", "kind", "extension"),
    [
        (b"", "application/x-empty", "bin"),
        (b"PK\x03\x04", "application/zip", "zip"),
        (b"PK\x05\x06", "application/zip", "zip"),
        (b"\x1f\x8b\x08", "application/gzip", "gz"),
        (b"%PDF-1.4", "application/pdf", "pdf"),
        (TAR, "application/x-tar", "tar"),
        (b"\xef\xbb\xbf <!DOCTYPE html>", "text/html", "html"),
        (b"<?xml version=", "text/xml", "xml"),
        (b'{"a": 1}', "application/json", "json"),
        (b"a,b\n1,2\n", "text/plain", "txt"),
    ],
)
def test_other_files_are_recognized_and_are_not_images(head, kind, extension):
    assert content_type(head) == (kind, extension)
    assert image_format(head) is None
    assert not may_be_image(kind)


def test_an_unknown_binary_may_be_an_image():
    assert content_type(b"\x01\x02\x03") == ("application/octet-stream", "bin")
    assert may_be_image("application/octet-stream")


@given(st.binary(max_size=600))
def test_any_first_bytes_have_a_type(head):
    kind, extension = content_type(head)
    assert "/" in kind and extension.isalnum()
