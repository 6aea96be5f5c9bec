"""Versioned snapshots of a data set: what others may have, and how to rebuild the rest."""
