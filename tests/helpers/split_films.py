"""Handmade films through manifest and split, to test what comes behind."""

from handmade import lay_out, options
from upath import UPath

from pipeline.core.layout import Layout
from pipeline.core.params import ManifestParams, SplitParams
from pipeline.manifest import stage as manifest
from pipeline.split import stage as split


def laid_out(root, rows):
    """A layout with manifest and splits of ``rows``."""
    layout = Layout.at(UPath(root))
    lay_out(layout, rows, through="harmonise")
    manifest.run(layout, options(manifest=ManifestParams(shard_rows=3)))
    split.run(layout, options(split=SplitParams()))
    return layout
