"""What the audit stage found, for the report: verdicts, a table of readings, what to mend."""

import json
from dataclasses import dataclass
from typing import Any

from pipeline.core.layout import Layout
from pipeline.report.summary import Table
from sources.core.errors import CxnetError


@dataclass(frozen=True)
class Audit:
    """Section on shortcuts.

    Attributes:
        verdicts: (what it says, what it does not establish).
        readings: sight x attribute.
        remedies: sources with a single label.
    """

    verdicts: list[tuple[str, str]]
    readings: Table
    remedies: Table


def audited(layout: Layout) -> Audit | None:
    """The section; None if the stage has not run, or there was nothing to read.

    Raises:
        CxnetError: the file is damaged.
    """
    path = layout.reports / "audit.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not content["readings"]:
            return None
        verdicts = [(str(each["says"]), str(each["does_not"])) for each in content["verdicts"]]
        return Audit(verdicts, _readings(content["readings"]), _remedies(content["remedies"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise CxnetError(f"{path} is not readable; run `cxnet-data audit` again.") from None


def _readings(readings: list[dict[str, Any]]) -> Table:
    """One row per sight, one column per attribute: AUC with its interval, and within label or source."""
    targets = list(dict.fromkeys(each["target"] for each in readings))
    seen = list(dict.fromkeys((each["inputs"], each["sight"]) for each in readings))
    cells = {(each["inputs"], each["sight"], each["target"]): _cell(each) for each in readings}
    rows = [
        (f"{sight}, {inputs}", *(cells.get((inputs, sight, target), "–") for target in targets))
        for inputs, sight in seen
    ]
    title = "AUC (95% interval) of each probe; in brackets among films of one label, or of one source for the label"
    return Table(("the probe sees", *targets), rows, title)


def _cell(reading: dict[str, Any]) -> str:
    auc, within = reading["auc"], reading["within"]
    if auc["value"] is None:
        return "–"
    inside = "–" if within["value"] is None else f"{within['value']:.2f}"
    return f"{auc['value']:.2f} ({auc['low']:.2f} – {auc['high']:.2f}) [{inside}]"


def _remedies(remedies: list[dict[str, Any]]) -> Table:
    rows = [
        (each["source"], each["films"], each["label"], each["advice"], f"{each['cramers_v']:.3f}") for each in remedies
    ]
    columns = ("source", "films", "label", "what to do", "Cramér's V without it")
    return Table(columns, rows, "Sources with a single label")
