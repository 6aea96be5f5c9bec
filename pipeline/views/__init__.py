"""Stage views: tell frontal films from laterals and from anything else.

Reads data/pool/ and data/dedupe.parquet. Writes data/views.parquet. Excludes what is not frontal.
"""
