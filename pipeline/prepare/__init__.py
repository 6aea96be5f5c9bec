"""Make the model inputs of one size: resize, tone curve and enhancement channels, as memory maps.

Reads data/manifest/ and data/splits.parquet. Writes data/arrays/<size>/. Excludes nothing.
"""
