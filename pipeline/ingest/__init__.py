"""Stage ingest: decode every fetched image once.

Reads data/raw/. Writes data/pool/: gray PNG pictures, put upright, with measurements and quality flags. Excludes
images that the source skipped, that failed to download or that cannot be decoded.
"""
