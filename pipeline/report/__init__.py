"""Write reports/index.html, one page with the funnel, films, duplicates, splits and model figures.

Reads data/ and what the evaluations wrote to reports/. Excludes nothing.
"""
