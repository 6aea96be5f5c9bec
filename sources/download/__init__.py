"""Download files into data/raw/<source>/ and write one row for each image."""
