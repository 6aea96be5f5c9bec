"""Stage report: one self-contained page about a run.

Reads the pool, the manifest, the splits and what evaluation wrote. Writes reports/index.html.
"""
