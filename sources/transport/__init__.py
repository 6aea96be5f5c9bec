"""Polite, guarded HTTP: rate limits, retries, robots.txt and the offline mirror. Knows nothing of images."""
