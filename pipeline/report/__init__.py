"""Write reports/index.html: funnel, films, duplicates, splits and model figures on one page.

Reads data/ and what the evaluations wrote to reports/. Excludes nothing.
"""
