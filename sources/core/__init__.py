"""What everything above relies on: items, the base class of sources, errors, storage."""
