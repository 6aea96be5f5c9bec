"""Decide which view each film shows, and exclude what is not a frontal film.

Reads data/pool/ and data/dedupe.parquet. Writes data/views.parquet: the view of every row, from its source or from the
picture. Excludes lateral films, CT slices and figures, and films whose source and picture clearly disagree.
"""
