"""The sandbox: a synthetic offline copy of every source, with the truth about each file beside it."""
