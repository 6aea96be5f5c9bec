"""Signals that ask the program to end (batch system, container, closed terminal): each cleans up as ctrl-C does."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

REPEAT_S = 5.0  # a signal that is repeated sooner does not disturb the cleaning up


@dataclass
class Ending:
    """What asked this process to end: the first signal that was heard, None where ctrl-C did or nothing yet."""

    number: signal.Signals | None = None

    @property
    def exit_code(self) -> int:
        """The exit code that shells and batch systems expect after this signal."""
        return 128 + (self.number or signal.SIGINT)

    def __str__(self) -> str:
        cause = f"Ended by {self.number.name}" if self.number else "Interrupted"
        return f"{cause}. Nothing is half-written; run the same command again to continue."


@contextmanager
def ending_as_interrupts() -> Iterator[Ending]:
    """Let SIGTERM and SIGHUP raise ``KeyboardInterrupt``; signals that the process ignores (``nohup``) stay ignored."""
    ending = Ending()
    heard_at = 0.0

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal heard_at
        now = time.monotonic()
        if ending.number is not None and now - heard_at < REPEAT_S:
            return
        heard_at = now
        ending.number = ending.number or signal.Signals(number)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # only the main thread may set handlers
        yield ending
        return
    usual = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is signal.SIG_DFL]
    for number in usual:
        signal.signal(number, interrupt)
    try:
        yield ending
    finally:
        for number in usual:
            signal.signal(number, signal.SIG_DFL)
