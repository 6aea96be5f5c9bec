"""Match the histograms of the chosen sources to a reference, as tone curves.

Reads data/pool/, data/dedupe.parquet, data/views.parquet and curation/decisions.csv. Writes data/harmonise.parquet.
Excludes nothing.
"""
