"""Sets the paper's results beside ours: its tables, with what has to be known before figures are compared."""
