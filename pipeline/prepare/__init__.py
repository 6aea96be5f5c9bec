"""Write the model inputs of one size as a memory map: resized, tone curve applied, with enhancement channels.

Reads data/manifest/ and data/splits.parquet. Writes data/arrays/‹size›/. Excludes nothing.
"""
