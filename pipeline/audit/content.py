"""The whole audit: every attribute by every sight, controls, associations, verdicts in words."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.audit.links import Link, link, remedies
from pipeline.audit.probes import Estimate, Ints, Scores, probe
from pipeline.audit.sights import HARMLESS, SIGHTS, Features
from pipeline.prepare.arrays import Arrays
from sources.core.items import KEY

log = logging.getLogger(__name__)

Values = dict[str, list[str | None]]
CLEAR = 0.7  # AUC from which an attribute counts as readable
AGES = ((40, "under 40"), (65, "40 to 64"), (200, "65 and older"))
MARKER = 16  # px of the planted marker


@dataclass(frozen=True)
class Reading:
    """How well one probe reads one attribute.

    Attributes:
        target: the attribute; ``inputs``: the prepared films; ``sight``: what of them the probe sees.
        n, groups: films and patients; ``values``: what was told apart.
        auc: over all films.
        within: among films of one label (of one source, if the label is the target): what is left of it.
    """

    target: str
    inputs: str
    sight: str
    n: int
    groups: int
    values: list[str]
    auc: Estimate
    within: Estimate


def attributes(rows: pd.DataFrame) -> Values:
    """The attributes of each film; None where unknown."""
    age = rows["age"].astype(float)
    named: list[str | None] = [next((name for most, name in AGES if value < most), None) for value in age]
    view = rows["view"].astype(object).replace({"unknown": None})
    return {
        "label": _known(rows["label"]),
        "source": _known(rows["source"]),
        "view": _known(view),
        "sex": _known(rows["sex"]),
        "age": [name if not np.isnan(value) else None for name, value in zip(named, age, strict=True)],
    }


def _known(values: "pd.Series[str]") -> list[str | None]:
    return [None if pd.isna(value) else str(value) for value in values]


def audit(inputs: Mapping[str, tuple[Arrays, pd.DataFrame]], seed: int) -> tuple[dict[str, Any], pd.DataFrame]:
    """Run every probe.

    Args:
        inputs: name of prepared films -> them, and their rows of the manifest in the same order; the first is the main
            one, of the others only the whole film is looked at (cropped to the lungs, without marks).
        seed: of folds, resamples and controls.

    Returns:
        The audit as JSON values, and the scores of every probe, one row per film and value.
    """
    readings, scores = [], []
    for number, (name, (arrays, rows)) in enumerate(inputs.items()):
        groups = pd.factorize(rows["group_id"])[0].astype(np.int64)
        values = attributes(rows)
        for sight, see in SIGHTS.items():
            if number and sight != "full film":
                continue
            log.info("%s, %s", name, sight)
            features = see(arrays, rows)
            for target, given in values.items():
                found = probe(features, given, groups, seed)
                if found is not None:
                    readings.append(_reading(target, name, sight, found, values, seed))
                    scores.append(_score_rows(target, name, sight, found, rows))
            if not number and sight == "full film":
                controls = _controls(features, values["label"], groups, arrays, seed)
    rows = next(iter(inputs.values()))[1]
    content = _content(readings, controls, rows)
    return content, pd.concat(scores, ignore_index=True) if scores else _score_rows_of_none()


def _reading(target: str, inputs: str, sight: str, found: Scores, values: Values, seed: int) -> Reading:
    other = values["source" if target == "label" else "label"]
    kinds = pd.factorize(np.array([other[place] or "" for place in found.places], dtype=object))[0].astype(np.int64)
    groups = len(np.unique(found.groups))
    auc, within = found.auc(seed), found.auc(seed, kinds)
    return Reading(target, inputs, sight, len(found.places), groups, found.values, auc, within)


def _controls(features: Features, labels: list[str | None], groups: Ints, arrays: Arrays, seed: int) -> dict[str, Any]:
    """Shuffled labels must not be readable; a planted marker must be."""
    rng = np.random.default_rng(seed)
    shuffled = [labels[place] for place in rng.permutation(len(labels))]
    negative = probe(features, shuffled, groups, seed)
    side = round(len(features[0]) ** 0.5)
    marked = features.reshape(-1, side, side).copy()
    has_marker = rng.random(int(groups.max()) + 1)[groups] < 0.5
    marked[has_marker, : side * MARKER // 128 + 1, : side * MARKER // 128 + 1] = 255
    planted = ["marked" if each else "plain" for each in has_marker]
    positive = probe(marked.reshape(len(features), -1), planted, groups, seed)
    made = {"shuffled labels": negative, "planted marker": positive}
    return {name: None if found is None else asdict(found.auc(seed)) for name, found in made.items()}


def _content(readings: list[Reading], controls: dict[str, Any], rows: pd.DataFrame) -> dict[str, Any]:
    labels = rows["label"].astype(object)
    named = {name: pd.Series(given, dtype=object) for name, given in attributes(rows).items()}
    links = [found for name in ("source", "view", "sex", "age") if (found := link(name, named[name], labels))]
    known = {name: named[name].notna().map({True: "known", False: "unknown"}) for name in ("age", "sex", "view")}
    missing = [found for name, given in known.items() if (found := link(f"{name} known", given, labels))]
    return {
        "films": len(rows),
        "patients": int(rows["group_id"].nunique()),
        "readings": [asdict(each) for each in readings],
        "controls": controls,
        "links": [asdict(each) for each in links],
        "missing": [asdict(each) for each in missing],
        "remedies": [asdict(each) for each in remedies(rows["source"].astype(object), labels)],
        "verdicts": list(_verdicts(readings, controls, links, missing)),
    }


def _verdicts(
    readings: list[Reading], controls: dict[str, Any], links: list[Link], missing: list[Link]
) -> Iterator[dict[str, str]]:
    """What the figures say in words, and what they do not establish."""
    first = readings[0].inputs if readings else ""
    negative, positive = (controls.get(name) for name in ("shuffled labels", "planted marker"))
    sound = bool(negative and positive and negative["low"] <= 0.5 <= negative["high"] and positive["value"] > 0.95)
    yield {
        "says": "The controls hold: shuffled labels cannot be read, a planted marker can."
        if sound
        else "The controls do not hold; take every figure below with care.",
        "does_not": "Controls show that the probes work, not that they find every shortcut.",
    }
    for each in readings:
        if each.inputs != first or each.target != "label" or each.sight in HARMLESS:
            continue
        value = each.auc.value
        if value is not None and value >= CLEAR:
            yield {
                "says": f"The label can be read off the {each.sight} with AUC {value:.2f}: a model may learn this "
                "instead of disease.",
                "does_not": "It does not show that a given model does so: look at its Grad-CAM, and at sources that it "
                "never saw.",
            }
    for found in links:
        if found.guessed - found.chance > 0.1:
            yield {
                "says": f"Whoever knows only the {found.attribute} guesses {found.guessed:.0%} of the labels (chance "
                f"{found.chance:.0%}; Cramér's V {found.cramers_v:.2f}).",
                "does_not": "It does not show that the films themselves differ by it.",
            }
    for found in missing:
        if found.cramers_v > 0.3:
            yield {
                "says": f"Whether the {found.attribute.removesuffix(' known')} is known depends on the label "
                f"(Cramér's V {found.cramers_v:.2f}).",
                "does_not": "A table by it compares different kinds of films.",
            }


def _score_rows(target: str, inputs: str, sight: str, found: Scores, rows: pd.DataFrame) -> pd.DataFrame:
    keys = rows.iloc[found.places][list(KEY)].reset_index(drop=True).astype(object)
    own = found.scores[np.arange(len(found.actual)), found.actual]
    named = np.array(found.values, dtype=object)
    return keys.assign(
        target=target,
        inputs=inputs,
        sight=sight,
        actual=named[found.actual],
        predicted=named[found.scores.argmax(axis=1)],
        score=np.round(own, 5),
    )


def _score_rows_of_none() -> pd.DataFrame:
    return pd.DataFrame(columns=[*KEY, "target", "inputs", "sight", "actual", "predicted", "score"])
