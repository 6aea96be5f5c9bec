"""Sources that a run could not reach, or only in part, are fetched again by the next run.

DVC runs a stage again only if something has changed. So the receipt of such a source says ``retry`` with the reason,
and the next run removes that word before it starts DVC.
"""

import json
from pathlib import Path
from typing import Any

RETRY = "retry"


def to_retry(raw: Path) -> dict[str, str]:
    """The sources below ``data/raw`` to fetch again, with the reasons."""
    return {path.parent.name: str(receipt[RETRY]) for path, receipt in _receipts(raw)}


def ask_again(raw: Path) -> None:
    """Let DVC fetch these sources again."""
    from sources.core.storage import write_json  # imports pandas, which most runs do not need here

    for path, receipt in _receipts(raw):
        write_json(path, {name: value for name, value in receipt.items() if name != RETRY})


def _receipts(raw: Path) -> list[tuple[Path, dict[str, Any]]]:
    found = []
    for path in sorted(raw.glob("*/fetch.json")):
        try:
            receipt = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # whoever reads it for its content complains
            continue
        if isinstance(receipt, dict) and RETRY in receipt:
            found.append((path, receipt))
    return found
