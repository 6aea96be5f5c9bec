"""Read facts from pages, tables, captions, answers of APIs and archives. Nothing here downloads."""
