"""The one way to the web: polite, bounded, and blind to whether it talks to the live site or to an offline copy."""
