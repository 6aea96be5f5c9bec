"""Synthetic sites, one module per source: each turns films into the files of an offline mirror."""
