"""Profiles: reading, extending, checking and printing them."""
