"""What tests share: where the real images are, if they are there."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("project", deadline=None)  # how fast a loaded machine is, is no property of the code
settings.load_profile("project")

REAL_IMAGES = os.environ.get("CXNET_MIRROR")
SHARED = Path(__file__).resolve().parents[2] / "shared"


def real_folder(name: str) -> Path:
    """A folder of real material beside the checkout; the test is skipped where it is absent."""
    folder = Path(REAL_IMAGES) if REAL_IMAGES and name == "mirror" else SHARED / name
    if not folder.is_dir():
        pytest.skip(f"no real images here: {name}/ is not beside the checkout (set CXNET_MIRROR)")
    return folder


@pytest.fixture(autouse=True)
def no_real_images_by_accident(monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer's own CXNET_MIRROR must not take the place of the folder that a test sets."""
    monkeypatch.delenv("CXNET_MIRROR", raising=False)


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The offline mirror with real images."""
    return real_folder("mirror")


@pytest.fixture(scope="session")
def truth() -> Path:
    """Checked truth about the films of the mirror."""
    return real_folder("truth")


@pytest.fixture(scope="session")
def real() -> Callable[[str], Path]:
    """Finds a folder of real material beside the checkout by name, and skips the test where it is absent."""
    return real_folder


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Bytes that are no text have their length as id: packed ones differ by the second, which confuses xdist."""
    if isinstance(val, bytes) and not (val.isascii() and val.decode("ascii").isprintable()):
        return f"{argname} of {len(val)} bytes"
    return None
