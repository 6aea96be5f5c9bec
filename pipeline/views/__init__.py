"""Tell frontal films from laterals, CT slices and figures, and exclude the latter.

Reads data/pool/ and data/dedupe.parquet. Writes data/views.parquet. Excludes what is not frontal.
"""
