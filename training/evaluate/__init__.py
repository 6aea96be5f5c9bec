"""Stage evaluate: measure one trained experiment on films that it was not trained on.

Reads data/arrays/<size>/ and models/<experiment>/. Writes reports/<experiment>/ and data/judged/<experiment>.json.
"""
