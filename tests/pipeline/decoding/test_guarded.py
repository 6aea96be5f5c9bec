import gzip
import io
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc

import cv2
import numpy as np
import openjpeg
import psutil
import pytest
from dicom_files import RAMP, compressed
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_frames
from pydicom.filereader import dcmread
from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1

from pipeline.decoding import guarded
from pipeline.decoding.contract import MAX_EFFORT, BadImage, CostlyImage, Limits
from pipeline.decoding.decode import decode, decode_within
from pipeline.decoding.guarded import Helper, decode_guarded

NOISE = np.random.default_rng(0).integers(0, 4096, (400, 400)).astype(np.uint16)
J2K = compressed(bytes(openjpeg.encode(NOISE)), NOISE, JPEG2000Lossless, bits=12)


def png() -> bytes:
    file = io.BytesIO()
    Image.fromarray((RAMP >> 4).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def helper() -> Helper | None:
    return getattr(guarded._own, "helper", None)


@pytest.fixture(autouse=True)
def no_helper_from_before():
    if (running := helper()) is not None:
        running.end()
    yield
    if (running := helper()) is not None:
        running.end()


def test_an_ordinary_film_needs_no_helper():
    np.testing.assert_array_equal(decode_guarded(png(), max_megapixels=1).gray, decode(png(), max_megapixels=1).gray)
    assert helper() is None or not helper().is_usable


@pytest.mark.parametrize("data", [J2K, open(get_testdata_file("SC_rgb_jpeg_gdcm.dcm"), "rb").read()])  # noqa: SIM115, PTH123
def test_a_helper_gives_the_same_film(data):
    here, there = decode(data, max_megapixels=1), decode_guarded(data, max_megapixels=1)
    np.testing.assert_array_equal(here.gray, there.gray)
    assert {**vars(here), "gray": 0} == {**vars(there), "gray": 0}


def test_one_helper_decodes_film_after_film_and_passes_reasons_on():
    decode_guarded(J2K, max_megapixels=1)
    first = helper()
    with pytest.raises(BadImage, match="truncated DICOM file"):
        decode_guarded(J2K[:-400], max_megapixels=1)
    decode_guarded(J2K, max_megapixels=1)
    assert helper() is first and first.is_usable


def test_a_helper_that_waits_holds_no_film():
    ramp = np.broadcast_to(np.arange(6200).astype(np.uint8)[:, None, None], (6200, 6200, 4))
    large = cv2.imencode(".png", ramp, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
    decode_guarded(J2K, max_megapixels=50)
    process = psutil.Process(helper()._process.pid)
    before = process.memory_info().rss
    film = decode_guarded(large, max_megapixels=50).gray
    assert process.memory_info().rss - before < film.nbytes


def test_what_the_caller_read_is_freed_before_the_helper_decodes(monkeypatch):
    """Both together must not take what each alone may take."""
    packed = gzip.compress(bytes(openjpeg.encode(NOISE)) + bytes(20_000_000))
    held = []
    ask = guarded._ask_helper
    monkeypatch.setattr(
        guarded, "_ask_helper", lambda *words: (held.append(tracemalloc.get_traced_memory()[0]), ask(*words))[1]
    )
    tracemalloc.start()
    try:
        with pytest.raises(BadImage, match="JPEG 2000"):  # what follows the code stream is too much for it
            decode_guarded(packed, max_megapixels=1)
    finally:
        tracemalloc.stop()
    assert len(held) == 1
    assert held[0] < 5_000_000


def test_a_film_that_takes_too_long_is_a_reason_and_the_next_one_is_read():
    picture = np.random.default_rng(1).integers(0, 4096, (2000, 2000)).astype(np.uint16)
    slow = bytes(openjpeg.encode(picture))
    with pytest.raises(BadImage, match=r"^decoding takes more than 0\.05 s$"):
        decode_guarded(slow, max_megapixels=10, max_seconds=0.05)
    assert decode_guarded(J2K, max_megapixels=1).gray.shape == (400, 400)


WAITING = """
import io, sys, time
from pipeline.decoding import guarded
wait_s, max_seconds = map(float, sys.argv[1:])
decode, requests, answers = guarded.decode, io.BytesIO(), io.BytesIO()
guarded.decode = lambda data, **limits: (time.sleep(wait_s), decode(data, **limits))[1]
guarded._send(requests, {"max_megapixels": 1, "max_seconds": max_seconds}, sys.stdin.buffer.read())
requests.seek(0)
guarded.serve(requests, answers)
answers.seek(0)
print(guarded._receive(answers)[0]["shape"])
"""


def serve_while_the_decoder_waits(wait_s: float, max_seconds: float) -> tuple[str, int]:
    """What a helper prints, and its exit code."""
    words = [sys.executable, "-c", WAITING, str(wait_s), str(max_seconds)]
    done = subprocess.run(words, input=png(), capture_output=True, env=with_path())
    return done.stdout.decode().strip(), done.returncode


def test_only_processor_time_counts_so_that_a_busy_machine_refuses_nothing():
    assert serve_while_the_decoder_waits(2, max_seconds=1) == (str([*RAMP.shape]), 0)


def test_a_decoder_that_hangs_without_using_the_processor_is_ended_as_well():
    printed, exit_code = serve_while_the_decoder_waits(600, max_seconds=0.05)
    assert (printed, exit_code) == ("", -signal.SIGALRM)
    assert exit_code in guarded.TOO_LATE


def test_a_decoder_that_crashes_is_a_reason_and_the_next_one_is_read():
    decode_guarded(J2K, max_megapixels=1)
    threading.Timer(0.0, os.kill, (helper()._process.pid, signal.SIGKILL)).start()
    time.sleep(0.3)
    assert not helper().is_usable
    assert decode_guarded(J2K, max_megapixels=1).gray.shape == (400, 400)


def test_streams_that_make_the_decoder_abort_are_reasons():
    """GDCM ends the whole process on some damaged streams: the run must go on."""
    dataset = dcmread(get_testdata_file("SC_rgb_jpeg_gdcm.dcm"))
    stream = next(generate_frames(dataset.PixelData, number_of_frames=1))
    rng, reasons = np.random.default_rng(5), set()
    for _ in range(60):
        broken = bytearray(stream)
        for place in rng.integers(0, 200, 3):
            broken[place] = rng.integers(0, 256)
        film = compressed(bytes(broken), np.zeros((100, 100, 3), np.uint8), JPEGLosslessSV1)
        try:
            decode_guarded(film, max_megapixels=1)
        except BadImage as error:
            reasons.add(str(error))
    assert "damaged DICOM file (its decoder crashes)" in reasons


def test_too_much_memory_is_a_reason():
    heavy = """
import numpy as np, resource
from pipeline.decoding import guarded
guarded.SPARE_MEMORY = 50_000_000
guarded._limit_memory()
try:
    np.zeros(100_000_000, np.uint8)
except MemoryError:
    print("refused")
"""
    done = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, env=with_path())
    assert done.stdout.strip() == "refused" or not sys.platform.startswith("linux")


def with_path() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}


