"""Origins: what answers the requests of a fetch. Receipts and journals write it down."""

LIVE = "live"
SANDBOX = "sandbox"
OWN = "own folder"  # the origin of a folder of the user's own, which is the same in every profile
ORIGIN_KEY = "world"  # key of the origin in receipts and journals
NAMES = {LIVE: "the live web", OWN: "your own folder"}


def in_words(origin: str) -> str:
    """An origin for a sentence: the live web, the mirror, the sandbox (seed 7, 626 films), your own folder."""
    if origin in NAMES:
        return NAMES[origin]
    name, _, options = origin.partition(", ")
    return f"the {name} ({options})" if options else f"the {name}"
