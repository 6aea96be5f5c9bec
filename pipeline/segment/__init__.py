"""Find the lungs of each film: the box to crop it to, their share, and how far the mask can be trusted.

Reads the pool and the tables of dedupe and views. Writes data/segment.parquet: box, share, quality and mask of every
film that is not excluded so far. Excludes nothing: where no plausible lungs are found, the box is the whole film.
"""
