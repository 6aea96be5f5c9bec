"""Weights that others trained: read as arrays, without running anything that a file holds."""
