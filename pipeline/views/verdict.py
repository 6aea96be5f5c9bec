"""Reconcile the view that a source states with the view that the picture shows.

The source comes first, then what the file itself says that it shows; the picture decides for films of unknown view. If
they clearly disagree, none is trusted: the film is excluded and marked for a person to decide
(``curation/decisions.csv``). The picture never decides between AP and PA.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.classifiers.views import CLASSES, predict
from pipeline.core.params import ViewsParams
from pipeline.core.tables import exclude
from sources.core.items import FRONTAL, KEY, Key

Scores = npt.NDArray[np.float32]  # probabilities of CLASSES, (3,)

CLASS_OF = {**dict.fromkeys(FRONTAL, "frontal"), "L": "lateral", "CT": "other", "OTHER": "other"}
VIEW_OF = {"frontal": "unknown", "lateral": "L", "other": "OTHER"}
NAMES = {"L": "lateral film", "CT": "CT slice", "OTHER": "not a chest film"}


@dataclass(frozen=True)
class Verdict:
    """The view of one film and what follows from it; all fields but ``reason`` are columns of ``views.parquet``.

    Attributes:
        view: PA | AP | AP_SUPINE | L | CT | OTHER | unknown.
        view_source: where ``view`` comes from, metadata | model; None if it is unknown and there is no picture.
        view_class: what the picture shows, frontal | lateral | other; None without a picture.
        view_score: probability of ``view_class``.
        view_review: why a person should look at the view; None if there is no need.
        reason: why the film is excluded; None if it stays.
    """

    view: str
    view_source: str | None = None
    view_class: str | None = None
    view_score: float | None = None
    view_review: str | None = None
    reason: str | None = None


def decide(rows: pd.DataFrame, scores: Mapping[Key, Scores], params: ViewsParams) -> pd.DataFrame:
    """Add the columns of the stage to ``rows``, and exclude what is not to be kept.

    Args:
        rows: all rows, with the columns ``source``, ``item_id``, ``view``, ``file_subject``, ``excluded_by`` and
            ``reason``.
        scores: probabilities of :data:`pipeline.classifiers.views.CLASSES` for every row with a picture.
        params: options of the stage.
    """
    verdicts = [
        verdict(view, scores.get((source, item_id)), params, None if pd.isna(subject) else subject)
        for source, item_id, view, subject in rows[[*KEY, "view", "file_subject"]].itertuples(index=False, name=None)
    ]
    columns = {
        field.name: pd.Series([getattr(each, field.name) for each in verdicts], rows.index, object)
        for field in fields(Verdict)
    }
    reason = columns.pop("reason")
    return exclude(rows.assign(**columns), reason.notna(), "views", reason)


def verdict(view: str | None, scores: Scores | None, params: ViewsParams, subject: str | None = None) -> Verdict:
    """Decide on one film.

    Args:
        view: as its source states it; ``unknown`` or None if it does not.
        scores: probabilities of frontal, lateral and other; None without a picture.
        params: options of the stage.
        subject: what the file itself says that it shows, if that is no chest film.
    """
    is_stated = view in CLASS_OF
    if scores is None:
        return Verdict(view or "unknown", "metadata" if is_stated else None)
    shown = int(predict(scores[None], params.frontal_score)[0])
    if subject is not None:
        return _from_file(view if is_stated else None, subject, CLASSES[shown], float(scores[shown]), params)
    if view is not None and is_stated:
        return _from_source(view, CLASSES[shown], float(scores[shown]), params)
    return _from_picture(CLASSES[shown], float(scores[shown]), float(scores[CLASSES.index("frontal")]), params)


def _from_file(view: str | None, subject: str, shown: str, score: float, params: ViewsParams) -> Verdict:
    """A file that says itself that it shows no chest film; the source can only dispute it."""
    own = "CT" if subject == "CT" else "OTHER"
    if view is not None and CLASS_OF[view] != "other":
        review = f"the source states {view}, the file says: {subject}"
        return Verdict(view, "metadata", shown, round(score, 4), review, f"view disputed: {review}")
    view = view or own
    reason = None if view in params.keep else f"{NAMES[view]} (the file says: {subject})"
    return Verdict(view, "metadata", shown, round(score, 4), None, reason)


def _from_source(view: str, shown: str, score: float, params: ViewsParams) -> Verdict:
    """A film whose source states its view; the picture can only dispute it."""
    is_disputed = shown != CLASS_OF[view] and score >= params.review_score
    review = f"the source states {view}, the picture looks {shown} ({score:.2f})" if is_disputed else None
    reason = None
    if view not in params.keep:
        reason = f"{NAMES.get(view, f'view {view}')} (metadata)"
    elif is_disputed:
        reason = f"view disputed: {review}"
    return Verdict(view, "metadata", shown, round(score, 4), review, reason)


def _from_picture(shown: str, score: float, frontal: float, params: ViewsParams) -> Verdict:
    """A film whose source states no view; ``frontal`` is the probability that it is a frontal film."""
    is_doubtful = score < frontal  # frontal is the most likely class, but not likely enough
    view = "unknown" if is_doubtful else VIEW_OF[shown]
    review = reason = None
    if score < params.review_score:
        most_likely, probability = ("frontal", frontal) if is_doubtful else (shown, score)
        review = f"the view comes from the picture alone and is uncertain: {most_likely} ({probability:.2f})"
    if is_doubtful:
        reason = f"not certain to be a frontal film (picture, {frontal:.2f})"
    elif view not in params.keep:
        reason = f"{NAMES.get(view, 'frontal film, projection unknown')} (picture, {score:.2f})"
    return Verdict(view, "model", shown, round(score, 4), review, reason)
