"""The origin that answers requests under a profile: the sandbox, a folder in mirror layout, or the live web."""

import os
from pathlib import Path

from pipeline.core.layout import Layout
from pipeline.core.params import Params
from sources.core.errors import CxnetError

SANDBOX = "sandbox"
MIRROR_VARIABLE = "CXNET_MIRROR"


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
