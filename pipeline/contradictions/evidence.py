"""The seven kinds of evidence that contradict the manifest."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.contradictions.disagreement import DIGITS, cross_validate
from pipeline.core.own_folder import FolderParams
from pipeline.core.params import ContradictionsParams
from pipeline.core.tables import row_names
from pipeline.prepare.arrays import Arrays
from sources.language.labels import label_of
from sources.own.labels import LabelWords

KINDS = ("rt_pcr", "finding", "rows", "two_labels", "age", "sex", "model")
TESTS = (("covid", "negative"), ("cap", "positive"))  # label, and the RT-PCR result that contradicts it
SIGNS = re.compile(r"infiltrat|consolidat", re.IGNORECASE)  # how some sources (NIH) describe pneumonia
NOTHING_ABNORMAL = re.compile(r"\bno\s+(?:acute\s+)?(?:abnormalit|finding|opacit)|\bunremarkable\b", re.IGNORECASE)
DAYS_PER_YEAR = 365.25
QUOTED = 200  # characters of a finding that are quoted


@dataclass(frozen=True)
class Contradiction:
    """One piece of evidence against one film.

    Attributes:
        film: ``<source>/<item_id>``.
        kind: one of :data:`KINDS`.
        suggested: label without the contradiction; None if it is not known.
        score: strength of the contradiction from 0 to 1; None if it was not measured.
        evidence: one clause for a person.
        other: the other film of the contradiction, ``<source>/<item_id>``.
    """

    film: str
    kind: str
    suggested: str | None
    score: float | None
    evidence: str
    other: str | None = None


def contradicting_tests(rows: pd.DataFrame) -> Iterator[Contradiction]:
    """Films labeled covid with a negative RT-PCR, or cap with a positive one, from their source or that of a copy."""
    label_or_finding = rows["label"].astype(object).where(rows["label"].notna(), _labels_of(rows["finding"]))
    for label, result in TESTS:
        is_labeled = label_or_finding == label
        has_result = (rows["rt_pcr"] == result).fillna(False).astype(bool)
        for film in rows.loc[is_labeled & has_result, "film"]:
            evidence = f"labeled {label}, but RT-PCR {result} according to its source or a copy"
            yield Contradiction(film, "rt_pcr", None, 1.0, evidence)
        copies = rows[has_result & rows["cluster_id"].notna()].drop_duplicates("cluster_id")
        tested = dict(zip(copies["cluster_id"], copies["film"], strict=True))
        untested = rows[is_labeled & rows["rt_pcr"].isna() & rows["cluster_id"].isin(tested)]
        for film, cluster in zip(untested["film"], untested["cluster_id"], strict=True):
            evidence = f"labeled {label}, but RT-PCR {result} for its copy {tested[cluster]}"
            yield Contradiction(film, "rt_pcr", None, 1.0, evidence, tested[cluster])


def contradicting_findings(rows: pd.DataFrame, folders: Sequence[FolderParams] = ()) -> Iterator[Contradiction]:
    """Films whose finding, in the source's own words, means another label or reports nothing abnormal.

    Args:
        rows: the manifest with the column ``film``.
        folders: people's own films; where the words of a finding have the film's label there, a person has decided.
    """
    meant = _labels_of(rows["finding"])
    labeled = rows[meant.notna() & rows["label"].notna() & ~_mapped(rows, folders)]
    for film, finding, label, other in zip(
        labeled["film"], labeled["finding"], labeled["label"], meant[labeled.index], strict=True
    ):
        quoted = repr(finding[:QUOTED])
        if other != label and not (label == "cap" and other == "other" and SIGNS.search(finding)):
            yield Contradiction(film, "finding", other, 1.0, f"the finding {quoted} means {other}")
        elif label != "normal" and NOTHING_ABNORMAL.search(finding):  # ill, but this film may not show it
            yield Contradiction(film, "finding", "normal", 0.5, f"the finding {quoted} reports nothing abnormal")


def _mapped(rows: pd.DataFrame, folders: Sequence[FolderParams]) -> "pd.Series[bool]":
    """Rows of folders whose ``labels`` map all words of the finding to the label of the film."""
    settled: set[str] = set()
    for folder in folders:
        own = rows[(rows["source"] == folder.name) & rows["finding"].notna() & rows["label"].notna()]
        readings, _ = LabelWords(folder.labels).read(own["finding"].tolist())
        for film, label, reading in zip(own["film"], own["label"], readings, strict=True):
            if folder.labels and reading.label == label and not reading.unmapped:
                settled.add(film)
    return rows["film"].isin(settled)


def contradicting_rows(rows: pd.DataFrame) -> Iterator[Contradiction]:
    """Films to which the rows of their own source's table give several labels, or normal beside another finding."""
    several = rows[rows["boxes"].notna()]
    for film, boxes in zip(several["film"], several["boxes"], strict=True):
        labels = {str(box["label"]): str(box["finding"])[:QUOTED] for box in boxes if box["label"] is not None}
        others = [str(box["finding"])[:QUOTED] for box in boxes if box["label"] is None and box["finding"] is not None]
        if len(labels) > 1 or ("normal" in labels and others):
            stated = [f"{label} ({finding!r})" for label, finding in labels.items()] + [repr(other) for other in others]
            evidence = f"rows of its source's table disagree: {', '.join(dict.fromkeys(stated))}"
            yield Contradiction(film, "rows", None, 1.0, evidence)


