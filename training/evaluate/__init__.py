"""Stage evaluate: judge one experiment on the test split.

Reads data/arrays/<size>/ and models/<experiment>/. Writes reports/<experiment>/ and data/judged/.
"""
