"""Which world a profile runs in: the drawn sandbox, a folder in mirror layout, or the live web."""

import os
from pathlib import Path

from pipeline.core.layout import Layout
from pipeline.core.params import Params
from sources.core.errors import CxnetError

SANDBOX = "sandbox"
MIRROR_VARIABLE = "CXNET_MIRROR"
EMPTY_NOTE = "README.txt"  # DVC warns of an empty folder at every stage that depends on it


def mirror_folder(layout: Layout, params: Params) -> Path | None:
    """The folder that answers instead of the web, or None for the live web.

    ``CXNET_MIRROR`` takes the place of the profile's folder, but turns neither the sandbox nor the live web into one.

    Raises:
        CxnetError: the folder does not exist.
    """
    if params.mirror is None:
        return None
    if params.mirror == SANDBOX:
        folder, remedy = Path(layout.sandbox.path), "draw it with `cxnet-data sandbox`"
    else:
        folder = Path(os.environ.get(MIRROR_VARIABLE) or params.mirror)
        remedy = f"set {MIRROR_VARIABLE} to a folder in mirror layout, or choose another profile"
    if not folder.is_dir():
        raise CxnetError(f"The mirror folder {folder} of profile '{params.profile}' does not exist; {remedy}.")
    return folder


def draw_sandbox(layout: Layout, params: Params) -> str:
    """Draw the sandbox if the profile runs on it; else leave a folder that says so, as the stage needs an output."""
    folder = Path(layout.sandbox.path)
    if params.mirror != SANDBOX:
        folder.mkdir(parents=True, exist_ok=True)
        if not any(folder.iterdir()):
            (folder / EMPTY_NOTE).write_text("Nothing is drawn here unless the active profile is `sandbox`.\n")
        return f"not used by profile '{params.profile}'"
    from sources.sandbox.draw import draw

    draw(folder, seed=params.sandbox.seed, films=params.sandbox.films)
    count = sum(1 for _ in (folder / "truth" / "films.csv").open(encoding="utf-8")) - 1
    return f"{count:,} films of all sources drawn in {folder}"
