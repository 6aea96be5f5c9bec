"""``python -m pipeline.cli`` is ``cxnet-data``."""

from pipeline.cli.main import main

main()
