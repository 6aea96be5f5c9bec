import pytest

from pipeline.cli import fetch_console
from pipeline.cli.fetch_console import Bars
from sources.core.source import get_source


@pytest.fixture
def bar_texts(monkeypatch):
    """What the bars show, with whether it is bar_texts at once."""
    shown = []

    class Bar:
        def __init__(self, **options):
            shown.append((options["desc"], options["total"]))

        def set_postfix_str(self, text, refresh):
            shown.append((text, refresh))

        def close(self):
            pass

    monkeypatch.setattr(fetch_console, "tqdm", Bar)
    return shown


def test_the_bar_shows_bytes_while_no_image_is_finished(bar_texts):
    times = iter([0.0, 0.1, 0.5, 0.6, 2.0])
    with Bars(["nih"], clock=lambda: next(times)) as bars:
        watcher = bars.watch(get_source("nih"))
        watcher.phase("fetching", 7)
        for _ in range(4):
            watcher.bytes(1_000_000)
    assert bar_texts == [
        ("nih: fetching", 7),
        ("1.0 MB, 5.0 MB/s", False),
        ("2.0 MB, 4.0 MB/s", True),
        ("3.0 MB, 5.0 MB/s", False),
        ("4.0 MB, 2.0 MB/s", True),
    ]
