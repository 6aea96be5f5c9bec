"""What a file is, from its first bytes: a name or a server's word may be wrong."""

IMAGES = (
    (b"\xff\xd8\xff", "image/jpeg", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
    (b"GIF87a", "image/gif", "gif"),
    (b"GIF89a", "image/gif", "gif"),
    (b"II*\x00", "image/tiff", "tif"),
    (b"MM\x00*", "image/tiff", "tif"),
    (b"BM", "image/bmp", "bmp"),
)
ARCHIVES = ((b"PK\x03\x04", "application/zip", "zip"), (b"\x1f\x8b", "application/gzip", "gz"))
OTHERS = ((b"%PDF-", "application/pdf", "pdf"), (b"PK\x05\x06", "application/zip", "zip"))
HEAD_BYTES = 512
TEXT = bytes(range(32, 127)) + b"\t\n\r\f"


def sniff(head: bytes) -> tuple[str, str]:
    """(content type, extension without dot) of a file that begins with ``head`` (512 bytes suffice)."""
    if not head:
        return "application/x-empty", "bin"
    for magic, kind, extension in (*IMAGES, *ARCHIVES, *OTHERS):
        if head.startswith(magic):
            return kind, extension
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp", "webp"
    if head[128:132] == b"DICM":
        return "application/dicom", "dcm"
    if head[257:262] == b"ustar":
        return "application/x-tar", "tar"
    return _text(head) or ("application/octet-stream", "bin")


def is_picture(kind: str) -> bool:
    """May content of this type be an image file (an unknown binary may: decoding decides)?"""
    return kind.startswith("image/") or kind in ("application/dicom", "application/octet-stream")


def _text(head: bytes) -> tuple[str, str] | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    lower = text[:64].lower()
    if lower.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<!--")) or b"<html" in head.lower():
        return "text/html", "html"
    if lower.startswith((b"<?xml", b"<svg", b"<error")):
        return "text/xml", "xml"
    if not text.translate(None, TEXT) and text:
        return ("application/json", "json") if text[:1] in b"{[" else ("text/plain", "txt")
    return None
