"""The origin under a profile, that is, what answers the requests: the live web, a mirror, or the sandbox."""

import os
from pathlib import Path

from pipeline.core.layout import Layout
from pipeline.core.params import Params
from sources.core.errors import CxnetError
from sources.core.origin import LIVE, SANDBOX

MIRROR_VARIABLE = "CXNET_MIRROR"


def origin(params: Params) -> str:
    """The name of the origin; files of one origin are never used for another."""
    if params.mirror is None:
        return LIVE
    if params.mirror == SANDBOX:
        return f"{SANDBOX}, seed {params.sandbox.seed}, {params.sandbox.films} films"
    return "mirror"


def mirror_folder(layout: Layout, params: Params) -> Path | None:
    """The folder that answers instead of the web, or None for the live web.

    ``CXNET_MIRROR`` replaces the folder in the profile, but has no effect on the sandbox or the live web.

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
