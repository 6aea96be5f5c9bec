"""The sandbox: a drawn mirror of every source, with the truth about it on the side."""
