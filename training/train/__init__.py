"""Stage train: fit one experiment.

Reads data/arrays/<size>/, splits train and val only. Writes models/<experiment>/.
"""
