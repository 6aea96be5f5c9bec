"""Stage harmonise: match histograms to a reference, as one tone curve per film.

Reads data/pool/, data/dedupe.parquet and data/views.parquet. Writes data/harmonise.parquet. Excludes nothing.
"""
