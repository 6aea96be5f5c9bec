"""The user's own folders: their files and archives, their tables, and which row of a table means which file."""
