"""Stage train: fit one experiment.

Reads data/arrays/<size>/. Writes models/<experiment>/.
"""
