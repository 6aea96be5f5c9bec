"""List one source and download its files.

Reads the web, or an offline copy of it. Writes data/raw/<source>/. Excludes nothing.
"""
