"""Measurements of speed and quality: each script prints a table and writes ``benchmarks/results/<name>.json``.

``same_tables`` measures nothing: it compares the tables of two data folders.
"""
