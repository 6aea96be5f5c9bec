"""Decode every fetched image once into the pool, and measure its quality.

Reads data/raw/. Writes data/pool/: gray PNG pictures, put upright, with measurements and flags. Excludes images that
the source skips, that could not be fetched or that cannot be decoded.
"""
