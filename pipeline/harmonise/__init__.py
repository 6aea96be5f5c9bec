"""Match the histograms of the chosen sources to a reference, as tone curves.

Reads data/pool/ and the tables before it. Writes data/harmonise.parquet. Excludes nothing.
"""
