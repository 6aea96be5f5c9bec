"""Stage prepare: make model inputs of one size.

Reads data/manifest/ and data/splits.parquet. Writes data/arrays/<size>/.
"""
