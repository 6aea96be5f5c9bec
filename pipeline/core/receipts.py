"""What the receipt of a source says: ``data/raw/<source>/fetch.json``, which fetch writes last."""

import json
from typing import Any

from upath import UPath

from sources.core.errors import CxnetError
from sources.core.origin import ORIGIN_KEY, in_words


def fetch_receipt(raw: UPath, source: str) -> dict[str, Any]:
    """The receipt of a source below ``raw``, the folder ``data/raw``; empty if it has not been fetched.

    Raises:
        CxnetError: the receipt is damaged.
    """
    path = raw / source / "fetch.json"
    try:
        receipt = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError as error:
        raise CxnetError(f"{path} is not readable JSON ({error}); run `cxnet-data fetch {source}` again.") from None
    if not isinstance(receipt, dict):
        raise CxnetError(f"{path} is no receipt; run `cxnet-data fetch {source}` again.")
    return receipt


def origin_of(receipt: dict[str, Any]) -> str | None:
    """What answered when the source was fetched, in words; None if nobody wrote it down."""
    origin = receipt.get(ORIGIN_KEY)
    return None if origin is None else in_words(str(origin))
