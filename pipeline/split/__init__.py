"""Split the kept films into train, val, test and external; patients and duplicates stay together.

Reads data/manifest/. Writes data/splits.parquet. Excludes nothing.
"""
