"""File formats, recognized by their first bytes: a file's name or a server's header may be wrong."""

from dataclasses import dataclass

HEAD_BYTES = 512  # enough of a file to recognize its format
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
    Format("BMP", "image/bmp", "bmp", ((0, b"BM"),)),
    Format("WEBP", "image/webp", "webp", ((0, b"RIFF"), (8, b"WEBP"))),
)
OTHER_FORMATS = (
    Format("ZIP", "application/zip", "zip", ((0, b"PK\x03\x04"),)),
    Format("ZIP", "application/zip", "zip", ((0, b"PK\x05\x06"),)),  # without members
    Format("GZIP", "application/gzip", "gz", ((0, b"\x1f\x8b"),)),
    Format("PDF", "application/pdf", "pdf", ((0, b"%PDF-"),)),
    Format("TAR", "application/x-tar", "tar", ((257, b"ustar"),)),
)


def image_format(head: bytes) -> Format | None:
    """The image format of a file that begins with ``head`` (132 bytes suffice), or None."""
    return next((known for known in IMAGE_FORMATS if known.begins(head)), None)


def content_type(head: bytes) -> tuple[str, str]:
    """(content type, extension without dot) of a file that begins with ``head`` (:data:`HEAD_BYTES` suffice)."""
    if not head:
        return "application/x-empty", "bin"
    for known in (*IMAGE_FORMATS, *OTHER_FORMATS):
        if known.begins(head):
            return known.content_type, known.extension
    return _text_type(head) or ("application/octet-stream", "bin")


def may_be_image(kind: str) -> bool:
    """May content of this type be an image? An unknown binary may: decoding decides."""
    return kind.startswith("image/") or kind in ("application/dicom", "application/octet-stream")


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
