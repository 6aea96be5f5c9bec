"""Join all decisions into the manifest, and the kept films into image shards.

Reads data/pool/, the tables before it and curation/decisions.csv. Writes data/manifest/. Excludes labels and flags
that the profile leaves out, films of children, and what a person excluded.
"""
