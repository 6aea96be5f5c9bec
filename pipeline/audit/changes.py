"""How the audits of two versions differ: the AUC of every probe that both have."""

import json
from typing import Any

from upath import UPath

from sources.core.errors import CxnetError

Row = tuple[str, str, str, float | None, float | None, float | None]


def read_audit(path: UPath) -> dict[str, Any]:
    """An ``audit.json``, by its path or by the folder of the snapshot or project that holds it.

    Raises:
        CxnetError: there is none, or it is damaged.
    """
    places = (path, path / "audit.json", path / "reports" / "audit.json")
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise CxnetError(f"{path} holds no audit.json; `cxnet-data audit` makes one.")
    try:
        content = json.loads(found.read_text(encoding="utf-8"))
        _readings(content)
    except (ValueError, KeyError, TypeError):
        raise CxnetError(f"{found} is not readable; run `cxnet-data audit` again.") from None
    return dict(content)


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[Row]:
    """Target, inputs, sight, AUC before, AUC after and their difference; the largest changes first."""
    old, new = _readings(before), _readings(after)
    rows: list[Row] = []
    for key in sorted({*old, *new}):
        first, second = old.get(key), new.get(key)
        difference = None if first is None or second is None else round(second - first, 4)
        rows.append((*key, first, second, difference))
    return sorted(rows, key=lambda row: -abs(row[-1] or 0))


def _readings(content: dict[str, Any]) -> dict[tuple[str, str, str], float | None]:
    return {(each["target"], each["inputs"], each["sight"]): each["auc"]["value"] for each in content["readings"]}
