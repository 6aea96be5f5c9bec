import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.core.formats import content_type, image_format, may_be_image

TAR = bytes(257) + b"ustar\0" + bytes(249)
EXPLICIT = b"\x08\0\x05\0CS\x0a\0ISO_IR 100\x08\0\x08\0CS\x08\0ORIGINAL\x08\0\x16\0UI\x04\x001.2\0"
IMPLICIT = b"\x08\0\x05\0\x0a\0\0\0ISO_IR 100\x08\0\x08\0\x08\0\0\0ORIGINAL"
BIG_ENDIAN = b"\0\x08\0\x05CS\0\x0aISO_IR 100\0\x08\0\x08CS\0\x08ORIGINAL"


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
        (b"II+\0\x08\0\0\0", "TIFF", "image/tiff"),
        (b"MM\0+\0\x08\0\0", "TIFF", "image/tiff"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000", "image/jp2"),
        (b"\xff\x4f\xff\x51\0", "JPEG2000", "image/j2c"),
        (b"\x93NUMPY\1\0", "NPY", "application/x-npy"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC", "image/heic"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "AVIF", "image/avif"),
        (b"DICM", "DICOM", "application/dicom"),
        (EXPLICIT, "DICOM", "application/dicom"),
        (IMPLICIT, "DICOM", "application/dicom"),
        (BIG_ENDIAN, "DICOM", "application/dicom"),
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
        (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed", "7z"),
        (b"Rar!\x1a\x07\0", "application/vnd.rar", "rar"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "video/mp4", "mp4"),
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


@pytest.mark.parametrize(
    "head",
    [
        EXPLICIT[:18],  # one element alone
        EXPLICIT[18:] + EXPLICIT[:18],  # tags that fall
        b"\x10" + EXPLICIT[1:],  # begins with another group
        b"\x08\0\x05\0\x0b\0\0\0ISO_IR 1001\x08\0\x08\0\x08\0\0\0ORIGINAL",  # an odd length
    ],
)
def test_bytes_that_only_resemble_dicom_elements_are_not_dicom(head):
    assert image_format(head) is None


def test_an_unknown_binary_may_be_an_image():
    assert content_type(b"\x01\x02\x03") == ("application/octet-stream", "bin")
    assert may_be_image("application/octet-stream")


@given(st.binary(max_size=600))
def test_any_first_bytes_have_a_type(head):
    kind, extension = content_type(head)
    assert "/" in kind and extension.isalnum()
