"""File formats, recognized by their first bytes: a file's name or a server's header may be wrong."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

HEAD_BYTES = 512  # enough of a file to recognize its format
IMAGE_TYPES = ("application/dicom", "application/x-npy", "application/octet-stream")
_TEXT = bytes(range(32, 127)) + b"\t\n\r\f"


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes:
        name: as Pillow and DICOM call it; ``content_type``: MIME type; ``extension``: without the dot.
        magic: (offset, bytes) of everything that must be there.
    """

    name: str
    content_type: str
    extension: str
    magic: tuple[tuple[int, bytes], ...]

    def begins(self, head: bytes) -> bool:
        """Does a file that begins with ``head`` have this format?"""
        return all(head.startswith(part, offset) for offset, part in self.magic)


IMAGE_FORMATS = (
    # DICOM comes first: the 128 bytes before its mark may be anything, even the head of a TIFF file.
    Format("DICOM", "application/dicom", "dcm", ((128, b"DICM"),)),
    Format("JPEG", "image/jpeg", "jpg", ((0, b"\xff\xd8\xff"),)),
    Format("PNG", "image/png", "png", ((0, b"\x89PNG\r\n\x1a\n"),)),
    Format("GIF", "image/gif", "gif", ((0, b"GIF87a"),)),
    Format("GIF", "image/gif", "gif", ((0, b"GIF89a"),)),
    Format("TIFF", "image/tiff", "tif", ((0, b"II*\x00"),)),
    Format("TIFF", "image/tiff", "tif", ((0, b"MM\x00*"),)),
    Format("TIFF", "image/tiff", "tif", ((0, b"II+\x00\x08\x00\x00\x00"),)),  # BigTIFF
    Format("TIFF", "image/tiff", "tif", ((0, b"MM\x00+\x00\x08\x00\x00"),)),
    Format("BMP", "image/bmp", "bmp", ((0, b"BM"),)),
    Format("WEBP", "image/webp", "webp", ((0, b"RIFF"), (8, b"WEBP"))),
    Format("JPEG2000", "image/jp2", "jp2", ((0, b"\x00\x00\x00\x0cjP  \r\n\x87\n"),)),
    Format("JPEG2000", "image/j2c", "j2k", ((0, b"\xff\x4f\xff\x51"),)),  # a bare code stream
    Format("NPY", "application/x-npy", "npy", ((0, b"\x93NUMPY"),)),
    *(  # binary pictures of gray or color
        Format("PPM", "image/x-portable-anymap", extension, ((0, magic + space),))
        for magic, extension in ((b"P5", "pgm"), (b"P6", "ppm"))
        for space in (b"\n", b" ", b"\r", b"\t")
    ),
)
AVIF = Format("AVIF", "image/avif", "avif", ((4, b"ftyp"),))
HEIC = Format("HEIC", "image/heic", "heic", ((4, b"ftyp"),))
BARE_DICOM = Format("DICOM", "application/dicom", "dcm", ())  # without the 128 bytes and the mark before the data
EXTENSIONS = {  # format -> what the names of such files end with
    "DICOM": ("dcm", "dicom", "dic"),
    "JPEG": ("jpg", "jpeg", "jpe", "jfif", "mpo"),
    "PNG": ("png", "apng"),
    "GIF": ("gif",),
    "TIFF": ("tif", "tiff"),
    "BMP": ("bmp", "dib"),
    "WEBP": ("webp",),
    "JPEG2000": ("jp2", "j2k", "j2c", "jpc", "jpf", "jpx"),
    "HEIC": ("heic", "heif"),
    "AVIF": ("avif",),
    "NPY": ("npy",),
    "PPM": ("pgm", "ppm", "pnm"),
    "JPEG XL": ("jxl",),  # which nothing here decodes
}
PILLOW_FORMATS = (
    "JPEG",
    "PNG",
    "GIF",
    "TIFF",
    "BMP",
    "WEBP",
    "AVIF",
    "PPM",
)  # all that Pillow may open in this project
OTHER_FORMATS = (
    Format("ZIP", "application/zip", "zip", ((0, b"PK\x03\x04"),)),
    Format("ZIP", "application/zip", "zip", ((0, b"PK\x05\x06"),)),  # without members
    Format("GZIP", "application/gzip", "gz", ((0, b"\x1f\x8b"),)),
    Format("JPEG XL", "image/jxl", "jxl", ((0, b"\xff\x0a"),)),
    Format("JPEG XL", "image/jxl", "jxl", ((0, b"\x00\x00\x00\x0cJXL \r\n\x87\n"),)),
    Format("PDF", "application/pdf", "pdf", ((0, b"%PDF-"),)),
    Format("TAR", "application/x-tar", "tar", ((257, b"ustar"),)),
    Format("7Z", "application/x-7z-compressed", "7z", ((0, b"7z\xbc\xaf\x27\x1c"),)),
    Format("RAR", "application/vnd.rar", "rar", ((0, b"Rar!\x1a\x07"),)),
    Format("MP4", "video/mp4", "mp4", ((4, b"ftyp"),)),  # after AVIF and HEIC, which begin like it
)
FILM_BRANDS = {b"avif": AVIF, b"avis": AVIF, b"heic": HEIC, b"heix": HEIC, b"heim": HEIC, b"heis": HEIC, b"hevc": HEIC}
FIRST_GROUPS = (0x0002, 0x0004, 0x0008)  # a DICOM file begins with one of these groups
VALUE_KINDS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV".split()
)
LONG_KINDS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())  # length of 4 bytes after 2 reserved ones


