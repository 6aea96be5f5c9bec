"""Pages of teaching cases that need more than one module to read."""
