"""Decode every fetched image once into the pool, and measure its quality.

Reads data/raw/. Writes data/pool/: 8-bit gray PNG pictures, set upright, with measurements and quality flags. Excludes
images that were not fetched, and images that cannot be decoded or cannot be films.
"""
