"""Tell frontal films from laterals, CT slices and figures, and exclude the latter.

Reads data/pool/ and data/dedupe.parquet. Writes data/views.parquet: the view of every row, from its source or from the
picture. Excludes what is not a frontal chest film, and films whose source and picture clearly disagree.
"""
