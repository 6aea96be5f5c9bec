"""Small files that ask for much, and the largest plain ones: each is refused or read in little memory and time."""

import gzip
import io
import resource
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from benchmarks.pipeline import PROJECT, PeakMemory
from benchmarks.trials import Tally

MOST_MB = 1500
MOST_S = 60.0
DECODE = (
    "from pipeline.decoding.contract import BadImage as Refused; from pipeline.decoding.guarded import decode_guarded",
    "decode_guarded(path.read_bytes(), max_megapixels=100)",
)
ARCHIVE = (
    "from sources.core.errors import CxnetError as Refused; from sources.reading.archive import read_members",
    "list(read_members(path, ['a']))",
)
TABLE = (
    "from sources.core.errors import CxnetError as Refused; from sources.reading.tables import read_rows",
    "read_rows(path.read_bytes(), ['c0'], 'a.csv')",
)
PROGRAM = """
import sys
from pathlib import Path
{imports}
path = Path(sys.argv[1])
try:
    {call}
except Refused as error:
    pass
"""


def trials(quick: bool) -> dict[str, Tally]:
    """Read every bomb in a process of its own."""
    tally = Tally()
    for name, content, reader in _bombs(quick):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(content)
            tally.add(_problem(path, reader))
    return {"bombs": tally}


def _problem(path: Path, reader: tuple[str, str]) -> str | None:
    limit = 4 * MOST_MB << 20
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(imports=reader[0], call=reader[1]), str(path)],
        cwd=PROJECT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        stderr=subprocess.PIPE,
        text=True,
    )
    peak = PeakMemory(process.pid)
    try:
        _, errors = process.communicate(timeout=MOST_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return f"{path.name}: more than {MOST_S:.0f} s"
    finally:
        megabytes = peak.stop()
    if process.returncode:
        return f"{path.name}: ended with {process.returncode} ({errors.strip()[-200:]})"
    seconds = time.perf_counter() - began
    return None if megabytes < MOST_MB else f"{path.name}: {megabytes:,.0f} MB, {seconds:.0f} s"


def _bombs(quick: bool) -> list[tuple[str, bytes, tuple[str, str]]]:
    """Name, content and reader of each bomb."""
    wide = ",".join(f"c{number}" for number in range(100_000 if quick else 1_000_000))
    return [
        ("tile.tif", tiled_tiff(46_000), DECODE),
        ("scans.jpg", jpeg_of_scans(500 if quick else 20_000), DECODE),
        ("name.tar.gz", long_name_tar(200 if quick else 2_000), ARCHIVE),
        ("members.zip", zip_of(1_200_000, 8), ARCHIVE),
        ("names.zip", zip_of(1_000 if quick else 15_000, 60_000), ARCHIVE),
        ("gray.tif", plain_tiff(2_000 if quick else 9_900), DECODE),
        ("gray.dcm", plain_dicom(2_000 if quick else 9_900), DECODE),
        ("gray.dcm.gz", gzip.compress(plain_dicom(2_000 if quick else 9_900), 1), DECODE),
        ("samples.png", deep_png(1_000 if quick else 9_999), DECODE),
        ("wide.csv", f"{wide}\n{wide}\n".encode(), TABLE),
    ]


def plain_tiff(side: int) -> bytes:
    """An uncompressed TIFF of 16 bits: no bomb, but as large as files may be."""
    content = io.BytesIO()
    Image.fromarray(_noise(side)).save(content, "TIFF")
    return content.getvalue()


def plain_dicom(side: int) -> bytes:
    """An uncompressed DICOM file of 12 bits."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    film = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    film.Rows = film.Columns = side
    film.SamplesPerPixel, film.PhotometricInterpretation, film.PixelRepresentation = 1, "MONOCHROME2", 0
    film.BitsAllocated, film.BitsStored, film.HighBit = 16, 12, 11
    film.PixelData = _noise(side).tobytes()
    content = io.BytesIO()
    film.save_as(content, enforce_file_format=True)
    return content.getvalue()


def _noise(side: int) -> npt.NDArray[np.uint16]:
    return np.random.default_rng(0).integers(0, 4096, (side, side), np.uint16)


def tiled_tiff(tile: int) -> bytes:
    """A gray TIFF of 100 x 100 pixels in one compressed tile of ``tile`` x ``tile``."""
    content = zlib.compress(bytes(1 << 16))
    tags = [(256, 100), (257, 100), (258, 8), (259, 8), (262, 1), (277, 1), (322, tile), (323, tile)]
    tags += [(324, 8), (325, len(content))]
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    head = struct.pack("<2sHI", b"II", 42, 8 + len(content))
    return head + content + struct.pack("<H", len(tags)) + directory + struct.pack("<I", 0)


def deep_png(side: int) -> bytes:
    """An empty PNG of ``side`` x ``side`` pixels with four samples of 16 bits."""
    packer = zlib.compressobj(1)
    rows = b"".join(packer.compress(bytes(1 + 8 * side)) for _ in range(side)) + packer.flush()
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", side, side, 16, 6, 0, 0, 0)), (b"IDAT", rows), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def jpeg_of_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan is repeated."""
    noise = np.random.default_rng(0).integers(0, 256, (256, 256)).astype(np.uint8)
    data = cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + data[-2:]


def long_name_tar(megabytes: int) -> bytes:
    """A tar.gz whose first member has a GNU long name of so many megabytes."""
    header = bytearray(512)
    header[:13] = b"././@LongLink"
    header[124:136] = f"{megabytes << 20:011o}\0".encode()
    header[100:108], header[156:157], header[257:265] = b"0000644\0", b"L", b"ustar  \0"
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    content = io.BytesIO()
    with gzip.GzipFile(fileobj=content, mode="wb", compresslevel=1, mtime=0) as file:
        file.write(header)
        for _ in range(megabytes):
            file.write(b"a" * (1 << 20))
        file.write(b"\0" * 1024)
    return content.getvalue()


def zip_of(members: int, length: int) -> bytes:
    """A zip archive with a directory of so many members, all at one place, whose names have so many characters."""
    head = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, length, 0, 0, 0, 0, 0, 0)
    directory = b"".join(head + b"%0*d" % (length, number) for number in range(members))
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 33, 0, 0, 0, 0, 0)
    wide = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, members, members, len(directory), len(local))
    place = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(local) + len(directory), 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return local + directory + wide + place + end
