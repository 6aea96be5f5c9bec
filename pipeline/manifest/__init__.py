"""Stage manifest: join every decision into one table.

Reads the tables of all stages before it and curation/decisions.csv. Writes data/manifest/. Excludes what people
decided to exclude, and what the profile leaves out.
"""
