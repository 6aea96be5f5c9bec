"""Write the manifest, a table of all rows with all columns, and the kept films with their pictures.

Reads data/pool/, the tables of earlier stages and curation/decisions.csv. Writes data/manifest/. Excludes labels and
flags that the profile does not keep, films of children, and what a person excluded.
"""
