"""Stage contradictions: list labels that other evidence contradicts.

Reads data/manifest/, data/conflicts.parquet and data/arrays/. Writes data/contradictions.parquet. Changes nothing.
"""
