"""Decode costly or fragile files in a helper process, which may take too long, fill its memory or crash.

Ordinary JPEG and PNG files are decoded in the calling process. Others (JPEG 2000, JPEG Lossless, HEIC, huge pictures)
go through a pipe to a helper, ``python -m pipeline.decoding.guarded``, which a process starts when it first needs one
and keeps. A helper that exceeds the time limit is ended, whatever C code it is in; one that crashes is replaced. Either
way the file gets a reason, and the run goes on. What counts is processor time, so that a busy machine reads the same
films as an idle one; only a decoder that hangs is ended by the clock. A helper ends when its caller does, since its
pipe closes.
"""

import atexit
import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import threading
from typing import IO, Any

import numpy as np

from pipeline.decoding.contract import BadImage, CostlyImage, Limits
from pipeline.decoding.decode import Decoded, decode, decode_within, sniff

MAX_SECONDS = 60.0  # of processor time for one film; a real one takes a second or two
MOST_WAITING = 20.0  # times that limit may pass on the clock: a decoder that is not done by then hangs
TOO_LATE = (-signal.SIGPROF, -signal.SIGALRM)  # exit codes of a helper that exceeds one of both
SPARE_MEMORY = 1_200_000_000  # bytes that a helper may use beyond what it has when it starts
LENGTHS = struct.Struct("<IQ")  # bytes of the JSON part and of the rest of a message
_own = threading.local()  # each thread has a helper of its own


def decode_guarded(data: bytes, *, max_megapixels: float, max_seconds: float = MAX_SECONDS) -> Decoded:
    """Decode one image file as :func:`pipeline.decoding.decode.decode` does, in a helper process if it is costly.

    Args:
        data: the whole file as received.
        max_megapixels: larger images are refused from their header.
        max_seconds: limit of processor time for files that the helper decodes.

    Raises:
        BadImage: as in ``decode``; or decoding takes too long, too much memory, or crashes the decoder.
    """
    try:
        return decode_within(data, Limits(max_megapixels, has_helper=True))
    except CostlyImage:
        pass  # beyond this clause, what was read to find that out is freed: a helper takes much memory, too
    return _ask_helper(data, max_megapixels, max_seconds)


def _ask_helper(data: bytes, max_megapixels: float, max_seconds: float) -> Decoded:
    helper: Helper | None = getattr(_own, "helper", None)
    if helper is None or not helper.is_usable:
        helper = _own.helper = Helper()
    try:
        answer, pixels = helper.ask({"max_megapixels": max_megapixels, "max_seconds": max_seconds}, data)
    except (OSError, EOFError) as error:
        if helper.end() in TOO_LATE:
            raise BadImage(f"decoding takes more than {max_seconds:g} s") from error
        raise BadImage(f"damaged {sniff(data)} file (its decoder crashes)") from error
    except BaseException:  # interrupted in mid-message: this helper cannot be asked again
        helper.end()
        raise
    if "reason" in answer:
        raise BadImage(answer["reason"])
    gray = np.frombuffer(pixels, np.uint8).reshape(answer.pop("shape"))
    return Decoded(gray, **answer | {"warnings": tuple(answer["warnings"])})


class Helper:
    """A helper process, and the two pipes to it."""

    def __init__(self) -> None:
        paths = os.pathsep.join(path or "." for path in sys.path)  # it must find this package, installed or not
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.decoding.guarded"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": paths},
        )
        self._owner = os.getpid()
        atexit.register(self.end)

    @property
    def is_usable(self) -> bool:
        """Whether it runs, and was started by this process: a forked one must not share its pipes."""
        return self._owner == os.getpid() and self._process.poll() is None

    def ask(self, head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        """Send a message and wait for the answer.

        Raises:
            OSError, EOFError: the helper has ended.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        _send(self._process.stdin, head, body)
        return _receive(self._process.stdout)

    def end(self) -> int:
        """End the process, whatever it does, and return its exit code; one that ended by itself keeps its own."""
        atexit.unregister(self.end)
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                assert pipe is not None
                pipe.close()
        return self._process.wait()


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Decode file after file until the caller closes the pipe. Runs in the helper process."""
    while True:
        try:
            head, data = _receive(requests)
        except EOFError:
            return
        _send(answers, *_answer(head, data))
        del head, data  # while it waits, a helper holds no picture


def _answer(head: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes | memoryview]:
    """The answer to one request: what ``decode`` returns, or the reason why it cannot."""
    _limit_time(head["max_seconds"])
    try:
        decoded = decode(data, max_megapixels=head["max_megapixels"])
    except BadImage as error:
        return {"reason": str(error)}, b""
    finally:
        _limit_time(0)
    fields = {name: value for name, value in vars(decoded).items() if name != "gray"}
    return fields | {"shape": decoded.gray.shape}, np.ascontiguousarray(decoded.gray).data.cast("B")


def _limit_time(seconds: float) -> None:
    """Let the system end this process after so much processor time, or a multiple of it on the clock; 0: never."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, MOST_WAITING * seconds)


def _send(pipe: IO[bytes], head: dict[str, Any], body: bytes | memoryview) -> None:
    text = json.dumps(head).encode()
    pipe.write(LENGTHS.pack(len(text), len(body)) + text)
    pipe.write(body)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    lengths = _exactly(pipe, LENGTHS.size)
    text_bytes, body_bytes = LENGTHS.unpack(lengths)
    return json.loads(_exactly(pipe, text_bytes)), _exactly(pipe, body_bytes)


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    content = pipe.read(size)
    if len(content) < size:
        raise EOFError
    return content


def _limit_memory() -> None:
    """Make an allocation beyond the limit fail, where the system can do that."""
    try:
        import resource

        with open("/proc/self/statm") as file:  # noqa: PTH123 - no path of ours
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + SPARE_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    except (ImportError, OSError, ValueError):
        return


def main() -> None:
    """Serve on the standard streams."""
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C is answered by the caller
    cv2.setNumThreads(1)  # the callers are the parallelism
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a decoder prints must not come between the answers
    _limit_memory()
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
