"""Polite, guarded HTTP: rate limits, retries, robots.txt and the offline mirror. It knows nothing about images."""
