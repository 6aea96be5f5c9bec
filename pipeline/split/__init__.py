"""Stage split: assign films to train, val, test and external.

Reads data/manifest/. Writes data/splits.parquet. Patients and duplicates stay together.
"""
