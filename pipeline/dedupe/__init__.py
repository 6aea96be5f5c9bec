"""Stage dedupe: find films that show the same exposure, and prove it.

Reads data/pool/. Writes data/dedupe.parquet, data/duplicates.parquet and data/conflicts.parquet. Excludes all but
one film of each cluster.
"""