def test_a_helper_ends_with_its_caller():
    code = """
import sys, time
from pipeline.decoding import guarded
guarded.decode_guarded(sys.stdin.buffer.read(), max_megapixels=1)
print(guarded._own.helper._process.pid, flush=True)
time.sleep(60)
"""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    caller = subprocess.Popen([sys.executable, "-c", code], **pipes, env=with_path())
    caller.stdin.write(J2K)
    caller.stdin.close()
    pid = int(caller.stdout.readline())
    assert psutil.pid_exists(pid)
    caller.kill()
    caller.wait()
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the helper outlives its caller"
        time.sleep(0.05)


def test_an_interrupted_helper_is_not_asked_again(monkeypatch):
    decode_guarded(J2K, max_megapixels=1)
    first = helper()
    monkeypatch.setattr(guarded, "_receive", lambda pipe: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        decode_guarded(J2K, max_megapixels=1)
    assert not first.is_usable


def test_costly_files_are_passed_on_and_only_where_there_is_a_helper():
    limits = Limits(100, has_helper=True)
    with pytest.raises(CostlyImage):
        decode_within(J2K, limits)
    with pytest.raises(CostlyImage):
        limits.check_cost(0, effort=MAX_EFFORT + 1)
    limits.check_cost(0, effort=MAX_EFFORT)
    Limits(100).check_cost(0, effort=1e12, is_fragile=True)
    with pytest.raises(BadImage, match="decoding takes 2,000 MB of memory, more than 1,000 MB"):
        Limits(100).check_cost(2e9, effort=0)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((0, 5, 1, 8), "0 x 5 pixels according to the header"),
        ((2000, 1000, 1, 8), "2000 x 1000 pixels, more than 1 megapixels"),
        ((900, 900, 4, 16), "900 x 900 pixels of 4 x 16 bits, more than 4 MB"),
    ],
)
def test_sizes_are_bounded_in_pixels_and_bytes(size, words):
    with pytest.raises(BadImage) as caught:
        Limits(1).check_size(*size)
    assert str(caught.value) == words
