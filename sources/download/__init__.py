"""Bring files into data/raw/<source>/ and write one row about each image."""
