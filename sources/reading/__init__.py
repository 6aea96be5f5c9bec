"""Turn pages, tables, captions and archives into facts."""