def two_labels(conflicts: pd.DataFrame) -> Iterator[Contradiction]:
    """Both films of each pair of copies with two labels."""
    for pair in conflicts[conflicts["column"] == "label"].to_dict("records"):
        for here, there in (("a", "b"), ("b", "a")):
            film, other = (f"{pair[f'{side}_source']}/{pair[f'{side}_item_id']}" for side in (here, there))
            label = str(pair[f"{there}_value"])
            score = None if pd.isna(pair["similarity"]) else round(float(pair["similarity"]), DIGITS)
            yield Contradiction(film, "two_labels", label, score, f"its copy {other} is labeled {label}", other)


def _labels_of(findings: "pd.Series[str]") -> "pd.Series[str]":
    """The label that each finding means; null if it means none."""
    labels = {finding: label_of(finding) for finding in findings.dropna().unique()}
    return findings.astype(object).map(labels).astype(object)


def contradicting_ages(rows: pd.DataFrame, params: ContradictionsParams) -> Iterator[Contradiction]:
    """Films of one patient whose ages do not fit together.

    The days between films count where they are known: within one source, and for copies of one exposure. Elsewhere the
    films may be years apart, and the ages may differ more.
    """
    aged = rows[rows["age"].notna()]
    born = aged["age"].astype(float) - aged["offset_days"].fillna(0.0).astype(float) / DAYS_PER_YEAR
    for patient, films in _patients(aged.assign(born=born), ["age", "born"], params.age_years):
        days = [f" on day {day:g}" if pd.notna(day) else "" for day in films["offset_days"]]
        values = [f"age {age:g}{day}" for age, day in zip(films["age"], days, strict=True)]
        yield from _outliers(patient, films, _ages_disagree(films, params), "age", values)


def _ages_disagree(films: pd.DataFrame, params: ContradictionsParams) -> npt.NDArray[np.bool_]:
    """Which of the N films of a patient have contradicting ages, (N, N)."""
    age = films["age"].to_numpy(float)
    year = films["offset_days"].fillna(np.nan).to_numpy(float) / DAYS_PER_YEAR
    apart = year[:, None] - year[None, :]
    dated = _equal(films["source"].to_numpy(object)) & ~np.isnan(apart)
    difference = np.abs(age[:, None] - age[None, :] - np.where(dated, apart, 0.0))
    cluster = films["cluster_id"].fillna("").to_numpy(object)
    same_exposure = _equal(cluster) & (cluster != "")[:, None]
    tolerance = np.where(dated | same_exposure, params.age_years, params.undated_years)
    return np.asarray(difference > tolerance, bool)


def contradicting_sexes(rows: pd.DataFrame) -> Iterator[Contradiction]:
    """Films of one patient with different sexes."""
    known = rows[rows["sex"].notna()]
    for patient, films in _patients(known.assign(is_female=(known["sex"] == "F").astype(float)), ["is_female"], 0.5):
        sex = films["sex"].to_numpy(object)
        yield from _outliers(patient, films, ~_equal(sex), "sex", [f"sex {value}" for value in sex])


def _patients(rows: pd.DataFrame, columns: list[str], spread: float) -> Iterator[tuple[str, pd.DataFrame]]:
    """The patients for whom one of ``columns`` varies by more than ``spread``, and their films."""
    rows = rows.assign(patient=rows["patient_key"].astype(object).combine_first(rows["patient_id"].astype(object)))
    grouped = rows.groupby("patient")[columns]
    wide = (grouped.max().astype(float) - grouped.min().astype(float) > spread).any(axis=1)
    for patient, films in rows[rows["patient"].isin(wide.index[wide])].groupby("patient"):
        yield str(patient), films


def _equal(values: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
    """Which of N values are equal, (N, N)."""
    return np.asarray(values[:, None] == values[None, :], bool)


def _outliers(
    patient: str, films: pd.DataFrame, disagree: npt.NDArray[np.bool_], kind: str, values: list[str]
) -> Iterator[Contradiction]:
    """Of each pair that disagrees, the film that disagrees with more films of the patient; both if they tie.

    The score is the share of the patient's other films with which the film disagrees.
    """
    names = films["film"].tolist()
    against = disagree.sum(axis=1)
    for place in np.flatnonzero(against):
        others = np.flatnonzero(disagree[place])
        if against[place] < against[others].min():
            continue
        other = int(others[0])
        share = round(float(against[place] / (len(names) - 1)), DIGITS)
        evidence = f"{values[place]}, but {values[other]} for {names[other]} of the same patient ({patient})"
        yield Contradiction(names[place], kind, None, share, evidence, names[other])


def contradicting_predictions(arrays: Arrays, params: ContradictionsParams) -> Iterator[Contradiction]:
    """Kept films whose label the cross-validated classifier contradicts, see :mod:`.disagreement`."""
    rows = arrays.rows.assign(film=row_names(arrays.rows))
    predictions = cross_validate(arrays.images, rows["label"], rows["group_id"], params.folds, params.seed)
    for place in np.flatnonzero(predictions.suspicious):
        probability = dict(zip(predictions.classes, predictions.probabilities[place].tolist(), strict=True))
        label = str(rows["label"].iloc[place])
        suggested = max(probability, key=lambda name: probability[name])
        values = f"{suggested} {probability[suggested]:.2f}, {label} {probability[label]:.2f}"
        evidence = f"a classifier trained without this patient predicts {values}"
        score = round(1 - probability[label], DIGITS)
        yield Contradiction(rows["film"].iloc[place], "model", suggested, score, evidence)
