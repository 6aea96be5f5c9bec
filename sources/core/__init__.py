"""What the rest of the project relies on: items, the base class of sources, errors, storage, limits."""
