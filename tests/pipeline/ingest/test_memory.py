"""A worker stays below 1.5 GB whatever file it is given, within the limits on size."""

import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from dicom_files import dicom

WORKER = """
import resource, sys
from pathlib import Path
from upath import UPath
from pipeline.core.params import IngestParams
from pipeline.decoding import guarded
from pipeline.ingest.intake import Task, ingest_image

result = ingest_image(Task(("a", "b"), UPath(sys.argv[1])), IngestParams())
helper = getattr(guarded._own, "helper", None)
if helper is not None:
    helper.end()
status = Path("/proc/self/status").read_text().split()  # getrusage would count the process that started this one
own = int(status[status.index("VmHWM:") + 1])
print(max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) // 1000)
print(result.reason)
"""
MOST_MB = 1500


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, bits: int, color: int, samples: int) -> bytes:
    """A picture of stripes, compressed row by row."""
    machine = zlib.compressobj(1)
    row = (np.arange(width * samples * bits // 8) // 97).astype(np.uint8).tobytes()
    rows = b"".join(machine.compress(b"\0" + row) for _ in range(height)) + machine.flush()
    head = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def tile_bomb() -> bytes:
    """100 x 100 pixels in one tile of 46,000 x 46,000."""
    tags = {256: 100, 257: 100, 258: 8, 259: 8, 262: 1, 277: 1, 322: 46_000, 323: 46_000, 324: 8, 325: 900}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    content = zlib.compress(bytes(900_000), 9).ljust(900, b"\0")
    return b"II*\0" + struct.pack("<I", 8 + len(content)) + content + struct.pack("<H", len(tags)) + entries + bytes(4)


def chunk_bomb() -> bytes:
    data = png(100, 100, 8, 0, 1)
    return data[:33] + chunk(b"teXt", b"") * 1_000_000 + data[33:]


FILES = {
    "a tile that is larger than its picture": (tile_bomb, "46000 x 46000 pixels, more than 100 megapixels"),
    "16 bits with alpha": (lambda: png(9999, 9999, 16, 6, 0), "9999 x 9999 pixels of 4 x 16 bits, more than 400 MB"),
    "a million chunks": (chunk_bomb, "PNG file with more than 200,000 chunks"),
    "the largest color film": (lambda: png(9999, 9999, 8, 2, 3), "None"),
    "the largest detector film": (
        lambda: dicom(np.tile(np.arange(8000, dtype=np.uint16), (8000, 1)), 16, PixelPaddingValue=0),
        "None",
    ),
}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the size of a process is measured as on Linux")
@pytest.mark.parametrize("name", FILES)
def test_a_worker_stays_small(name, tmp_path):
    make, reason = FILES[name]
    path = tmp_path / "film"
    path.write_bytes(make())
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(part or "." for part in sys.path)}
    done = subprocess.run([sys.executable, "-c", WORKER, path], capture_output=True, text=True, env=environment)
    used, outcome = done.stdout.splitlines()
    assert outcome == reason
    assert int(used) < MOST_MB
