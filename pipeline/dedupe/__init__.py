"""Find films that show the same exposure, prove it, and keep the best one of each cluster.

Reads data/pool/. Writes data/dedupe.parquet, duplicates.parquet and conflicts.parquet. Excludes all but one film of
each cluster.
"""
