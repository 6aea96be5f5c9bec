"""What people decided, and how it is applied to the rows."""