def image_format(head: bytes) -> Format | None:
    """The image format of a file that begins with ``head`` (:data:`HEAD_BYTES` suffice), or None."""
    if known := next((known for known in IMAGE_FORMATS if known.begins(head)), None):
        return known
    return _iso_media(head) or (BARE_DICOM if is_bare_dicom(head) else None)


def other_format(head: bytes) -> Format | None:
    """The format of a file that is known but not an image (an archive, a document, a video), or None."""
    return next((known for known in OTHER_FORMATS if known.begins(head)), None)


def is_bare_dicom(head: bytes) -> bool:
    """Does a file begin directly with DICOM data elements, as exports without a preamble do?"""
    if head.startswith(b"DICM"):
        return True
    return any(_begins_with_elements(head, order) for order in "<>")


def content_type(head: bytes) -> tuple[str, str]:
    """(content type, extension without dot) of a file that begins with ``head`` (:data:`HEAD_BYTES` suffice)."""
    if not head:
        return "application/x-empty", "bin"
    if known := image_format(head) or other_format(head):
        return known.content_type, known.extension
    return _text_type(head) or ("application/octet-stream", "bin")


def may_be_image(kind: str) -> bool:
    """May content of this type be an image? An unknown binary may: decoding decides."""
    return kind.startswith("image/") or kind in IMAGE_TYPES


def _iso_media(head: bytes) -> Format | None:
    """AVIF or HEIC, from the brands of the first box (ISO/IEC 14496-12)."""
    if head[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[start : start + 4] for start in range(16, end, 4))]
    return next((FILM_BRANDS[brand] for brand in brands if brand in FILM_BRANDS), None)


def _begins_with_elements(head: bytes, order: str) -> bool:
    """Do the first bytes parse as two or three DICOM elements with rising tags?"""
    tags: list[tuple[int, int]] = []
    for group, element, is_sound in islice(_elements(head, order), 3):
        if not is_sound or (tags and (group, element) <= tags[-1]):
            return False
        tags.append((group, element))
    return len(tags) > 1 and tags[0][0] in FIRST_GROUPS


def _elements(head: bytes, order: str) -> Iterator[tuple[int, int, bool]]:
    """(group, element, whether kind and length are possible) of the elements at the start of ``head``."""
    start = 0
    while start + 12 <= len(head):
        group, element = struct.unpack_from(f"{order}HH", head, start)
        kind = head[start + 4 : start + 6]
        if kind in LONG_KINDS:
            (length,), size = struct.unpack_from(f"{order}I", head, start + 8), 12
        elif kind in VALUE_KINDS:
            (length,), size = struct.unpack_from(f"{order}H", head, start + 6), 8
        else:
            (length,), size = struct.unpack_from(f"{order}I", head, start + 4), 8
        yield group, element, length == 0xFFFFFFFF or (length % 2 == 0 and length < 1 << 16)
        start += size + length


def _text_type(head: bytes) -> tuple[str, str] | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    start = text[:64].lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<!--")) or b"<html" in head.lower():
        return "text/html", "html"
    if start.startswith((b"<?xml", b"<svg", b"<error")):
        return "text/xml", "xml"
    if text and not text.translate(None, _TEXT):
        return ("application/json", "json") if text[:1] in b"{[" else ("text/plain", "txt")
    return None
